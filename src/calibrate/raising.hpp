// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flyball/calibrate/result.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace flyball::calibrate {

// A share of the periods that is chance between two measurements of the same.
inline constexpr double kMoreThrottled = 0.01;

// Which limits have to do with what went wrong in a scenario: those that have acted more than before; where none is
// known to have, all but those that are known not to.
[[nodiscard]] std::set<std::string> suspects(const ScenarioResult& scenario, const Limits& tried);

// The guilty ones raised; as they were when there was nothing to raise. reasons: told what was raised.
[[nodiscard]] Limits next_limits(const Component& component, const Limits& tried, const std::set<std::string>& guilty,
                                 std::uint32_t failures, std::vector<std::string>& reasons);

}  // namespace flyball::calibrate
