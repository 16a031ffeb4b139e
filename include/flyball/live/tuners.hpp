// SPDX-License-Identifier: Apache-2.0
// One resource of a live cgroup, tuned.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/live/live_subject.hpp"
#include "flyball/tune/proposal.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace flyball::live {

struct TunerSettings {
    std::uint64_t profile_ns = 60'000'000'000, period_ns = 100'000'000, warm_up_ns = 120'000'000'000;
    double latency_bound = 0.05, floor = 0.8, confidence = 0.95, disturbance = 0.1;
    double precision = 0.05;  // of cpu.max; 1: looks for no longer than profile_ns
    // A weight is tried out against readers of the device: that is asked for by name, a command's own device included.
    bool antagonist = false;
    std::string antagonist_file;                   // that they read instead of the device
    std::uint64_t longest_ns = 1'200'000'000'000;  // of one resource
};

// What it uses while it starts is not what it needs. Gives a note when it has not settled by then.
[[nodiscard]] Result<std::vector<std::string>> warm_up(LiveSubject& subject, const TunerSettings& settings);

// pids are judged by all that was seen so far, when that is something. Errors as those of the tuners.
[[nodiscard]] Result<tune::Proposal> tune_resource(LiveSubject& subject, tune::Resource resource,
                                                   const TunerSettings& settings);

}  // namespace flyball::live
