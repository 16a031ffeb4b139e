// SPDX-License-Identifier: Apache-2.0
// One metric: how far A and B are apart.
#include "flyball/stats/two_sample.hpp"
#include "parts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace flyball::compare {
namespace {

// A quantile of a histogram is known to a bucket: 1/32 of the value, evenly (abi/histogram.h). Its deviation.
const double kBucketDeviation = 1 / (32 * std::sqrt(12.0));

const Value* find(const std::vector<Run>& runs, const Key& key)
{
    for (const Run& run : runs) {
        if (const auto found = run.values.find(key); found != run.values.end())
            return &found->second;
    }
    return nullptr;
}

// Relative to A. What cannot be below zero cannot fall by more than all of it.
Interval relative(const Interval& interval, const Row& row)
{
    const double least = row.unit == Unit::Number ? -std::numeric_limits<double>::infinity() : -1;
    return {std::max(least, interval.low / std::abs(row.a)), interval.high / std::abs(row.a)};
}

bool all_the_same(const std::vector<double>& a, const std::vector<double>& b)
{
    const auto same = [&](double value) { return value == a.front(); };
    return std::ranges::all_of(a, same) && std::ranges::all_of(b, same);
}

void by_runs(Row& row, const std::vector<double>& a, const std::vector<double>& b, double confidence)
{
    const stats::Batches in_a = stats::batches(a), in_b = stats::batches(b);
    row.batch_a = in_a.size;
    row.batch_b = in_b.size;
    const stats::Shift shift = stats::hodges_lehmann(in_a.values, in_b.values, confidence);
    row.difference = shift.estimate;
    if (row.a != 0)
        row.change = row.difference / std::abs(row.a);
    const auto ratio = stats::hodges_lehmann_ratio(in_a.values, in_b.values, confidence);
    if (ratio)
        row.change = ratio->estimate - 1;
    // Joined ones say what they say; of those that are alike and too few to be joined less is sure.
    const double widen = std::max(in_a.widen, in_b.widen);
    if (widen > 1)
        row.reason =
            "runs that follow each other are alike (sorted, or the machine drifts), and too few to be joined: the "
            "interval is wider for it";
    if (shift.interval)
        row.interval = stats::widened(*shift.interval, shift.estimate, widen);
    row.p = stats::mann_whitney_p(in_a.values, in_b.values);
    if (widen > 1)
        row.p = stats::widened_p(*row.p, widen);
    // A factor is widened as its logarithm.
    if (ratio && ratio->interval) {
        const Interval logs = stats::widened({std::log(ratio->interval->low), std::log(ratio->interval->high)},
                                             std::log(ratio->estimate), widen);
        row.change_interval = Interval{std::exp(logs.low) - 1, std::exp(logs.high) - 1};
    } else if (row.interval && row.a != 0 && !ratio)
        row.change_interval = relative(*row.interval, row);
}

// The jackknife of one recording, on the scale of the values or of their logarithms.
std::optional<stats::Blocks> blocks_of(const Side& side, const Key& key, bool logarithms, bool quantile)
{
    const double whole = side.runs.front().values.at(key).value;
    std::vector<double> left_out = values_of(side.without_slice, key);
    if (left_out.size() != side.without_slice.size())
        return std::nullopt;  // it happened in one slice only
    if (logarithms) {
        if (whole <= 0 || std::ranges::any_of(left_out, [](double value) { return value <= 0; }))
            return std::nullopt;
        std::ranges::transform(left_out, left_out.begin(), [](double value) { return std::log(value); });
    }
    stats::Blocks blocks = stats::jackknife(logarithms ? std::log(whole) : whole, left_out);
    if (quantile)
        blocks.standard_error = std::hypot(blocks.standard_error, kBucketDeviation * (logarithms ? 1 : whole));
    return blocks;
}

void by_slices(Row& row, const Side& a, const Side& b, double confidence)
{
    row.difference = row.b - row.a;
    if (row.a != 0)
        row.change = row.difference / std::abs(row.a);
    const bool quantile =
        (row.unit == Unit::Nanoseconds || row.unit == Unit::Bytes) && !row.key.name.ends_with(".mean");
    const auto of = [&](bool logarithms) -> std::optional<stats::Difference> {
        const auto in_a = blocks_of(a, row.key, logarithms, quantile),
                   in_b = blocks_of(b, row.key, logarithms, quantile);
        return in_a && in_b ? stats::difference(*in_a, *in_b, confidence) : std::nullopt;
    };
    const auto plain = of(false), ratio = of(true);
    if (!plain)
        return;
    row.interval = plain->interval;
    row.p = ratio ? ratio->p : plain->p;
    if (ratio)
        row.change_interval = Interval{std::exp(ratio->interval.low) - 1, std::exp(ratio->interval.high) - 1};
    else if (row.a != 0)
        row.change_interval = relative(plain->interval, row);
}

// Zero throughout: there is nothing that a slice could add.
bool same_in_slices(const Side& a, const Side& b, const Key& key)
{
    const std::vector<double> in_a = values_of(a.without_slice, key), in_b = values_of(b.without_slice, key);
    return in_a.size() == a.without_slice.size() && in_b.size() == b.without_slice.size() && in_a.front() == 0 &&
           all_the_same(in_a, in_b);
}

}  // namespace

std::vector<double> values_of(const std::vector<Run>& runs, const Key& key)
{
    std::vector<double> values;
    for (const Run& run : runs) {
        if (const auto found = run.values.find(key); found != run.values.end())
            values.push_back(found->second.value);
    }
    return values;
}

Row measure(const Side& a, const Side& b, const Key& key, Basis basis, const Options& options)
{
    const std::vector<double> in_a = values_of(a.runs, key), in_b = values_of(b.runs, key);
    const Value& value = *find(a.runs, key);
    Row row{.key = key, .unit = value.unit, .good = value.good, .n_a = in_a.size(), .n_b = in_b.size()};
    if (named(options.lower, key))
        row.good = Good::Lower;
    if (named(options.higher, key))
        row.good = Good::Higher;
    row.a = stats::median(in_a);
    row.b = stats::median(in_b);
    row.difference = row.b - row.a;
    const bool repeated = in_a.size() > 1 && in_b.size() > 1;
    if (all_the_same(in_a, in_b) && (repeated || (basis == Basis::Slices && same_in_slices(a, b, key)))) {
        row.interval = Interval{0, 0};
        if (row.a != 0) {
            row.change = 0;
            row.change_interval = Interval{0, 0};
        }
    } else if (basis == Basis::Slices) {
        by_slices(row, a, b, options.confidence);
    } else if (basis == Basis::Runs) {
        by_runs(row, in_a, in_b, options.confidence);
    } else if (row.a != 0) {
        row.change = row.difference / std::abs(row.a);
    }
    return row;
}

}  // namespace flyball::compare
