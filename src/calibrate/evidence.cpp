// SPDX-License-Identifier: Apache-2.0
#include "flyball/calibrate/evidence.hpp"

#include "flyball/calibrate/decision.hpp"
#include "series.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::calibrate {
namespace {

bool measured_anywhere(std::span<const ScenarioResult> scenarios, const std::string& metric)
{
    // Nothing done is nothing measured.
    return std::ranges::any_of(scenarios, [&](const ScenarioResult& one) {
        return largest(one.before, metric).value_or(0) > 0 || largest(one.after, metric).value_or(0) > 0;
    });
}

bool was_measured(const TargetResult& target)
{
    return target.after.outcome != Outcome::Inconclusive || target.after.n > 0;
}

// The first that was not measured, with why; empty: there is no target.
std::string unmeasured(std::span<const ScenarioResult> scenarios)
{
    for (const ScenarioResult& scenario : scenarios)
        for (const TargetResult& target : scenario.targets)
            if (!was_measured(target))
                return fmt::format("{}: '{}' was not measured: {}", scenario.name, target.target.text,
                                   target.after.reason);
    return {};
}

bool is_answered(const Component& component, const tune::Proposal& proposal, const Limits& after)
{
    if (proposal.answer == tune::Answer::Limit || proposal.answer == tune::Answer::NoLimit)
        return true;
    return to_be_tried(proposal) && std::ranges::any_of(proposal.values, [&](const tune::Value& value) {
               const auto was = component.limits.find(value.file), is = after.find(value.file);
               return is != after.end() && (was == component.limits.end() || was->second != is->second);
           });
}

}  // namespace

std::string lifeless(const Scenario& scenario, const Run& run)
{
    const auto counted = run.metrics.find("oom_kills");
    const double kills = counted == run.metrics.end() ? 0 : total(counted->second);
    if (kills > 0 && scenario.memory_stress)
        return {};
    const std::string killed = kills > 0 ? fmt::format("the OOM killer acted {:.0f} times", kills) : "";
    if (run.trouble.empty() || killed.empty())
        return run.trouble + killed;
    return killed + ", and " + run.trouble;
}

std::vector<std::string> nothing_to_judge_by(const Component& component, std::span<const ScenarioResult> before)
{
    std::vector<std::string> reasons;
    for (const ScenarioResult& scenario : before) {
        for (const std::string& why : scenario.lifeless_before)
            reasons.push_back(fmt::format("{}, under its own limits: {}", scenario.name, why));
    }
    if (!reasons.empty())
        return reasons;
    if (!component.metrics_regex.empty() && !measured_anywhere(before, "throughput"))
        reasons.push_back(
            fmt::format("no line of its output has matched metrics_regex ('{}'): nothing tells how well it does",
                        component.metrics_regex.front()));
    const bool any = std::ranges::any_of(
        before, [](const ScenarioResult& one) { return std::ranges::any_of(one.targets, was_measured); });
    if (!reasons.empty() || any || measured_anywhere(before, component.tuning.performance))
        return reasons;
    const std::string missing = unmeasured(before);
    reasons.push_back(fmt::format("{}, and it tells no {}: nothing shows how well it does",
                                  missing.empty() ? "it has no target" : missing, component.tuning.performance));
    return reasons;
}

std::vector<std::string> not_known(const Component& component, std::span<const tune::Proposal> proposals,
                                   const Limits& after, std::span<const ScenarioResult> scenarios)
{
    std::vector<std::string> reasons;
    for (const tune::Resource resource : component.tune) {
        const auto proposal = std::ranges::find(proposals, resource, &tune::Proposal::resource);
        if (proposal == proposals.end())
            reasons.push_back(fmt::format("{} was not tuned: no scenario has a steady load", tune::name(resource)));
        else if (!is_answered(component, *proposal, after))
            reasons.push_back(fmt::format("{} has no answer: {}", tune::name(resource), proposal->summary));
    }
    for (const ScenarioResult& scenario : scenarios) {
        for (const std::string& why : scenario.lifeless_after)
            reasons.push_back(fmt::format("{}: {}", scenario.name, why));
        for (const TargetResult& target : scenario.targets) {
            if (!was_measured(target))
                reasons.push_back(fmt::format("{}: '{}' was not measured: {}", scenario.name, target.target.text,
                                              target.after.reason));
        }
    }
    return reasons;
}

}  // namespace flyball::calibrate
