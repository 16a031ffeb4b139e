// SPDX-License-Identifier: Apache-2.0
// The slope of a series that has outliers. Pure; any thread.
//
// Theil 1950 and Sen 1968 ("Estimates of the regression coefficient based on Kendall's tau"): the median of the slopes
// of all pairs, and an interval from the variance of Kendall's statistic. It assumes independent errors: a series that
// is sampled faster than it forgets has to be thinned first.
#pragma once

#include "flyball/stats/statistics.hpp"

#include <optional>
#include <span>

namespace flyball::stats {

struct Trend {
    double slope = 0;   // y per x
    Interval interval;  // of the slope
};

// nullopt: sizes differ, or too few points for that confidence (5 for 95 %). O(n^2 log n): thin to some hundreds.
[[nodiscard]] std::optional<Trend> theil_sen(std::span<const double> x, std::span<const double> y, double confidence);

}  // namespace flyball::stats
