// SPDX-License-Identifier: Apache-2.0
#include "flyball/calibrate/decision.hpp"

#include "flyball/base/units.hpp"
#include "raising.hpp"
#include "retention.hpp"
#include "series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace flyball::calibrate {
namespace {

// Of what a tuner has predicted: what it promises at least, so that a prediction of none is not broken by chance.
constexpr double kLeastAdded = 0.05;

std::string_view evidence_of_added(double quantile)
{
    return quantile < 0.9 ? "predicted_added_p50" : "predicted_added_p99";
}

std::optional<double> evidence(const tune::Proposal& proposal, std::string_view name)
{
    const auto found = std::ranges::find(proposal.evidence, name, &tune::Evidence::name);
    return found == proposal.evidence.end() ? std::nullopt : std::optional(found->value);
}

// What all scenarios together say.
class Verdict {
public:
    Verdict(const Component& component, const Limits& tried, const Promise& promise, Runs runs)
        : component_(component), tried_(tried), promise_(promise), runs_(runs)
    {
    }

    void hear(const ScenarioResult& scenario)
    {
        if (!lived(scenario))
            return;
        counters(scenario);
        performance(scenario);
        targets(scenario);
        promises(scenario);
    }

    Decision decision(std::uint32_t failures) &&
    {
        Decision decision{.accepted = failures_.empty() && doubts_.empty(),
                          .undecided = failures_.empty() && !doubts_.empty(),
                          .hopeless = failures_.empty() && doubts_.empty() && missed_before_,
                          .reasons = failures_.empty() ? std::move(doubts_) : std::move(failures_),
                          .next = tried_};
        if (!decision.accepted && !decision.undecided)
            decision.next = next_limits(component_, tried_, guilty_, failures, decision.reasons);
        return decision;
    }

private:
    void fails(const ScenarioResult& scenario, const std::string& why)
    {
        failures_.push_back(fmt::format("{}: {}", scenario.name, why));
        guilty_.merge(suspects(scenario, tried_));
    }
    void doubts(const ScenarioResult& scenario, const std::string& why)
    {
        doubts_.push_back(fmt::format("{}: {}", scenario.name, why));
    }

    // A workload that did not live tells nothing of limits if it did not under its own ones either.
    bool lived(const ScenarioResult& scenario)
    {
        for (const std::string& why : scenario.lifeless_after) {
            if (scenario.lifeless_before.empty())
                fails(scenario, why);
            else
                doubts(scenario, fmt::format("{}, as under its own limits", why));
        }
        if (scenario.lifeless_after.empty() && !scenario.lifeless_before.empty())
            doubts(scenario, "under its own limits meanwhile: " + scenario.lifeless_before.front());
        return scenario.lifeless_after.empty() && scenario.lifeless_before.empty();
    }

    void counters(const ScenarioResult& scenario)
    {
        if (const double kills = total(scenario.after, "oom_kills"); kills > total(scenario.before, "oom_kills"))
            fails(scenario, fmt::format("the OOM killer acted {:.0f} times", kills));
        if (const double refused = total(scenario.after, "fork_failures");
            refused > total(scenario.before, "fork_failures"))
            fails(scenario, fmt::format("{:.0f} forks were refused", refused));
    }

    void performance(const ScenarioResult& scenario)
    {
        const Tuning& tuning = component_.tuning;
        if (!scenario.retention) {
            if (figure(scenario.before, tuning.performance) && !figure(scenario.after, tuning.performance))
                fails(scenario, fmt::format("there was no {} any more", tuning.performance));
            else if (figure(scenario.before, tuning.performance))
                doubts(scenario, fmt::format("under its own limits there was no {} above zero", tuning.performance));
            return;
        }
        const auto& interval = scenario.retention_interval;
        const std::string left = fmt::format("{} of the performance is left, {} is the floor",
                                             format_percent(*scenario.retention), format_percent(tuning.floor));
        if (interval && interval->low >= tuning.floor)
            return;
        const bool below = *scenario.retention < tuning.floor;
        if (below && (runs_ == Runs::AreAll || (interval && interval->high < tuning.floor)))
            return fails(scenario, left);
        doubts(scenario, interval ? fmt::format("{}, and it may be anything from {} to {}", left,
                                                format_percent(interval->low), format_percent(interval->high))
                                  : fmt::format("{}, and there are too few runs to tell how sure that is", left));
    }

