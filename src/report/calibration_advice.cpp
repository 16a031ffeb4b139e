// SPDX-License-Identifier: Apache-2.0
// P4.2 appendix B, with the settings that the component had.
#include "calibration_facts.hpp"
#include "cells.hpp"
#include "flyball/base/units.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

using calibrate::ComponentResult;
using calibrate::End;
using calibrate::ScenarioResult;
using tune::Proposal;

// As decide() says it; a test holds the two together.
constexpr std::string_view kFloorReason = "is the floor";

bool refused_for_floor(const ComponentResult& component)
{
    const auto names_floor = [](const std::string& reason) { return reason.find(kFloorReason) != std::string::npos; };
    return std::ranges::any_of(component.attempts, [&](const calibrate::Attempt& one) {
        return !one.accepted && std::ranges::any_of(one.reasons, names_floor);
    });
}

bool below_floor(const ComponentResult& component, double floor)
{
    if (!limits_changed(component) && refused_for_floor(component))
        return true;
    return std::ranges::any_of(component.scenarios, [&](const ScenarioResult& one) {
        return retention_of(one, floor, limits_changed(component)) == Retention::Below;
    });
}

double kills_after(const ComponentResult& component)
{
    double kills = 0;
    for (const ScenarioResult& scenario : component.scenarios)
        if (const auto found = scenario.after.metrics.find("oom_kills"); found != scenario.after.metrics.end())
            for (const double run : found->second.runs)
                kills += run;
    return kills;
}

Advice on_convergence(const ComponentResult& component, const calibrate::Tuning& tuning)
{
    Advice advice{"It did not converge.", {}};
    advice.steps.push_back(
        "Look for contention: others that take CPU time or memory from it make every attempt look worse. "
        "`flyball explain` names them, cgroup by cgroup.");
    if (component.attempts.size() >= tuning.max_iterations)
        advice.steps.push_back(
            fmt::format("All {} attempts were used: raise `tuning.max_iterations`.", tuning.max_iterations));
    advice.steps.push_back(
        fmt::format("Take larger steps: `tuning.step_up` is {} now.", format_percent(tuning.step_up)));
    return advice;
}

Advice on_floor(const ComponentResult& component, const calibrate::Tuning& tuning)
{
    Advice advice{fmt::format("Performance fell below {} of the baseline.", format_percent(tuning.floor)), {}};
    advice.steps.push_back(limits_changed(component) ? "Revert to the limits of the specification."
                                                     : "Its limits are reverted to those of the specification.");
    advice.steps.push_back("Look for pressure on the whole machine: /proc/pressure/cpu, memory and io, while it runs.");
    advice.steps.push_back(
        fmt::format("Take smaller steps: `tuning.step_down` is {} now.", format_percent(tuning.step_down)));
    return advice;
}

Advice on_oom(const ComponentResult& component, double kills)
{
    Advice advice{kills > 0 ? fmt::format("The OOM killer acted {:.0f} times under the limits that stay.", kills)
                            : "Its behaviour under OOM is not as it should be.",
                  {}};
    if (component.critical)
        advice.steps.push_back("It is critical: memory.oom.group has to be 0 in its cgroup and above, so that one kill "
                               "doesn't take all of it.");
    advice.steps.push_back("Raise memory.max, or its least value under `bounds`.");
    advice.steps.push_back("Look for a leak: `flyball tune memory` says so where memory grows without end.");
    return advice;
}

}  // namespace

std::vector<Advice> advice_on(const ComponentResult& component, const calibrate::Tuning& tuning)
{
    std::vector<Advice> all;
    const bool below = below_floor(component, tuning.floor);
    if (component.end == End::NotConverged)
        all.push_back(on_convergence(component, tuning));
    if (below)
        all.push_back(on_floor(component, tuning));
    if (component.end == End::Missed)
        all.push_back({"Targets are missed with and without the new limits.",
                       {"No limit mends that: the workload has to become faster, or the target has to change."}});
    const double kills = kills_after(component);
    if (kills > 0 || (component.oom.tested() && !component.oom.passed()))
        all.push_back(on_oom(component, kills));
    else if (component.critical)
        all.push_back(
            {"It is critical.", {"memory.oom.group is 0 for it, so that one OOM kill doesn't take all of it."}});
    if (component.end == End::NotKnown)
        all.push_back({"It is not known whether its limits are right.",
                       {harmless(component.summary),
                        "Mend that first, then calibrate it again; with --anew, from the beginning."}});
    for (const Proposal& proposal : component.proposals)
        if (component.end != End::NotKnown && proposal.answer == tune::Answer::Refused)
            all.push_back({fmt::format("{} was not tuned.", name(proposal.resource)),
                           {harmless(proposal.summary), "Mend that first, then calibrate it again."}});
    return all;
}

}  // namespace flyball::report
