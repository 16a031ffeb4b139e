// SPDX-License-Identifier: Apache-2.0
// The commands of a scenario with everything filled in.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/calibrate/engine.hpp"
#include "flyball/live/live_subject.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace flyball::live {

struct ScenarioCommands {
    std::vector<std::string> workload;  // inside of the cgroup or, beside a service, outside
    std::vector<std::string> service;   // runs inside while the load comes from outside; empty: none
    std::vector<std::string> health, restart;
    std::vector<std::string> environment;  // NAME=VALUE
    bool inside = true;                    // the workload
};

// length_ns: of the run, with its warm-up. Usage: a placeholder that nothing fills.
[[nodiscard]] Result<ScenarioCommands> commands_of(const calibrate::Component& component,
                                                   const calibrate::Scenario& scenario, const calibrate::Stage* stage,
                                                   const calibrate::Limits& limits, std::uint64_t length_ns);

// Of its oom_test, under this limit; {duration} is a minute.
[[nodiscard]] Result<std::vector<std::string>> oom_command_of(const calibrate::Component& component,
                                                              const calibrate::Limits& limits);

// For a subject with these commands under these limits.
[[nodiscard]] LiveSubjectOptions subject_options(const calibrate::Component& component,
                                                 const ScenarioCommands& commands, const calibrate::Limits& limits);

// In the order in which they can be written whatever was there.
[[nodiscard]] std::vector<tune::Write> writes_of(const calibrate::Limits& limits);

}  // namespace flyball::live
