// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flyball/load/plan.hpp"

namespace flyball::load {

// The levels of a plan without a search.
[[nodiscard]] Result<std::vector<LevelSpec>> lay_out(const Request& request, const Plan& plan);

}  // namespace flyball::load
