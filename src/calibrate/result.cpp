// SPDX-License-Identifier: Apache-2.0
#include "flyball/calibrate/result.hpp"

#include <algorithm>

namespace flyball::calibrate {

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
    case End::NotKnown:
        return "not_known";
    }
    return "?";
}

std::string_view name(Bite::Answer answer)
{
    switch (answer) {
    case Bite::Answer::Bites:
        return "bites";
    case Bite::Answer::Idle:
        return "idle";
    case Bite::Answer::NotKnown:
        return "not_known";
    }
    return "?";
}

bool Calibration::all_met() const
{
    return !components.empty() && std::ranges::all_of(components, [](const ComponentResult& component) {
        return (component.end == End::Calibrated || component.end == End::Unchanged) &&
               (!component.oom.tested() || component.oom.passed()) &&
               std::ranges::all_of(component.scenarios, [](const ScenarioResult& scenario) {
                   return std::ranges::all_of(scenario.targets,
                                              [](const TargetResult& t) { return t.after.outcome == Outcome::Met; });
               });
    });
}

}  // namespace flyball::calibrate
