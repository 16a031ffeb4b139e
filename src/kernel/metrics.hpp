// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flyball/kernel/plan.hpp"

#include <vector>

namespace flyball::kernel {

// What each metric means under a plan whose programs and flags are chosen.
[[nodiscard]] std::vector<MetricPlan> assess_metrics(const Plan& plan);

}  // namespace flyball::kernel
