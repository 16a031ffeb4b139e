// SPDX-License-Identifier: Apache-2.0
// How long a command takes to start, again and again, each time in a cgroup of its own.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/calibrate/spec.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/tune/writes.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::live {

struct ColdStartRequest {
    std::vector<std::string> command, health, environment;
    calibrate::ColdStart how;
    double metric_scale = 1;  // of ColdStart::metric: to nanoseconds
    std::vector<tune::Write> limits;
    int output_fd = 2;  // takes what the commands print
};

struct ColdStarts {
    std::vector<double> times_ns;
    std::optional<double> peak_bytes, peak_tasks;  // the most that one of them took
};

// Interrupted: by a signal. Io: a start that did not come to its end within a minute, or failed.
[[nodiscard]] Result<ColdStarts> cold_starts(const ColdStartRequest& request, const cgroup::Layout& layout,
                                             StopToken& stop, const std::function<void(std::string_view)>& say);

}  // namespace flyball::live
