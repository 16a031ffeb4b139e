// SPDX-License-Identifier: Apache-2.0
// The BPF programs of bpf/*.bpf.h, one row each: the single truth that facts, plan and documents use.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace flyball::kernel {

enum class ProgramKind {
    TpBtf,   // BTF-typed tracepoint
    Fentry,  // entry of a kernel function
    Fexit,   // its return, with arguments and return value
    Iter,    // run by reading a file
    RawTp,   // run by user space (BPF_PROG_TEST_RUN), never attached
};

// Which programs are chosen together, and on what condition (plan.cpp).
enum class ProgramGroup {
    Core,  // nothing works without them
    Sched,
    Throttle,         // the kernel's own begins and ends of cpu.max: all of them or none
    ThrottlePerTask,  // ... and with them where the kernel stops tasks one by one
    Charge,
    ChargeFallback,
    High,
    HighOld,
    Reclaim,
    Memstall,
    Block,
    Task,
    Refused,
    Oom,
    Cgroup,
    Selftest,  // loaded on request only
};

struct Program {
    std::string_view name;  // of the BPF function
    ProgramKind kind;
    std::string_view target;  // tracepoint, function or iterator; empty: none
    ProgramGroup group;
    int argument;             // index of the argument that `type` is about, -1: none is used as a pointer
    std::string_view type;    // the struct that this argument points to
    std::string_view serves;  // what it measures, for people
};

[[nodiscard]] std::span<const Program> programs();

// nullptr: there is none of this name.
[[nodiscard]] const Program* find_program(std::string_view name);

[[nodiscard]] std::string_view kind_name(ProgramKind kind);  // "tp_btf", "fentry", ...

// What the kernel calls it: enum bpf_attach_type of <linux/bpf.h>; 0 for one that is never attached.
[[nodiscard]] unsigned attach_type(ProgramKind kind);

// As in SEC(): "tp_btf/sched_switch", "raw_tp".
[[nodiscard]] std::string section(const Program& program);

}  // namespace flyball::kernel
