// SPDX-License-Identifier: Apache-2.0
#include "retention.hpp"

#include "flyball/stats/two_sample.hpp"
#include "series.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace flyball::calibrate {
namespace {

// Of fewer, Student's interval may be so wide that the seconds say more.
constexpr std::size_t kEnoughPairs = 3;

// The runs with the same number on both sides were made one after the other.
std::vector<double> pair_logs(const Series& before, const Series& after)
{
    std::vector<double> logs;
    const std::size_t pairs = std::min(before.runs.size(), after.runs.size());
    for (std::size_t i = 0; i < pairs; ++i) {
        if (before.runs[i] > 0 && after.runs[i] > 0)
            logs.push_back(std::log(after.runs[i] / before.runs[i]));
    }
    return logs;
}

std::optional<stats::Interval> of_pairs(const std::vector<double>& logs, double confidence)
{
    if (logs.size() < 2)
        return std::nullopt;
    const auto n = static_cast<double>(logs.size());
    double mean = 0, squares = 0;
    for (const double log : logs)
        mean += log / n;
    for (const double log : logs)
        squares += (log - mean) * (log - mean);
    const double half = stats::student_quantile(confidence, n - 1) * std::sqrt(squares / (n - 1) / n);
    return stats::Interval{std::exp(mean - half), std::exp(mean + half)};
}

// Of what lies within runs: seconds, or single events.
std::optional<stats::Interval> of_parts(const Metric& metric, double confidence, const Measurements& before,
                                        const Measurements& after)
{
    const Target all{.text = {},
                     .metric = metric.name,
                     .unit = metric.unit,
                     .statistic = metric.usual,
                     .per = {},
                     .bound = std::numeric_limits<double>::max(),
                     .share = {},
                     .of = "baseline"};
    return evaluate(all, after, {{"baseline", &before}}, confidence).interval;
}

std::optional<stats::Interval> widened_to(std::optional<stats::Interval> interval, double ratio,
                                          const std::vector<double>& logs)
{
    if (!interval)
        return interval;
    const auto take_in = [&](double value) {
        interval->low = std::min(interval->low, value);
        interval->high = std::max(interval->high, value);
    };
    take_in(ratio);
    for (const double log : logs)
        take_in(std::exp(log));
    return interval;
}

double width(const stats::Interval& interval)
{
    return interval.high - interval.low;
}

}  // namespace

Kept kept(const Component& component, const Measurements& before, const Measurements& after)
{
    const std::string& name = component.tuning.performance;
    const Metric* const known = find_metric(name, component.metrics);
    const Metric metric = known != nullptr ? *known : Metric{.name = name, .more_is_better = true, .source = {}};
    const Series *const was = find_series(before, metric.name), *const is = find_series(after, metric.name);
    const double old = was == nullptr ? 0 : stats::median(was->runs);
    if (is == nullptr || !(old > 0))
        return {};
    Kept found{.ratio = stats::median(is->runs) / old, .interval = {}};
    const auto logs = pair_logs(*was, *is);
    found.interval = of_pairs(logs, component.tuning.confidence);
    if (logs.size() < kEnoughPairs) {
        const auto parts = widened_to(of_parts(metric, component.tuning.confidence, before, after), *found.ratio, logs);
        if (parts && (!found.interval || width(*parts) < width(*found.interval)))
            found.interval = parts;
    }
    // A run without any work leaves nothing, whatever the others say.
    if (found.interval && std::ranges::min(is->runs) <= 0)
        found.interval->low = 0;
    if (metric.more_is_better)
        return found;
    // Nothing left of a throughput is no latency without end.
    if (!(*found.ratio > 0))
        return {};
    found.ratio = 1 / *found.ratio;
    if (found.interval && found.interval->low > 0)
        found.interval = stats::Interval{1 / found.interval->high, 1 / found.interval->low};
    else
        found.interval.reset();
    return found;
}

}  // namespace flyball::calibrate
