// SPDX-License-Identifier: Apache-2.0
// How much of a device a cgroup wants, from what it had of it.
#pragma once

#include "flyball/cgroup/io_control.hpp"
#include "flyball/stats/statistics.hpp"
#include "flyball/tune/io.hpp"
#include "flyball/tune/io_trace.hpp"

#include <optional>
#include <string>
#include <vector>

namespace flyball::tune::detail {

// What it had of one device over several windows.
struct IoProfile {
    cgroup::DeviceNumber device = 0;
    std::vector<IoStep> steps;  // whole ones
    profile::Histogram total, queue, device_time;
    double seconds = 0, own_s = 0, busy_s = 0, others_s = 0;
    std::uint64_t ios = 0, bytes = 0;
};

// Of the device that it had most of; nullopt: it completed no request on any.
[[nodiscard]] std::optional<IoProfile> busiest(const std::vector<IoTrace>& traces);

struct Occupancy {
    double p99 = 0, mean = 0;
    std::optional<stats::Interval> interval;  // of p99
    std::size_t steps = 0;
    std::string source;  // in words: by iocost's model, or by time in the device
};
[[nodiscard]] Occupancy occupancy(const IoProfile& profile, const cgroup::IoControl& control, double confidence);

}  // namespace flyball::tune::detail
