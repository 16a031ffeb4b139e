// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "canvas.hpp"
#include "flyball/compare/comparison.hpp"

namespace flyball::report {

// Quantiles, distances and both histograms side by side.
void text_distribution(const compare::DistributionRow& row, Canvas& canvas);

}  // namespace flyball::report
