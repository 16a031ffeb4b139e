// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace flyball::kernel {

// Kernel fields whose presence decides something: the names in Facts::fields.
inline constexpr std::string_view kTaskThrottled = "task_struct.throttled";  // tasks stop one by one (v6.18)
inline constexpr std::string_view kCfsRqThrottled = "cfs_rq.throttled";      // CONFIG_CFS_BANDWIDTH
inline constexpr std::string_view kCfsRqHeldClock = "cfs_rq.throttled_clock_self_time";  // own and inherited (v6.6)
inline constexpr std::string_view kTaskInMemstall = "task_struct.in_memstall";           // CONFIG_PSI

inline constexpr std::string_view kDelayedDequeue = "sched_entity.sched_delayed";  // a sleeper may stay queued (v6.12)

// The verifier knows which global functions may sleep, and lets a program call the others where it is not
// preempted (v6.15, e2d8f560d178).
inline constexpr std::string_view kMightSleep = "bpf_subprog_info.might_sleep";

inline constexpr std::array kFieldNames{kTaskThrottled,  kCfsRqThrottled, kCfsRqHeldClock,
                                        kTaskInMemstall, kDelayedDequeue, kMightSleep};

// Kernel functions that our programs call, where there are all of them (bpf/preempt.bpf.h), and where there is this one
// (bpf/plain.bpf.h).
inline constexpr std::string_view kPreemptDisable = "bpf_preempt_disable";
inline constexpr std::string_view kPreemptEnable = "bpf_preempt_enable";
inline constexpr std::string_view kIrqSave = "bpf_local_irq_save";
inline constexpr std::string_view kIrqRestore = "bpf_local_irq_restore";
inline constexpr std::array kPreemptNames{kPreemptDisable, kPreemptEnable, kIrqSave, kIrqRestore};
inline constexpr std::string_view kRdonlyCast = "bpf_rdonly_cast";

[[nodiscard]] inline std::span<const std::string_view> field_names()
{
    return kFieldNames;
}

}  // namespace flyball::kernel
