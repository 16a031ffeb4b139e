// SPDX-License-Identifier: Apache-2.0
// "throughput >= 800/s", "p99 < 100ms", "95% of runs under 120ms", "throughput >= 80% of baseline": what is demanded,
// and whether measurements show it. The grammar: docs/calibrate-spec.md. Pure; any thread.
//
// Met and missed are said only of what an interval shows: quantiles by order statistics (tune/statistics.hpp), shares
// by their duality with quantiles, pooled counts by the Clopper-Pearson interval. All else is inconclusive, with the
// reason.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/calibrate/metric.hpp"
#include "flyball/profile/histogram.hpp"
#include "flyball/stats/statistics.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::calibrate {

enum class Comparison : std::uint8_t { Less, AtMost, More, AtLeast, Equal };
[[nodiscard]] std::string_view sign(Comparison comparison);  // "<"

// What a share is a share of.
enum class Among : std::uint8_t {
    Runs,     // one figure a run
    Samples,  // single events: operations, requests, starts
    Time,     // seconds of the runs
};

struct Target {
    std::string text;  // as it was written
    std::string metric;
    Unit unit = Unit::Count;
    Statistic statistic = Statistic::Median;
    double quantile = 0.5;  // of Statistic::Quantile
    std::string per;        // the figure is divided by this parameter of the scenario; empty: it is not
    Comparison comparison = Comparison::AtMost;
    double bound = 0;             // in the metric's base unit; with `of` set, a factor
    std::optional<double> share;  // so much of `among` has to be within the bound
    Among among = Among::Runs;
    std::string of;  // "baseline" or the name of a scenario; empty: absolute
    friend bool operator==(const Target&, const Target&) = default;
};

// Usage: not a target; what is wrong in it, and the form expected. `declared`: metrics besides the common ones.
[[nodiscard]] Result<Target> parse_target(std::string_view text, std::span<const Metric> declared = {});

// What was measured of one metric. What a metric does not have stays empty.
struct Series {
    std::vector<double> runs;     // one figure a run
    std::vector<double> samples;  // of instants or equal stretches of all runs, such as throughput second by second
    std::vector<profile::Histogram> events;  // of single events, one histogram a run
    double good = 0, all = 0;                // of a Ratio: successes and attempts
};

// Of one scenario.
struct Measurements {
    std::map<std::string, Series> metrics;
    std::map<std::string, double> parameters;
};

// "baseline" and scenarios by their names.
using References = std::map<std::string, const Measurements*>;

enum class Outcome : std::uint8_t { Met, Missed, Inconclusive };
[[nodiscard]] std::string_view name(Outcome outcome);  // "met"

struct Judgement {
    Outcome outcome = Outcome::Inconclusive;
    std::string reason;  // one clause, with the figures
    std::optional<double> estimate;
    std::optional<stats::Interval> interval;  // of the estimate, in its unit; nullopt: none can be given
    double confidence = 0;
    std::size_t n = 0;  // figures that it rests on
};

// confidence: of the interval, 0 < confidence < 1.
[[nodiscard]] Judgement evaluate(const Target& target, const Measurements& measured, const References& references,
                                 double confidence = 0.95);

}  // namespace flyball::calibrate
