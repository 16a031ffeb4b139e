// SPDX-License-Identifier: Apache-2.0
// The figures of a series that a target is about, and what they allow to be said. Pure.
#pragma once

#include "flyball/calibrate/target.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace flyball::calibrate {

// Figures within a bound. A histogram cannot tell on which side the events of one bucket are.
struct Within {
    std::size_t n = 0, surely = 0, perhaps = 0;
};

[[nodiscard]] bool compares(double figure, Comparison comparison, double bound);

struct Estimate {
    std::optional<double> value;
    // Of the value; of what is only counted or a peak, the value itself.
    std::optional<stats::Interval> interval;
    std::size_t n = 0;
    std::string lacking;  // why there is no interval
};

class Figures {
public:
    // All figures are divided by the divisor, which is above zero.
    Figures(const Series& series, const Target& target, double divisor);

    [[nodiscard]] bool empty() const;
    [[nodiscard]] Within within(double bound, Comparison comparison) const;
    [[nodiscard]] double quantile(double q) const;
    [[nodiscard]] std::optional<stats::Interval> quantile_interval(double q, double confidence) const;
    // By the target's statistic.
    [[nodiscard]] Estimate estimate(double confidence) const;
    // Each run by itself; empty where the figures are not of single events of several runs.
    [[nodiscard]] std::vector<Figures> by_run() const;

private:
    Figures() = default;
    [[nodiscard]] std::size_t count() const;
    [[nodiscard]] Estimate variation(double confidence) const;

    std::vector<double> values_;              // ascending
    std::vector<profile::Histogram> events_;  // of each run; empty: values_ are the figures
    profile::Histogram merged_;
    double good_ = 0, all_ = 0;
    Statistic statistic_ = Statistic::Median;
    double quantile_ = 0.5;
    double divisor_ = 1;
};

}  // namespace flyball::calibrate
