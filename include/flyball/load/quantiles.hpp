// SPDX-License-Identifier: Apache-2.0
// Quantiles of latencies, with an interval by order statistics, and none where there are too few. Pure; any thread.
#pragma once

#include "flyball/profile/histogram.hpp"

#include <cstdint>
#include <optional>
#include <utility>

namespace flyball::load {

inline constexpr double kConfidence = 0.95;

// Ranks i <= j, from 1, such that the q-quantile lies between the i-th and the j-th of n samples at this confidence at
// least: P(i <= B < j), B binomial(n, q), equal tails (David and Nagaraja, Order Statistics, 7.1). nullopt: n is too
// small. The same as stats::quantile_interval(), without an array of n.
struct Ranks {
    std::uint64_t low = 0, high = 0;
};
[[nodiscard]] std::optional<Ranks> quantile_ranks(std::uint64_t n, double q, double confidence = kConfidence);

// Infinity: slower than anything that was waited for.
struct Quantile {
    double q = 0;
    std::uint64_t samples = 0;
    std::uint64_t needed = 0;  // for an interval
    // Nanoseconds; nullopt: fewer samples than needed.
    std::optional<double> value, low, high;
    // What it is surely no less than, at the confidence of the interval but one-sided: also of samples that are too few
    // for more. nullopt: nothing can be said.
    std::optional<double> at_least;
};

// endless: samples that did not end in time: more than any in the histogram.
[[nodiscard]] Quantile quantile_of(const profile::Histogram& histogram, std::uint64_t endless, double q);

}  // namespace flyball::load
