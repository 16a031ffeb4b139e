// SPDX-License-Identifier: Apache-2.0
// Whether there is anything that a verdict could rest on. What is missing here makes it "not known", never "right".
// Pure; any thread.
#pragma once

#include "flyball/calibrate/result.hpp"

#include <span>
#include <string>
#include <vector>

namespace flyball::calibrate {

// Why the workload did not live through this run, or do its work; empty: it did. An OOM kill is what a scenario with
// memory_stress is for.
[[nodiscard]] std::string lifeless(const Scenario& scenario, const Run& run);

// Why nothing could be said of the component whatever its limits: nothing tells how well it does, or its workload did
// not live. before: of all its scenarios.
[[nodiscard]] std::vector<std::string> nothing_to_judge_by(const Component& component,
                                                           std::span<const ScenarioResult> before);

// Why it is neither calibrated nor right as it was, though no limit failed: a resource without an answer, a target
// that was not measured. after: the limits that held; what a trial could not decide is decided where they have it.
[[nodiscard]] std::vector<std::string> not_known(const Component& component, std::span<const tune::Proposal> proposals,
                                                 const Limits& after, std::span<const ScenarioResult> scenarios);

}  // namespace flyball::calibrate
