// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flyball/compare/comparison.hpp"
#include "text/canvas.hpp"

namespace flyball::report {

// Quantiles, distances and both histograms side by side.
void text_distribution(const compare::DistributionRow& row, Canvas& canvas);

}  // namespace flyball::report
