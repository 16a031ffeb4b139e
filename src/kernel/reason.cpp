// SPDX-License-Identifier: Apache-2.0
#include "reason.hpp"

#include "flyball/kernel/programs.hpp"

#include <fmt/format.h>

namespace flyball::kernel {

namespace {

constexpr std::string_view kLab = "or run the workload in the lab (tools/lab)";

const Trial* kind_trial(const Facts& facts, ProgramKind kind)
{
    switch (kind) {
    case ProgramKind::TpBtf:
        return &facts.tp_btf;
    case ProgramKind::Fentry:
        return &facts.fentry;
    case ProgramKind::Fexit:
        return &facts.fexit;
    default:
        return nullptr;  // never attached, or tried by itself
    }
}

const Hook* hook_of(const Facts& facts, std::string_view program)
{
    const auto found = facts.hooks.find(program);
    return found == facts.hooks.end() ? nullptr : &found->second;
}

bool locked_down(const Facts& facts)
{
    return !facts.lockdown.empty() && facts.lockdown != "none";
}

// CAP_SYS_ADMIN includes both, as it did before v5.8 split them off.
std::string missing_capabilities(const Facts& facts)
{
    if (facts.caps.sys_admin)
        return {};
    if (!facts.caps.bpf && !facts.caps.perfmon)
        return "CAP_BPF and CAP_PERFMON";
    if (!facts.caps.bpf)
        return "CAP_BPF";
    return facts.caps.perfmon ? "" : "CAP_PERFMON";
}

// Of a refusal that may have to do with privileges.
std::string privilege_remedy(const Facts& facts, std::string_view otherwise)
{
    const std::string missing = missing_capabilities(facts);
    if (!missing.empty() && facts.euid != 0)
        return "run as root, or with CAP_BPF and CAP_PERFMON";
    if (!missing.empty())
        return fmt::format("this root lacks {}: grant it to the container, or run outside", missing);
    if (locked_down(facts))
        return "boot without lockdown (lockdown=none, Secure Boot off)";
    return std::string(otherwise);
}

Lack kind_refused(const Facts& facts, ProgramKind kind, const Trial& trial)
{
    std::string why = fmt::format("this kernel refuses {} programs ({}", kind_name(kind), trial.why);
    if (locked_down(facts))
        why += "; lockdown: " + facts.lockdown;
    return {.why = why + ")",
            .remedy = privilege_remedy(facts, fmt::format("use a kernel that allows fentry and fexit, {}", kLab))};
}

std::optional<Lack> trial_failed(const Facts& facts, const Trial& trial, std::string_view what, std::string_view remedy)
{
    if (trial.ok)
        return std::nullopt;
    return Lack{.why = fmt::format("the kernel gives no {} ({})", what, trial.why),
                .remedy = privilege_remedy(facts, remedy)};
}

}  // namespace

bool usable(const Facts& facts, std::string_view name)
{
    const Program* program = find_program(name);
    const Hook* hook = hook_of(facts, name);
    if (program == nullptr || hook == nullptr || !hook->loads)
        return false;
    const Trial* trial = kind_trial(facts, program->kind);
    return trial == nullptr || trial->ok;
}

Lack explain(const Facts& facts, std::string_view name)
{
    const Program* program = find_program(name);
    const Hook* hook = hook_of(facts, name);
    if (program == nullptr)
        return {.why = fmt::format("there is no program {}", name), .remedy = "report this"};
    const bool function = program->kind == ProgramKind::Fentry || program->kind == ProgramKind::Fexit;
    if (hook == nullptr || !hook->exists)
        return {.why = fmt::format("this kernel has no {} {}", function ? "function" : "hook", program->target),
                .remedy = "use a kernel that has it, such as one of the lab (tools/lab list)"};
    // set by without(): more particular than anything that follows
    if (!hook->remedy.empty())
        return {.why = hook->why, .remedy = hook->remedy};
    if (const Trial* trial = kind_trial(facts, program->kind); trial != nullptr && !trial->ok)
        return kind_refused(facts, program->kind, *trial);
    return {.why = fmt::format("the kernel does not take a program at {} ({})", section(*program), hook->why),
            .remedy = privilege_remedy(facts, fmt::format("use another kernel, {}", kLab))};
}

std::optional<Lack> no_cpu_clock(const Facts& facts)
{
    return trial_failed(facts, facts.cpu_clock, "clock to sample stacks at",
                        "allow perf_event_open() (kernel.perf_event_paranoid, seccomp), with CONFIG_PERF_EVENTS=y");
}

std::optional<Lack> nothing_works(const Facts& facts)
{
    if (!facts.bpf.ok)
        return Lack{.why = fmt::format("the kernel takes no BPF program from this user ({})", facts.bpf.why),
                    .remedy = privilege_remedy(facts, "use a kernel built with CONFIG_BPF_SYSCALL=y, outside of "
                                                      "sandboxes that forbid bpf()")};
    if (!facts.btf)
        return Lack{.why = "the kernel has no readable BTF (/sys/kernel/btf/vmlinux)",
                    .remedy = "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, and mount /sys"};
    constexpr std::string_view kNewer = "use a newer kernel: stock Debian 6.1 has all that is needed";
    if (auto lack = trial_failed(facts, facts.ring_buffer, "BPF ring buffer", kNewer))
        return lack;
    if (auto lack = trial_failed(facts, facts.task_storage, "BPF task storage", kNewer))
        return lack;
    if (auto lack = trial_failed(facts, facts.map_in_map, "BPF array of ring buffers", kNewer))
        return lack;
    if (auto lack = trial_failed(facts, facts.test_run, "BPF_PROG_TEST_RUN of raw_tp programs", kNewer))
        return lack;
    for (const Program& program : programs())
        if (program.group == ProgramGroup::Core && !usable(facts, program.name))
            return explain(facts, program.name);
    return std::nullopt;
}

}  // namespace flyball::kernel
