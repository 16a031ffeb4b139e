// SPDX-License-Identifier: Apache-2.0
// The metrics of a scenario before and after. Estimates and intervals are those by which targets are judged.
#include "calibration_facts.hpp"
#include "tune_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <utility>

namespace flyball::report {
namespace {

using calibrate::Measurements;
using calibrate::ScenarioResult;
using calibrate::Series;
using calibrate::Statistic;
using calibrate::Target;
using Trend = MetricChange::Trend;

constexpr std::array kQuantiles{0.5, 0.9, 0.99};
// profile/histogram.hpp
constexpr double kHistogramResolution = 1.0 / 32;

const Series* series_of(const Measurements& measured, const std::string& metric)
{
    const auto found = measured.metrics.find(metric);
    return found == measured.metrics.end() ? nullptr : &found->second;
}

bool has_events(const ScenarioResult& scenario, const std::string& metric)
{
    const auto any = [&](const Measurements& measured) {
        const Series* const series = series_of(measured, metric);
        return series != nullptr && !series->events.empty();
    };
    return any(scenario.before) || any(scenario.after);
}

// A metric that nobody has declared has the unit that a target gives it.
calibrate::Metric metric_of(const std::string& metric, const ScenarioResult& scenario,
                            std::span<const calibrate::Metric> declared)
{
    if (const calibrate::Metric* const found = calibrate::find_metric(metric, declared))
        return *found;
    calibrate::Metric unknown{.name = metric, .source = {}};
    for (const calibrate::TargetResult& result : scenario.targets)
        if (result.target.metric == metric)
            unknown.unit = result.target.unit;
    return unknown;
}

std::vector<std::string> names_in(const ScenarioResult& scenario)
{
    std::set<std::string> left;
    for (const Measurements* measured : {&scenario.before, &scenario.after})
        for (const auto& [metric, series] : measured->metrics)
            left.insert(metric);
    std::vector<std::string> names;
    for (const calibrate::Metric& metric : calibrate::common_metrics())
        if (left.erase(metric.name) > 0)
            names.push_back(metric.name);
    names.insert(names.end(), left.begin(), left.end());
    return names;
}

bool is_observed(Statistic statistic)
{
    return statistic == Statistic::Largest || statistic == Statistic::Smallest || statistic == Statistic::Total;
}

// The figure that a run has by itself.
std::vector<double> by_run(const Measurements& measured, const std::string& metric, double quantile)
{
    const Series* const series = series_of(measured, metric);
    if (series == nullptr)
        return {};
    if (series->events.empty())
        return series->runs;
    std::vector<double> runs;
    for (const profile::Histogram& events : series->events)
        if (!events.empty())
            runs.push_back(static_cast<double>(events.quantile(quantile)));
    return runs;
}

// What lies within a run depends on each other: a difference has to be there between all the runs as well.
bool runs_apart(const ScenarioResult& scenario, const std::string& metric, double quantile)
{
    const auto before = by_run(scenario.before, metric, quantile), after = by_run(scenario.after, metric, quantile);
    if (before.size() < 2 || after.size() < 2)
        return false;
    return std::ranges::max(before) < std::ranges::min(after) || std::ranges::max(after) < std::ranges::min(before);
}

// resolution: what the figures are exact to.
Trend trend_of(const MetricChange& change, bool apart, double resolution)
{
    if (!change.ratio.interval || !change.ratio.estimate)
        return Trend::Unknown;
    const bool higher = change.ratio.interval->low > 1, lower = change.ratio.interval->high < 1;
    if ((!higher && !lower) || !apart || std::abs(*change.ratio.estimate - 1) <= resolution)
        return Trend::Same;
    return higher == change.more_is_better ? Trend::Better : Trend::Worse;
}

MetricChange compare(const ScenarioResult& scenario, const calibrate::Metric& metric, std::optional<double> quantile,
                     double confidence)
{
    // Everything is within this bound: only the estimates are wanted.
    Target target{.text = {},
                  .metric = metric.name,
                  .unit = metric.unit,
                  .statistic = quantile ? Statistic::Quantile : metric.usual,
                  .quantile = quantile.value_or(0.5),
                  .per = {},
                  .bound = std::numeric_limits<double>::max(),
                  .share = {},
                  .of = {}};
    MetricChange change{.metric = metric.name,
                        .label = metric.name,
                        .unit = metric.unit,
                        .more_is_better = metric.more_is_better,
                        .before = calibrate::evaluate(target, scenario.before, {}, confidence),
                        .after = calibrate::evaluate(target, scenario.after, {}, confidence),
                        .ratio = {}};
    if (quantile)
        change.label += fmt::format(" p{:.4g}", *quantile * 100);
    target.of = "baseline";
    change.ratio = calibrate::evaluate(target, scenario.after, {{"baseline", &scenario.before}}, confidence);
    const auto &was = change.before.estimate, &is = change.after.estimate;
    if (was && is && *was > 0)
        change.ratio.estimate = *is / *was;
    // A peak and a count are what they were; no interval is known of what they come from.
    if (is_observed(target.statistic))
        change.before.interval = change.after.interval = change.ratio.interval = std::nullopt;
    change.trend =
        trend_of(change, runs_apart(scenario, metric.name, target.quantile), quantile ? kHistogramResolution : 0);
    return change;
}

constexpr std::array<std::string_view, 6> kUses{"memory", "memory_mean", "cpu", "tasks", "io_read", "io_write"};

// Shares of time and of periods, and what is counted: chance between two measurements of the same is less than this.
bool each_run_worse(const ScenarioResult& scenario, const MetricChange& change)
{
    constexpr double kChance = 0.01;
    const bool comparable = change.unit == calibrate::Unit::Share || change.unit == calibrate::Unit::Count;
    const Series *const before = series_of(scenario.before, change.metric), *const after = series_of(scenario.after,
                                                                                                     change.metric);
    if (change.more_is_better || !comparable || before == nullptr || after == nullptr || before->runs.empty() ||
        after->runs.empty())
        return false;
    return std::ranges::min(after->runs) > std::ranges::max(before->runs) + kChance;
}

// How many times as bad it is.
double factor_of(const MetricChange& change)
{
    const double was = change.before.estimate.value_or(0), is = change.after.estimate.value_or(0);
    const double better = change.more_is_better ? is : was, worse = change.more_is_better ? was : is;
    return better > 0 ? worse / better : std::numeric_limits<double>::infinity();
}

std::vector<MetricChange> worse_of(const calibrate::ComponentResult& component, const ScenarioResult& scenario,
                                   AskedComponents asked)
{
    std::vector<MetricChange> found;
    for (MetricChange& change :
         metric_changes(scenario, declared_by(component, asked), tuning_of(component, asked).confidence)) {
        // Less memory, CPU time or fewer tasks is what new limits are for, and more is nothing worse.
        if (std::ranges::find(kUses, change.metric) == kUses.end() &&
            (change.trend == Trend::Worse || each_run_worse(scenario, change)))
            found.push_back(std::move(change));
    }
    return found;
}

}  // namespace

std::vector<MetricChange> metric_changes(const ScenarioResult& scenario, std::span<const calibrate::Metric> declared,
                                         double confidence)
{
    std::vector<MetricChange> changes;
    for (const std::string& name : names_in(scenario)) {
        const calibrate::Metric metric = metric_of(name, scenario, declared);
        if (!has_events(scenario, name)) {
            changes.push_back(compare(scenario, metric, std::nullopt, confidence));
            continue;
        }
        for (const double quantile : kQuantiles)
            changes.push_back(compare(scenario, metric, quantile, confidence));
    }
    return changes;
}

std::vector<Worse> worse(const calibrate::Calibration& calibration, AskedComponents asked)
{
    std::vector<Worse> found;
    for (const calibrate::ComponentResult& component : calibration.components) {
        if (!limits_changed(component))
            continue;
        for (const ScenarioResult& scenario : component.scenarios) {
            for (MetricChange& change : worse_of(component, scenario, asked))
                found.push_back({component.name, scenario.name, std::move(change)});
        }
    }
    std::ranges::stable_sort(found, std::greater{}, [](const Worse& one) { return factor_of(one.change); });
    return found;
}

std::string_view name(Trend trend)
{
    switch (trend) {
    case Trend::Better:
        return "better";
    case Trend::Worse:
        return "worse";
    case Trend::Same:
        return "same";
    case Trend::Unknown:
        break;
    }
    return "";
}

std::string figure_words(const calibrate::Judgement& figure, calibrate::Unit unit)
{
    return figure.estimate && std::isfinite(*figure.estimate) ? calibrate::format(*figure.estimate, unit) : "n/a";
}

std::string interval_words(const std::optional<stats::Interval>& interval, calibrate::Unit unit)
{
    if (!interval || !std::isfinite(interval->low) || !std::isfinite(interval->high))
        return {};
    return joined(calibrate::format(interval->low, unit), calibrate::format(interval->high, unit));
}

std::string change_words(const MetricChange& change)
{
    const auto &was = change.before.estimate, &is = change.after.estimate;
    if (!was || !is || !std::isfinite(*was) || !std::isfinite(*is))
        return "n/a";
    if (*was == *is)
        return "none";
    if (*was > 0)
        return signed_percent(*is / *was - 1);
    return (*is > *was ? "+" : "-") + calibrate::format(std::abs(*is - *was), change.unit);
}

std::string change_interval_words(const MetricChange& change)
{
    const auto& interval = change.ratio.interval;
    if (!interval || !std::isfinite(interval->low) || !std::isfinite(interval->high))
        return {};
    std::string low = signed_percent(interval->low - 1);
    low.pop_back();
    return fmt::format("({} to {})", low, signed_percent(interval->high - 1));
}

}  // namespace flyball::report
