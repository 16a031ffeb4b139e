// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace flyball::kernel {

// Kernel fields whose presence decides something: the names in Facts::fields.
inline constexpr std::string_view kTaskThrottled = "task_struct.throttled";  // tasks stop one by one (v6.18)
inline constexpr std::string_view kCfsRqThrottled = "cfs_rq.throttled";      // CONFIG_CFS_BANDWIDTH
inline constexpr std::string_view kCfsRqHeldClock =
    "cfs_rq.throttled_clock_self_time";                                         // own and inherited (v6.6)
inline constexpr std::string_view kTaskInMemstall = "task_struct.in_memstall";  // CONFIG_PSI

inline constexpr std::string_view kDelayedDequeue = "sched_entity.sched_delayed";  // a sleeper may stay queued (v6.12)

inline constexpr std::array kFieldNames{kTaskThrottled, kCfsRqThrottled, kCfsRqHeldClock, kTaskInMemstall,
                                        kDelayedDequeue};

[[nodiscard]] inline std::span<const std::string_view> field_names()
{
    return kFieldNames;
}

}  // namespace flyball::kernel
