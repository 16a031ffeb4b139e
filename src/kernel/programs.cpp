// SPDX-License-Identifier: Apache-2.0
#include "flyball/kernel/programs.hpp"

#include <linux/bpf.h>

#include <algorithm>
#include <array>

namespace flyball::kernel {

namespace {

using enum ProgramKind;
using G = ProgramGroup;

constexpr std::array kPrograms = {
    // clang-format off
    // bpf/emit.bpf.h
    Program{"flush_cpu", RawTp, "", G::Core, -1, "", "sends a CPU's waiting batch"},
    // bpf/task.bpf.h
    Program{"read_tasks", Iter, "task", G::Core, -1, "", "state of tasks that live already"},
    Program{"task_newtask", TpBtf, "task_newtask", G::Task, 0, "task_struct", "forks, pids peak, state of new tasks"},
    Program{"task_exit", TpBtf, "sched_process_exit", G::Task, 0, "task_struct", "exits"},
    Program{"fork_refused", Fexit, "pids_can_fork", G::Refused, 0, "task_struct", "forks that pids.max refused"},
    // bpf/sched.bpf.h
    Program{"sched_switch", TpBtf, "sched_switch", G::Core, 1, "task_struct", "run-queue wait, time on the CPU"},
    Program{"sched_wakeup", TpBtf, "sched_wakeup", G::Sched, 0, "task_struct", "begin of a wait"},
    Program{"sched_wakeup_new", TpBtf, "sched_wakeup_new", G::Sched, 0, "task_struct", "begin of a new task's wait"},
    Program{"sched_migrate_task", TpBtf, "sched_migrate_task", G::Sched, 0, "task_struct", "moves between CPUs"},
    // bpf/throttle.bpf.h
    Program{"throttle_begin_task", Fentry, "record_throttle_clock", G::ThrottlePerTask, 0, "cfs_rq", "begin of a hold, where tasks stop one by one"},
    Program{"throttle_end", Fentry, "unthrottle_cfs_rq", G::Throttle, 0, "cfs_rq", "episodes of a cgroup's own cpu.max"},
    Program{"throttle_walk", Fentry, "throttle_cfs_rq", G::Throttle, 0, "cfs_rq", "which cgroup throttles"},
    Program{"throttle_down", Fentry, "tg_throttle_down", G::Throttle, 0, "task_group", "descendants held by it"},
    Program{"throttle_up", Fentry, "tg_unthrottle_up", G::Throttle, 0, "task_group", "and released"},
    // bpf/memory.bpf.h
    Program{"charge", Fexit, "try_charge_memcg", G::Charge, 0, "mem_cgroup", "each memory charge and its stall"},
    Program{"charge_lruvec", TpBtf, "mod_memcg_lruvec_state", G::ChargeFallback, 0, "mem_cgroup", "anonymous and file pages as counted"},
    Program{"charge_kernel", TpBtf, "mod_memcg_state", G::ChargeFallback, 0, "mem_cgroup", "kernel memory as counted"},
    Program{"high_enter_old", Fentry, "mem_cgroup_handle_over_high", G::HighOld, -1, "", "memory.high stall begins"},
    Program{"high_exit_old", Fexit, "mem_cgroup_handle_over_high", G::HighOld, -1, "", "and ends"},
    Program{"high_enter", Fentry, "__mem_cgroup_handle_over_high", G::High, -1, "", "memory.high stall begins"},
    Program{"high_exit", Fexit, "__mem_cgroup_handle_over_high", G::High, -1, "", "and ends"},
    Program{"reclaim_begin", TpBtf, "mm_vmscan_memcg_reclaim_begin", G::Reclaim, -1, "", "reclaim at a memory limit begins"},
    Program{"reclaim_end", TpBtf, "mm_vmscan_memcg_reclaim_end", G::Reclaim, -1, "", "and ends"},
    Program{"global_reclaim_begin", TpBtf, "mm_vmscan_direct_reclaim_begin", G::Reclaim, -1, "", "reclaim for the machine begins"},
    Program{"global_reclaim_end", TpBtf, "mm_vmscan_direct_reclaim_end", G::Reclaim, -1, "", "and ends"},
    Program{"memstall_enter", Fentry, "psi_memstall_enter", G::Memstall, -1, "", "memory stall begins"},
    Program{"memstall_leave", Fentry, "psi_memstall_leave", G::Memstall, -1, "", "and ends"},
    // bpf/block.bpf.h
    Program{"bio_queue", TpBtf, "block_bio_queue", G::Block, 0, "bio", "operations and bytes, as io.stat"},
    Program{"bio_split", TpBtf, "block_split", G::Block, 0, "bio", "operations of split bios"},
    Program{"bio_held", Fexit, "__blk_throtl_bio", G::Block, 0, "bio", "who waits for io.max"},
    Program{"rq_issue", TpBtf, "block_rq_issue", G::Block, 0, "request", "request handed to the driver"},
    Program{"rq_complete", TpBtf, "block_rq_complete", G::Block, 0, "request", "request done"},
    // bpf/oom.bpf.h
    Program{"oom_decision", Fentry, "oom_kill_process", G::Oom, 0, "oom_control", "which limit, who asked, who is chosen"},
    Program{"oom_done", Fexit, "oom_kill_process", G::Oom, 0, "oom_control", "all its SIGKILLs are sent"},
    Program{"oom_policy", Fexit, "mem_cgroup_get_oom_group", G::Oom, 0, "task_struct", "what memory.oom.group said"},
    Program{"oom_mark", TpBtf, "mark_victim", G::Oom, 0, "task_struct", "each victim"},
    Program{"oom_sigkill", TpBtf, "signal_generate", G::Oom, 2, "task_struct", "SIGKILLs and their senders"},
    Program{"oom_exit", TpBtf, "sched_process_exit", G::Oom, 0, "task_struct", "a victim is gone"},
    Program{"oom_scan", Fentry, "oom_evaluate_task", G::Oom, 0, "task_struct", "who was below the limit"},
    Program{"oom_nobody", Fexit, "out_of_memory", G::Oom, 0, "oom_control", "out of memory, and nobody may be killed"},
    Program{"read_memcgs", Iter, "cgroup", G::Oom, -1, "", "what each memcg has counted"},
    Program{"read_memory", Iter, "task", G::Oom, -1, "", "memory of each process, each second"},
    Program{"oom_member", Fentry, "oom_kill_memcg_member", G::Oom, 0, "task_struct", "who was in the group"},
    Program{"oom_freed", Fentry, "exit_oom_victim", G::Oom, -1, "", "a victim let go of its memory"},
    Program{"oom_reaped", TpBtf, "finish_task_reaping", G::Oom, -1, "", "its memory was reaped"},
    // bpf/lifecycle.bpf.h
    Program{"cgroup_mkdir", TpBtf, "cgroup_mkdir", G::Cgroup, 0, "cgroup", "cgroup made"},
    Program{"cgroup_rmdir", TpBtf, "cgroup_rmdir", G::Cgroup, 0, "cgroup", "removed, with its last counters"},
    Program{"cgroup_rename", TpBtf, "cgroup_rename", G::Cgroup, 0, "cgroup", "renamed"},
    Program{"cgroup_release", TpBtf, "cgroup_release", G::Cgroup, 0, "cgroup", "gone"},
    Program{"cgroup_populated", TpBtf, "cgroup_notify_populated", G::Cgroup, 0, "cgroup", "first task came, last one went"},
    Program{"cgroup_attach", TpBtf, "cgroup_attach_task", G::Cgroup, 0, "cgroup", "task moved between cgroups"},
    // bpf/selftest.bpf.h
    Program{"emit_selftest", RawTp, "", G::Selftest, -1, "", "events of known value, for tests"},
    // clang-format on
};

}  // namespace

std::span<const Program> programs()
{
    return kPrograms;
}

const Program* find_program(std::string_view name)
{
    const auto* found = std::ranges::find(kPrograms, name, &Program::name);
    return found == kPrograms.end() ? nullptr : found;
}

std::string_view kind_name(ProgramKind kind)
{
    switch (kind) {
    case TpBtf:
        return "tp_btf";
    case Fentry:
        return "fentry";
    case Fexit:
        return "fexit";
    case Iter:
        return "iter";
    case RawTp:
        return "raw_tp";
    }
    return "?";
}

unsigned attach_type(ProgramKind kind)
{
    switch (kind) {
    case TpBtf:
        return BPF_TRACE_RAW_TP;
    case Fentry:
        return BPF_TRACE_FENTRY;
    case Fexit:
        return BPF_TRACE_FEXIT;
    case Iter:
        return BPF_TRACE_ITER;
    case RawTp:
        break;
    }
    return 0;
}

std::string section(const Program& program)
{
    std::string text(kind_name(program.kind));
    if (!program.target.empty())
        text.append("/").append(program.target);
    return text;
}

}  // namespace flyball::kernel
