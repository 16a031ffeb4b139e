// SPDX-License-Identifier: Apache-2.0
#include "flyball/calibrate/decision.hpp"

#include "flyball/base/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace flyball::calibrate {
namespace {

// Differences that are chance between two measurements of the same.
constexpr double kMoreThrottled = 0.01, kMoreStalled = 0.01;

constexpr std::uint32_t kMostDoublings = 5;

std::optional<double> figure(const Measurements& measured, const std::string& metric)
{
    const auto found = measured.metrics.find(metric);
    if (found == measured.metrics.end() || found->second.runs.empty())
        return std::nullopt;
    return stats::median(found->second.runs);
}

double total(const Measurements& measured, const std::string& metric)
{
    const auto found = measured.metrics.find(metric);
    double sum = 0;
    if (found != measured.metrics.end())
        for (const double run : found->second.runs)
            sum += run;
    return sum;
}

// Order statistics of both medians, each at the root of the confidence, give an interval of their ratio.
std::optional<stats::Interval> ratio_interval(const Measurements& before, const Measurements& after,
                                              const std::string& metric, double confidence)
{
    const auto sorted = [&](const Measurements& measured) {
        const auto found = measured.metrics.find(metric);
        if (found == measured.metrics.end())
            return std::vector<double>();
        std::vector<double> values = found->second.samples.empty() ? found->second.runs : found->second.samples;
        std::ranges::sort(values);
        return values;
    };
    const auto a = sorted(before), b = sorted(after);
    const auto was = stats::quantile_interval(a, 0.5, std::sqrt(confidence)),
               is = stats::quantile_interval(b, 0.5, std::sqrt(confidence));
    if (!was || !is || was->low <= 0)
        return std::nullopt;
    return stats::Interval{is->low / was->high, is->high / was->low};
}

bool smaller_is_better(const Component& component)
{
    const std::string& performance = component.tuning.performance;
    for (const Metric& metric : component.metrics) {
        if (metric.name == performance)
            return !metric.more_is_better;
    }
    const auto common = common_metrics();
    const auto found = std::ranges::find(common, performance, &Metric::name);
    return found != common.end() && !found->more_is_better;
}

// Which limits have to do with what went wrong in a scenario.
std::set<std::string> suspects(const ScenarioResult& scenario, const Limits& tried)
{
    std::set<std::string> found;
    const auto more = [&](const char* metric, double by) {
        return figure(scenario.after, metric).value_or(0) > figure(scenario.before, metric).value_or(0) + by;
    };
    if (total(scenario.after, "oom_kills") > total(scenario.before, "oom_kills") ||
        more("memory_pressure", kMoreStalled))
        found.insert({"memory.max", "memory.high"});
    if (total(scenario.after, "fork_failures") > total(scenario.before, "fork_failures"))
        found.insert("pids.max");
    if (more("throttled", kMoreThrottled))
        found.insert({"cpu.max", "cpu.max.burst"});
    if (found.empty()) {
        for (const auto& [file, value] : tried)
            found.insert(file);
    }
    return found;
}

// To the convergence that was asked for.
bool same(const std::string& file, const std::string& a, const std::string& b, double convergence)
{
    const auto x = limit_number(file, a), y = limit_number(file, b);
    return x && y ? std::abs(*x - *y) <= convergence * std::max(*x, *y) : a == b;
}

// One step up, and no further than it was.
std::string raised(const std::string& file, const std::string& tried, const std::optional<std::string>& before,
                   const Tuning& tuning, std::uint32_t failures)
{
    const auto now = limit_number(file, tried);
    if (!now)
        return tried;
    const auto was = before ? limit_number(file, *before) : std::nullopt;
    const double next = *now * std::pow(1 + tuning.step_up, 1U << std::min(failures - 1, kMostDoublings));
    if (was && next >= *was * (1 - tuning.convergence))
        return *before;
    return limit_with(file, tried, next);
}

Limits next_limits(const Component& component, const Limits& tried, const std::set<std::string>& guilty,
                   std::uint32_t failures, std::vector<std::string>& reasons)
{
    Limits next = tried;
    bool any = false;
    for (auto& [file, value] : next) {
        const auto before = component.limits.find(file);
        if (!guilty.contains(file) || (before != component.limits.end() && before->second == value))
            continue;
        const std::string more =
            raised(file, value, before == component.limits.end() ? std::nullopt : std::optional(before->second),
                   component.tuning, failures);
        if (more == value)
            continue;
        reasons.push_back(fmt::format("{} goes from {} to {}", file, value, more));
        value = more;
        any = true;
    }
    return any ? next : component.limits;
}

}  // namespace

bool OomBehaviour::tested() const
{
    return std::ranges::any_of(reports, [](const oom::TestReport& report) {
        return report.count(oom::Status::Skipped) < report.scenarios.size();
    });
}

bool OomBehaviour::passed() const
{
    return tested() && std::ranges::all_of(reports, [](const oom::TestReport& report) {
               return report.count(oom::Status::Fail) + report.count(oom::Status::Inconclusive) == 0;
           });
}

std::string_view name(End end)
{
    switch (end) {
    case End::Calibrated:
        return "calibrated";
    case End::Unchanged:
        return "unchanged";
    case End::NotConverged:
        return "not_converged";
    case End::Missed:
        return "missed";
    }
    return "?";
}

bool Calibration::all_met() const
{
    return std::ranges::all_of(components, [](const ComponentResult& component) {
        return (component.end == End::Calibrated || component.end == End::Unchanged) &&
               (!component.oom.tested() || component.oom.passed()) &&
               std::ranges::all_of(component.scenarios, [](const ScenarioResult& scenario) {
                   return std::ranges::none_of(
                       scenario.targets, [](const TargetResult& t) { return t.after.outcome == Outcome::Missed; });
               });
    });
}

