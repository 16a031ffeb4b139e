// SPDX-License-Identifier: Apache-2.0
// What this kernel and these privileges offer, found by looking and trying: never by version.
//
// Plain values: tests make them by hand, gather() asks the running kernel. plan.hpp decides.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/kernel/types.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::kernel {

// One thing that was tried.
struct Trial {
    bool ok = false;
    std::string why;  // what refused it; empty when ok
    friend bool operator==(const Trial&, const Trial&) = default;
};

// What one of our programs would hook.
struct Hook {
    bool exists = false;       // in the kernel's BTF
    std::uint32_t btf_id = 0;  // what it attaches to there; 0: nothing, or nothing of its own
    bool loads = false;        // its argument is of the type that we follow, and the kernel takes programs of its kind
    std::string why;           // why it does not load; empty when it does
    std::string remedy;        // set where the one who refused it knows a way out
    friend bool operator==(const Hook&, const Hook&) = default;
};

struct Capabilities {  // effective ones
    bool bpf = false;
    bool perfmon = false;
    bool sys_admin = false;
    bool sys_resource = false;
    friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

// Where a controller lives.
struct Controller {
    bool present = false;  // some mounted hierarchy has it
    bool unified = false;  // and it is cgroup v2
    friend bool operator==(const Controller&, const Controller&) = default;
};

struct Facts {
    std::string release, arch;  // uname
    std::uint32_t euid = 0;
    Capabilities caps;
    std::string lockdown;       // "none", "integrity", "confidentiality"; empty: the kernel does not tell
    int unprivileged_bpf = -1;  // kernel.unprivileged_bpf_disabled; -1: no such sysctl

    bool btf = false;             // /sys/kernel/btf/vmlinux
    Trial bpf;                    // bpf() takes a program of ours at all
    Trial tp_btf, fentry, fexit;  // loading one, once for each kind
    Trial ring_buffer, task_storage, map_in_map;
    Trial test_run;     // BPF_PROG_TEST_RUN of a raw_tp program: how batches are flushed
    Trial cpu_clock;    // a program at the ticks of a perf event: what --stacks needs
    Trial preempt_off;  // keeping other tasks off the CPU while a program of ours runs
    Trial rdonly_cast;  // reading a task through a pointer that the verifier need not trust, which loads faster
    std::map<std::string, Hook, std::less<>> hooks;  // by program name: all of programs()
    std::map<std::uint32_t, std::uint32_t> calls;    // by enum fb_call, BTF ids of the functions that are there
    std::vector<std::uint32_t> type_ids;             // by enum fb_type, BTF ids; 0: there is no such type
    std::shared_ptr<const Types> types;              // all of the kernel's, where it has BTF
    std::set<std::string, std::less<>> fields;       // "struct.member": those of src/kernel/fields.hpp that are there

    bool psi = false;         // pressure stall information is compiled in and on
    bool schedstats = false;  // kernel.sched_schedstats is 1
    bool bpf_stats = false;   // kernel.bpf_stats_enabled is 1
    std::uint32_t page_size = 4096;
    std::uint32_t possible_cpus = 1;

    Controller cpu, memory, io, pids;

    [[nodiscard]] bool has_field(std::string_view field) const { return fields.contains(field); }
    friend bool operator==(const Facts&, const Facts&) = default;
};

// Fails only where the facts themselves cannot be had (no /proc); a refused trial is a fact.
// root: prefix of /proc and /sys, "" for the running system's.
[[nodiscard]] Result<Facts> gather(const std::string& root = {});

}  // namespace flyball::kernel
