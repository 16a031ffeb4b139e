// SPDX-License-Identifier: Apache-2.0
// What a few measurements allow to be said, and what not. Pure; any thread.
//
// Quantiles: order statistics (David and Nagaraja, Order Statistics, 7.1), no assumption on the distribution but that
// the samples are independent. Means: a confidence sequence with a normal mixture (Robbins 1970; Howard, Ramdas,
// McAuliffe and Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic confidence sequences", with the standard
// deviation estimated, so that coverage is approximate: the tests simulate it): one may look after every sample, and
// stop when one likes, which with an ordinary test would find differences that are not there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace flyball::stats {

struct Interval {
    double low = 0, high = 0;
    [[nodiscard]] bool contains(double value) const { return low <= value && value <= high; }
};

// The q-quantile of what the samples came from, 0 < q < 1, at this confidence at least. `samples` ascending.
// nullopt: too few for that quantile (see least_samples()).
[[nodiscard]] std::optional<Interval> quantile_interval(std::span<const double> samples, double q, double confidence);
// The smallest n for which there is an interval.
[[nodiscard]] std::size_t least_samples(double q, double confidence);

// Of an even number of values, the middle between the two in the middle. Not of none.
[[nodiscard]] double median(std::vector<double> values);
[[nodiscard]] double median_of_sorted(std::span<const double> ascending);

// No event in n trials: its probability is below this, at this confidence (1 - (1 - c)^(1/n)).
[[nodiscard]] double upper_bound_of_none(std::size_t trials, double confidence);

// Clopper and Pearson 1934: the share that `good` of `all` came from, at this confidence at least.
[[nodiscard]] Interval share_interval(double good, double all, double confidence);

// Fewer samples have no interval: their spread is not known.
inline constexpr std::size_t kLeastForSpread = 8;

class ConfidenceSequence {
public:
    // alpha: the probability that the mean is ever outside, over all looks together.
    // tuned_for: the number of samples at which the interval is to be narrowest.
    explicit ConfidenceSequence(double alpha, double tuned_for = 30);
    void add(double sample);
    [[nodiscard]] std::size_t count() const { return n_; }
    [[nodiscard]] double mean() const { return mean_; }
    // nullopt: fewer samples than say anything of their spread (8).
    [[nodiscard]] std::optional<Interval> interval() const;

private:
    double alpha_, rho_;
    std::size_t n_ = 0;
    double mean_ = 0, squares_ = 0;  // Welford
};

// Is B no worse than this part of A? Fed with pairs measured in turn; a rate is better when it is larger.
class NonInferiority {
public:
    enum class Answer { Accepted, Rejected, Undecided };
    // floor: 0.8 accepts when B is surely more than 80 % of A.
    NonInferiority(double floor, double alpha, std::size_t most_pairs);
    // Rates above zero. The logarithm of their ratio is what is averaged: it is symmetric.
    void add_pair(double a, double b);
    // Undecided at most_pairs means: inconclusive, which is no acceptance.
    [[nodiscard]] Answer answer() const;
    [[nodiscard]] bool exhausted() const { return sequence_.count() >= most_pairs_; }
    // Of B / A.
    [[nodiscard]] std::optional<Interval> ratio() const;
    [[nodiscard]] std::size_t pairs() const { return sequence_.count(); }

private:
    double floor_;
    std::size_t most_pairs_;
    ConfidenceSequence sequence_;
};

}  // namespace flyball::stats