ScenarioResult judge(const Component& component, const Scenario& scenario, const Measurements& before,
                     const Measurements& after, const References& references_before, const References& references_after)
{
    ScenarioResult result{.name = scenario.name,
                          .before = before,
                          .after = after,
                          .targets = {},
                          .retention = {},
                          .retention_interval = {},
                          .troubles = {}};
    for (const Target& target : scenario.targets)
        result.targets.push_back({target, evaluate(target, before, references_before, component.tuning.confidence),
                                  evaluate(target, after, references_after, component.tuning.confidence)});
    const std::string& performance = component.tuning.performance;
    const bool smaller = smaller_is_better(component);
    const auto was = figure(smaller ? after : before, performance), is = figure(smaller ? before : after, performance);
    if (was && is && *was > 0) {
        result.retention = *is / *was;
        result.retention_interval = smaller ? ratio_interval(after, before, performance, component.tuning.confidence)
                                            : ratio_interval(before, after, performance, component.tuning.confidence);
    }
    return result;
}

Decision decide(const Component& component, std::span<const ScenarioResult> scenarios, const Limits& tried,
                std::uint32_t failures)
{
    Decision decision{.accepted = true, .hopeless = false, .reasons = {}, .next = tried};
    std::set<std::string> guilty;
    bool missed_before = false;
    for (const ScenarioResult& scenario : scenarios) {
        const auto fails = [&](const std::string& why) {
            decision.accepted = false;
            decision.reasons.push_back(fmt::format("{}: {}", scenario.name, why));
            guilty.merge(suspects(scenario, tried));
        };
        if (scenario.retention && *scenario.retention < component.tuning.floor)
            fails(fmt::format("{} of the performance is left, {} is the floor", format_percent(*scenario.retention),
                              format_percent(component.tuning.floor)));
        if (const double kills = total(scenario.after, "oom_kills"); kills > total(scenario.before, "oom_kills"))
            fails(fmt::format("the OOM killer acted {:.0f} times", kills));
        if (const double refused = total(scenario.after, "fork_failures");
            refused > total(scenario.before, "fork_failures"))
            fails(fmt::format("{:.0f} forks were refused", refused));
        for (const TargetResult& target : scenario.targets) {
            // A workload that did not come up tells nothing, and that is worse than a bad figure.
            if (figure(scenario.before, target.target.metric) && !figure(scenario.after, target.target.metric)) {
                fails(fmt::format("'{}' cannot be judged any more: there was no {}", target.target.text,
                                  target.target.metric));
                continue;
            }
            if (target.after.outcome != Outcome::Missed)
                continue;
            if (target.before.outcome == Outcome::Missed)
                missed_before = true;
            else
                fails(fmt::format("'{}' is missed: {}", target.target.text, target.after.reason));
        }
    }
    decision.hopeless = decision.accepted && missed_before;
    if (!decision.accepted)
        decision.next = next_limits(component, tried, guilty, failures, decision.reasons);
    return decision;
}

Limits adopted(const Component& component, std::span<const tune::Proposal> proposals,
               const std::map<std::string, double>& started_with, std::vector<std::string>& notes)
{
    Limits limits = component.limits;
    for (const tune::Proposal& proposal : proposals) {
        if (proposal.answer != tune::Answer::Limit) {
            notes.push_back(fmt::format("{} stays as it is: {}", tune::name(proposal.resource), proposal.summary));
            continue;
        }
        for (const tune::Value& value : proposal.values) {
            std::string text = value.text;
            if (const auto floor = started_with.find(value.file);
                floor != started_with.end() && limit_number(value.file, text) < floor->second) {
                text = limit_with(value.file, text, floor->second);
                notes.push_back(
                    fmt::format("{}: {} was found, and a start has taken {}", value.file, value.text, text));
            }
            const auto bounds = component.bounds.find(value.file);
            if (const auto number = limit_number(value.file, text); number && bounds != component.bounds.end()) {
                const double most = bounds->second.most.value_or(std::numeric_limits<double>::infinity());
                const double within = std::max(std::min(*number, most), bounds->second.least.value_or(0));
                if (within != *number) {
                    text = limit_with(value.file, text, within);
                    notes.push_back(
                        fmt::format("{}: {} was found, and the bounds make it {}", value.file, value.text, text));
                }
            }
            const auto before = component.limits.find(value.file);
            // What it has is a little more than it needs. A little less would not do.
            const bool enough = before != component.limits.end() &&
                                limit_number(value.file, before->second) >= limit_number(value.file, text);
            if (enough && same(value.file, before->second, text, component.tuning.convergence)) {
                if (before->second != text)
                    notes.push_back(fmt::format("{} stays {}: the {} that was found is the same to {}", value.file,
                                                before->second, text, format_percent(component.tuning.convergence)));
                continue;
            }
            limits[value.file] = text;
        }
    }
    return limits;
}

Limits stepped(const Component& component, const Limits& from, const Limits& goal)
{
    Limits next = goal;
    for (auto& [file, text] : next) {
        const auto now = from.find(file);
        const auto is = now == from.end() ? std::nullopt : limit_number(file, now->second);
        const auto wanted = limit_number(file, text);
        if (!is || !wanted)
            continue;
        const double lowest = *is * (1 - component.tuning.step_down);
        if (*wanted < lowest && !same(file, text, limit_with(file, text, lowest), component.tuning.convergence))
            text = limit_with(file, text, lowest);
    }
    return next;
}

}  // namespace flyball::calibrate
