// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flyball/abi/config.h"

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

// Kernel functions that our programs call.
struct CalledFunction {
    fb_call call;
    std::string_view name;
};
inline constexpr std::array kCalledFunctions{
    // all of them or none: bpf/preempt.bpf.h
    CalledFunction{FB_CALL_PREEMPT_DISABLE, "bpf_preempt_disable"},
    CalledFunction{FB_CALL_PREEMPT_ENABLE, "bpf_preempt_enable"},
    CalledFunction{FB_CALL_IRQ_SAVE, "bpf_local_irq_save"},
    CalledFunction{FB_CALL_IRQ_RESTORE, "bpf_local_irq_restore"},
    // bpf/plain.bpf.h
    CalledFunction{FB_CALL_RDONLY_CAST, "bpf_rdonly_cast"},
};

// By enum fb_type: what programs read through plain pointers (bpf/plain.bpf.h).
inline constexpr std::array<std::string_view, FB_T_END> kReadTypes{
    "task_struct", "cgroup", "mem_cgroup", "cfs_rq", "task_group", "request", "oom_control",
};

[[nodiscard]] inline std::span<const std::string_view> field_names()
{
    return kFieldNames;
}

}  // namespace flyball::kernel
