// SPDX-License-Identifier: Apache-2.0
// Facts as the real kernels gave them (flyball doctor -j in the lab and on a locked-down host).
#pragma once

#include "flyball/kernel/facts.hpp"
#include "flyball/kernel/programs.hpp"

#include <initializer_list>
#include <string_view>

namespace flyball::kernel::fake {

inline const Trial kYes{.ok = true, .why = {}};
inline const Trial kRefused{.ok = false, .why = "Operation not permitted"};

inline void absent(Facts& facts, std::initializer_list<std::string_view> names)
{
    for (const std::string_view name : names)
        facts.hooks[std::string(name)] = Hook{};
}

// All that any kernel has, at once.
inline Facts everything()
{
    Facts facts{.release = "0.0.0-fake", .arch = "x86_64", .euid = 0};
    facts.caps = {.bpf = true, .perfmon = true, .sys_admin = true, .sys_resource = true};
    facts.lockdown = "none";
    facts.btf = facts.psi = true;
    facts.bpf = facts.tp_btf = facts.fentry = facts.fexit = kYes;
    facts.ring_buffer = facts.task_storage = facts.map_in_map = facts.test_run = facts.cpu_clock = kYes;
    for (const Program& program : programs())
        facts.hooks[std::string(program.name)] = Hook{.exists = true, .loads = true};
    facts.fields = {"cfs_rq.throttled", "task_struct.in_memstall"};
    facts.possible_cpus = 2;
    facts.cpu = facts.memory = facts.io = facts.pids = Controller{.present = true, .unified = true};
    return facts;
}

// 6.1 and 6.12: whole run queues are throttled, memory.high by its old name.
inline Facts debian_6_1()
{
    Facts facts = everything();
    absent(facts, {"throttle_begin_task", "charge_lruvec", "charge_kernel", "high_enter", "high_exit"});
    return facts;
}
inline Facts debian_6_12()
{
    Facts facts = debian_6_1();
    facts.fields.emplace("cfs_rq.throttled_clock_self_time");
    facts.rdonly_cast = kYes;
    return facts;
}

inline Facts debian_6_18()
{
    Facts facts = everything();
    facts.fields.insert({"task_struct.throttled", "cfs_rq.throttled_clock_self_time"});
    facts.preempt_off = facts.rdonly_cast = kYes;
    absent(facts, {"high_enter_old", "high_exit_old"});
    return facts;
}
inline Facts debian_7_2()
{
    return debian_6_18();
}

inline void refuse_fentry(Facts& facts)
{
    facts.fentry = facts.fexit = kRefused;
    for (const Program& program : programs()) {
        Hook& hook = facts.hooks[std::string(program.name)];
        const bool function = program.kind == ProgramKind::Fentry || program.kind == ProgramKind::Fexit;
        if (function && hook.exists)
            hook = {.exists = true, .loads = false, .why = kRefused.why};
    }
}

// 6.18 that refuses fentry, with cgroup v1 hierarchies.
inline Facts locked_host()
{
    Facts facts = debian_6_18();
    facts.lockdown.clear();
    facts.caps.sys_resource = false;
    refuse_fentry(facts);
    facts.cpu = facts.memory = facts.io = facts.pids = Controller{.present = true, .unified = false};
    return facts;
}

inline Facts no_privileges()
{
    Facts facts = debian_6_18();
    facts.euid = 1000;
    facts.caps = {};
    facts.bpf = facts.tp_btf = facts.fentry = facts.fexit = kRefused;
    facts.ring_buffer = facts.task_storage = facts.map_in_map = facts.test_run = facts.cpu_clock = kRefused;
    facts.preempt_off = facts.rdonly_cast = kRefused;
    for (auto& [name, hook] : facts.hooks)
        if (hook.exists)
            hook = {.exists = true, .loads = false, .why = kRefused.why};
    return facts;
}

inline Facts no_btf()
{
    Facts facts = debian_6_12();
    facts.btf = false;
    facts.tp_btf = facts.fentry = facts.fexit = facts.rdonly_cast = Trial{};
    facts.hooks.clear();
    facts.fields.clear();
    return facts;
}

inline Facts psi_off()
{
    Facts facts = debian_6_12();
    facts.psi = false;
    return facts;
}

// fentry is allowed, but one function of the throttle set was inlined.
inline Facts one_inlined()
{
    Facts facts = debian_6_12();
    absent(facts, {"throttle_up"});
    return facts;
}

inline Facts one_inlined_6_1()
{
    Facts facts = debian_6_1();
    absent(facts, {"throttle_up"});
    return facts;
}

}  // namespace flyball::kernel::fake
