// SPDX-License-Identifier: Apache-2.0
// The comparison itself: for each metric by how much B differs from A, how sure that is, and what it amounts to.
// docs/compare.md explains the rules. Pure; any thread.
#pragma once

#include "flyball/compare/run.hpp"
#include "flyball/stats/statistics.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::compare {

using stats::Interval;

// A difference up to this is none. Relative to A, or in the metric's own unit.
struct Threshold {
    double value = 0.10;
    bool relative = true;
    bool named = false;  // asked for by this metric's name
};

struct ThresholdRule {
    std::string pattern;  // glob over the metric's name, or over "cgroup:name"
    Threshold threshold;
};
// "10%", "cpu.wait.p99=5%", "cpu.wait.p99=200us", "oom.kills=0". Usage: anything else, or below zero. An empty pattern
// is for all metrics.
[[nodiscard]] Result<ThresholdRule> parse_threshold(std::string_view text);

struct Options {
    double confidence = 0.95;
    double threshold = 0.10;
    std::vector<ThresholdRule> thresholds;   // the last that fits counts
    std::vector<std::string> metrics;        // globs; empty: the headline metrics
    bool all = false;                        // every metric
    std::vector<std::string> lower, higher;  // globs: metrics for which that is good
};

// Does a glob of the list fit the name, or "cgroup:name"?
[[nodiscard]] bool named(const std::vector<std::string>& globs, const Key& key);

enum class Basis {
    Runs,    // runs against runs
    Slices,  // one recording against one: slices of time within each
    None,    // one value against one
};

enum class Verdict {
    Better,
    Worse,
    Changed,  // which way is good is not known
    Same,     // no difference beyond the threshold
    Inconclusive,
};

struct Row {
    Key key;
    Unit unit = Unit::Number;
    Good good = Good::Unknown;
    std::size_t n_a = 0, n_b = 0;          // runs that have the metric
    std::size_t batch_a = 1, batch_b = 1;  // runs that were joined because neighbours were alike
    double a = 0, b = 0;                   // medians over the runs
    double difference = 0;                 // in the metric's unit
    std::optional<Interval> interval;      // of it
    std::optional<double> change;          // relative: -0.1 is 10 % less. nullopt: A is zero
    std::optional<Interval> change_interval;
    std::optional<double> p;         // of this metric alone; nullopt: nothing to test
    std::optional<double> p_family;  // by Holm, over all metrics of the comparison
    Threshold threshold;
    Verdict verdict = Verdict::Inconclusive;
    bool regression = false;
    std::string reason;  // why it is inconclusive, or what else must be known; may be empty
};

struct QuantileRow {
    double q = 0;
    double a = 0, b = 0;
    std::optional<Interval> of_a, of_b;  // nullopt: too few samples for it
    std::optional<Interval> difference;  // of b - a
};

// A bin of both distributions, for a plot. Shares of the samples.
struct Bin {
    double low = 0, high = 0;  // low <= x < high; the last one with its end
    double a = 0, b = 0;
};

struct DistributionRow {
    Key key;
    Unit unit = Unit::Number;
    std::uint64_t n_a = 0, n_b = 0;
    // Kolmogorov and Smirnov: the largest difference of the shares at or below one value, and that value.
    double ks = 0, ks_at = 0;
    // Wasserstein's first distance: how far samples of A are to be moved on average to become B.
    double moved = 0;
    std::vector<QuantileRow> quantiles;
    std::vector<Bin> bins;
};

struct Comparison {
    std::string a_name, b_name;
    std::size_t a_runs = 0, b_runs = 0;
    std::size_t a_slices = 0, b_slices = 0;
    Basis basis = Basis::None;
    double confidence = 0.95;
    std::size_t tested = 0;                      // metrics in the family of Holm's correction
    std::size_t runs_needed = 0;                 // so many against as many could be significant with it
    std::vector<Row> rows;                       // regressions first, then by cgroup and name
    std::vector<DistributionRow> distributions;  // by how far they are apart, farthest first
    std::vector<std::string> only_a, only_b;     // cgroups, and metrics that are of none
    std::vector<std::string> notes;
    [[nodiscard]] bool regressed() const;
};

// Usage: no run on a side, no metric that both have, none that fits --metric or a threshold's name.
[[nodiscard]] Result<Comparison> compare(const Side& a, const Side& b, const Options& options);

}  // namespace flyball::compare