    void targets(const ScenarioResult& scenario)
    {
        for (const TargetResult& target : scenario.targets) {
            // A workload that did not come up tells nothing, and that is worse than a bad figure.
            if (figure(scenario.before, target.target.metric) && !figure(scenario.after, target.target.metric)) {
                fails(scenario, fmt::format("'{}' cannot be judged any more: there was no {}", target.target.text,
                                            target.target.metric));
                continue;
            }
            if (target.after.outcome != Outcome::Missed)
                continue;
            if (target.before.outcome == Outcome::Missed)
                missed_before_ = true;
            else
                fails(scenario, fmt::format("'{}' is missed: {}", target.target.text, target.after.reason));
        }
    }

    void promises(const ScenarioResult& scenario)
    {
        if (promise_.throttled) {
            const double was = figure(scenario.before, "throttled").value_or(0),
                         is = figure(scenario.after, "throttled").value_or(0),
                         most = std::max(was, *promise_.throttled) + kMoreThrottled;
            if (is > most)
                fails(scenario, fmt::format("{} of the periods are throttled, the CPU tuner promised {} at most",
                                            format_percent(is), format_percent(most)));
        }
        if (!promise_.added_latency)
            return;
        for (const double quantile : {0.5, 0.99}) {
            const Target kept{.text = {},
                              .metric = "latency",
                              .unit = Unit::Nanoseconds,
                              .statistic = Statistic::Quantile,
                              .quantile = quantile,
                              .per = {},
                              .comparison = Comparison::AtMost,
                              .bound = 1 + *promise_.added_latency,
                              .share = {},
                              .of = "baseline"};
            const Judgement judged =
                evaluate(kept, scenario.after, {{"baseline", &scenario.before}}, component_.tuning.confidence);
            if (judged.outcome == Outcome::Missed && all_runs_slower(scenario, quantile))
                fails(scenario,
                      fmt::format("p{:.4g} of its latency is {}, the CPU tuner promised {} at most", quantile * 100,
                                  judged.reason, format_percent(1 + *promise_.added_latency)));
        }
    }

    // Operations of one run depend on each other: what all of them together say has to be so in each pair of runs.
    [[nodiscard]] bool all_runs_slower(const ScenarioResult& scenario, double quantile) const
    {
        const Series *const was = find_series(scenario.before, "latency"), *const is =
                                                                               find_series(scenario.after, "latency");
        if (was == nullptr || is == nullptr)
            return false;
        const std::size_t pairs = std::min(was->events.size(), is->events.size());
        for (std::size_t i = 0; i < pairs; ++i) {
            if (static_cast<double>(is->events[i].quantile(quantile)) <=
                (1 + *promise_.added_latency) * static_cast<double>(was->events[i].quantile(quantile)))
                return false;
        }
        return pairs > 0;
    }

    const Component& component_;
    const Limits& tried_;
    const Promise& promise_;
    Runs runs_;
    std::vector<std::string> failures_, doubts_;
    std::set<std::string> guilty_;
    bool missed_before_ = false;
};

}  // namespace

bool to_be_tried(const tune::Proposal& proposal)
{
    if (proposal.answer == tune::Answer::Limit)
        return true;
    return proposal.answer == tune::Answer::Inconclusive && !proposal.values.empty() && !proposal.trials.empty() &&
           proposal.trials.back().verdict == tune::Verdict::Inconclusive;
}

Promise promised(std::span<const tune::Proposal> proposals)
{
    const auto cpu = std::ranges::find_if(
        proposals, [](const tune::Proposal& one) { return one.resource == tune::Resource::Cpu && to_be_tried(one); });
    if (cpu == proposals.end())
        return {};
    Promise promise{.added_latency = {}, .throttled = evidence(*cpu, "predicted_throttled_periods")};
    for (const double quantile : {0.5, 0.99}) {
        if (const auto added = evidence(*cpu, evidence_of_added(quantile)))
            promise.added_latency = std::max(promise.added_latency.value_or(kLeastAdded), *added);
    }
    return promise;
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
                          .troubles = {},
                          .lifeless_before = {},
                          .lifeless_after = {}};
    for (const Target& target : scenario.targets)
        result.targets.push_back({target, evaluate(target, before, references_before, component.tuning.confidence),
                                  evaluate(target, after, references_after, component.tuning.confidence)});
    const Kept left = kept(component, before, after);
    result.retention = left.ratio;
    result.retention_interval = left.interval;
    return result;
}

Decision decide(const Component& component, std::span<const ScenarioResult> scenarios, const Limits& tried,
                const Promise& promise, Runs runs, std::uint32_t failures)
{
    Verdict verdict(component, tried, promise, runs);
    for (const ScenarioResult& scenario : scenarios)
        verdict.hear(scenario);
    return std::move(verdict).decision(failures);
}

}  // namespace flyball::calibrate
