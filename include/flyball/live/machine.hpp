// SPDX-License-Identifier: Apache-2.0
// This machine as a calibration uses it. The token outlives it. Not thread-safe.
#pragma once

#include "flyball/base/stop_token.hpp"
#include "flyball/calibrate/engine.hpp"
#include "flyball/cgroup/mounts.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::live {

struct MachineOptions {
    std::vector<std::string> without;  // BPF programs to leave out
    double disturbance = 0.1;          // see `flyball tune`
    bool verbose = false;              // workloads print to standard error
    std::string directory;             // where what they print is kept otherwise
    std::function<void(std::string_view)> say;
    // All of the specification, for neighbours; they outlive the machine.
    std::span<const calibrate::Component> components;
};

[[nodiscard]] std::unique_ptr<calibrate::Machine> open_machine(cgroup::Layout layout, MachineOptions options,
                                                               StopToken& stop);

}  // namespace flyball::live
