// SPDX-License-Identifier: Apache-2.0
// Two groups of measurements: do they differ, by how much, and how sure is that? Pure; any thread.
//
// The rank test of Mann and Whitney (1947) and the shift of Hodges and Lehmann (1963) with its interval (Hollander,
// Wolfe and Chicken, Nonparametric Statistical Methods, 3rd edition, 4.1 to 4.3) assume no distribution, only that
// measurements do not depend on each other and that, where the groups differ, one is the other moved. Student's t is
// for estimates that come from blocks. Nothing here takes NaN.
#pragma once

#include "flyball/stats/statistics.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace flyball::stats {

// Up to so many measurements in both groups together, ranks are counted exactly, ties included; above it the normal
// approximation with corrections for ties and continuity takes over.
inline constexpr std::size_t kExactRanks = 60;

// Two-sided p: the share of all ways to deal the pooled values out to the two groups that put the rank sum at least as
// far from its mean. 1 when a group is empty.
[[nodiscard]] double mann_whitney_p(std::span<const double> a, std::span<const double> b);
// The smallest p that so many measurements can give: 2 / C(m + n, m), when no two values are equal.
[[nodiscard]] double least_mann_whitney_p(std::size_t m, std::size_t n);
// The least n with which n against n can reach alpha: 4 for 0.05.
[[nodiscard]] std::size_t least_runs(double alpha);

struct Shift {
    double estimate = 0;               // median of all differences b - a
    std::optional<Interval> interval;  // nullopt: too few at this confidence
};
// By how much B lies above A. Both must hold something.
[[nodiscard]] Shift hodges_lehmann(std::span<const double> a, std::span<const double> b, double confidence);
// By which factor: the same of the logarithms. nullopt unless all values are above zero.
[[nodiscard]] std::optional<Shift> hodges_lehmann_ratio(std::span<const double> a, std::span<const double> b,
                                                        double confidence);

// p values such that testing each against alpha errs anywhere in the family with probability alpha (Holm 1979). In the
// order given, each at most 1.
[[nodiscard]] std::vector<double> holm(std::span<const double> p);

// P(|T| >= |t|), and the t with P(|T| <= t) = confidence, of Student's distribution. df > 0, may have a fraction.
[[nodiscard]] double student_p(double t, double df);
[[nodiscard]] double student_quantile(double confidence, double df);

// An estimate from k blocks of one series with each block left out once (Quenouille; Shao and Tu, The Jackknife and
// Bootstrap, 2.1 and 9.2). Blocks that follow each other in time are alike: where the first autocorrelation r of the
// pseudo-values is above zero, the variance is taken (1 + r) / (1 - r) times, as for a series of first order.
struct Blocks {
    double estimate = 0;  // of the whole
    double standard_error = 0;
    double autocorrelation = 0;
    std::size_t count = 0;
};
// left_out[i]: the estimate without block i. At least two.
[[nodiscard]] Blocks jackknife(double whole, std::span<const double> left_out);

struct Difference {
    double estimate = 0;  // b - a
    Interval interval;
    double p = 1;  // two-sided
};
// Of two estimates that do not depend on each other, by Welch's t. nullopt: neither shows any spread.
[[nodiscard]] std::optional<Difference> difference(const Blocks& a, const Blocks& b, double confidence);

// An interval for b - a from one for each (Zou and Donner 2008, "Construction of confidence intervals about effect
// measures", the method of variance estimates recovery): for estimates whose intervals are not symmetrical.
[[nodiscard]] Interval difference_interval(double a, Interval of_a, double b, Interval of_b);

// First autocorrelation of a series. 0 for fewer than three values or a constant.
[[nodiscard]] double autocorrelation(std::span<const double> series);

// A series in time order whose neighbours are alike says less than its length. Where the first autocorrelation is above
// what chance gives once in twenty series, neighbours are joined to batches so long that a tenth of it is left in a
// series of first order, represented by their medians; again, until those are not alike. Fewer than 10 values cannot
// show it. Where too few would be left (8), and of fewer than 20 (if chance gives it once in a hundred series), they
// stay as they are, and say less by `widen`: an interval is to be so many times as wide. That is what the variance of a
// mean grows by in a series of first order, (1 + r) / (1 - r), as a deviation. size: values in a batch, 1: as they
// came.
struct Batches {
    std::vector<double> values;
    std::size_t size = 1;
    double widen = 1;  // above 1: alike, and too few to be joined
};
[[nodiscard]] Batches batches(std::span<const double> series);
// Of a test whose statistic is nearly normal, with a deviation so many times as large.
[[nodiscard]] double widened_p(double p, double widen);
[[nodiscard]] Interval widened(Interval interval, double estimate, double widen);

}  // namespace flyball::stats
