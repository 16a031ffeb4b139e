// SPDX-License-Identifier: Apache-2.0
// What the parts of OomAssembler share: the times that tell one kill from the next.
#pragma once

#include "flyball/abi/events.h"
#include "flyball/profile/decode.hpp"
#include "names.hpp"

#include <cstdint>

namespace flyball::profile::detail {

inline constexpr std::uint64_t kUnknown = ~std::uint64_t{0};
// Between the decision and the policy the kernel writes its report to the console, which takes seconds
// where that is a serial line. Where it is known which task wrote, nothing else need be guessed.
inline constexpr std::uint64_t kConsoleNs = 30'000'000'000;
// __oom_kill_process() sends SIGKILL first and marks next, with nothing but task_lock between.
inline constexpr std::uint64_t kPendingNs = 1'000'000'000;
// A kill this soon after the last victim of another one in the same place follows from it.
inline constexpr std::uint64_t kCascadeNs = 1'000'000'000;

// A report of the kernel's log waits for its episode for so long, and an episode without a kill is remembered.
inline constexpr std::uint64_t kReportedNs = 60'000'000'000;

inline std::uint64_t elapsed(std::uint64_t since_ns, std::uint64_t now_ns)
{
    return now_ns > since_ns ? now_ns - since_ns : 0;
}

// A name that is still missing excludes nothing.
inline bool maybe_inside(Entity* entity, Entity* ancestor)
{
    return ancestor == nullptr || Names::inside(*resolve(entity), *resolve(ancestor)).value_or(true);
}

}  // namespace flyball::profile::detail
