// SPDX-License-Identifier: Apache-2.0
// Makes the requests of a schedule, open loop: each is started at its instant, or as soon after it as one of
// `in_flight` places is free, and its latency counts from that instant. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/load/launcher.hpp"
#include "flyball/load/result.hpp"
#include "flyball/load/schedule.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace flyball::load {

struct DriverProgress {
    std::uint64_t elapsed_ns = 0, length_ns = 0;
    Counts counts;
    std::size_t running = 0, waiting = 0;
};

struct DriverOptions {
    std::size_t in_flight = 256;
    // From the intended instant: one that has not started by then is shed, one that runs is killed.
    std::uint64_t timeout_ns = 30'000'000'000;
    std::uint64_t warmup_ns = 0;  // requests intended before it are made and not counted
    // Begin of each phase of the result, from the beginning; empty: no phases. Ascending.
    std::vector<Phase> phases;
    // The run ends as soon as one of these is missed whatever comes. Empty: never.
    std::vector<Objective> give_up;
    std::function<void(const DriverProgress&)> progress;  // some times a second
};

// The level without what the kernel says, and not judged. Io: the launcher failed.
[[nodiscard]] Result<Level> run_requests(Launcher& launcher, Schedule schedule, const DriverOptions& options);

}  // namespace flyball::load
