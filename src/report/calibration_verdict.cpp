// SPDX-License-Identifier: Apache-2.0
// What is said first: how many components hold, and what is left of the performance.
#include "calibration_facts.hpp"
#include "cells.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace flyball::report {
namespace {

using calibrate::ComponentResult;
using calibrate::End;
using calibrate::Outcome;
using calibrate::ScenarioResult;

const calibrate::Component* asked_for(const ComponentResult& component, AskedComponents asked)
{
    const auto found = std::ranges::find(asked, component.name, &calibrate::Component::name);
    return found == asked.end() ? nullptr : &*found;
}

void count_scenario(const ComponentResult& component, const ScenarioResult& scenario, double floor,
                    CalibrationTally& tally)
{
    ++tally.scenarios;
    for (const calibrate::TargetResult& target : scenario.targets) {
        switch (target.after.outcome) {
        case Outcome::Met:
            ++tally.targets_met;
            break;
        case Outcome::Missed:
            ++tally.targets_missed;
            break;
        case Outcome::Inconclusive:
            ++tally.targets_inconclusive;
            break;
        }
    }
    const Retention retention = retention_of(scenario, floor, limits_changed(component));
    tally.below_floor += retention == Retention::Below ? 1 : 0;
    const bool measured =
        retention == Retention::Held || retention == Retention::Likely || retention == Retention::Below;
    if (measured && (!tally.least_retention || *scenario.retention < *tally.least_retention)) {
        tally.least_retention = scenario.retention;
        tally.least_retention_of = harmless(component.name) + ", " + harmless(scenario.name);
    }
}

std::string_view verb(std::size_t n)
{
    return n == 1 ? "is" : "are";
}

}  // namespace

std::string plural(std::size_t n, std::string_view one)
{
    return fmt::format("{} {}{}", n, one, n == 1 ? "" : "s");
}

std::string words(End end)
{
    std::string text(name(end));
    std::ranges::replace(text, '_', ' ');
    return text;
}

std::string_view outcome_word(const calibrate::Attempt& attempt)
{
    return attempt.accepted ? "accepted" : attempt.undecided ? "not known" : "refused";
}

std::string words(const calibrate::Bite& bite)
{
    const std::string limit = harmless(bite.file) + " " + harmless(bite.value), what = harmless(bite.what);
    switch (bite.answer) {
    case calibrate::Bite::Answer::Bites:
        return fmt::format("{} is needed: at {}, a fifth lower, {}", limit, harmless(bite.lowered), what);
    case calibrate::Bite::Answer::Idle:
        return fmt::format("{} has room: at {}, a fifth lower, {}", limit, harmless(bite.lowered), what);
    case calibrate::Bite::Answer::NotKnown:
        break;
    }
    return fmt::format("whether {} is needed is not known: {}", limit, what);
}

const calibrate::Tuning& tuning_of(const ComponentResult& component, AskedComponents asked)
{
    static const calibrate::Tuning kDefault;
    const calibrate::Component* const found = asked_for(component, asked);
    return found != nullptr ? found->tuning : kDefault;
}

std::span<const calibrate::Metric> declared_by(const ComponentResult& component, AskedComponents asked)
{
    const calibrate::Component* const found = asked_for(component, asked);
    return found != nullptr ? std::span<const calibrate::Metric>(found->metrics) : std::span<const calibrate::Metric>();
}

bool limits_changed(const ComponentResult& component)
{
    return component.before != component.after;
}

Retention retention_of(const ScenarioResult& scenario, double floor, bool changed)
{
    if (!changed)
        return Retention::Same;
    if (!scenario.retention)
        return Retention::Unknown;
    if (*scenario.retention < floor)
        return Retention::Below;
    return scenario.retention_interval && scenario.retention_interval->low >= floor ? Retention::Held
                                                                                    : Retention::Likely;
}

std::string_view name(Retention retention)
{
    switch (retention) {
    case Retention::Held:
        return "held";
    case Retention::Likely:
        return "likely held";
    case Retention::Below:
        return "BELOW";
    case Retention::Same:
        return "same limits";
    case Retention::Unknown:
        break;
    }
    return "not measured";
}

CalibrationTally tally(const calibrate::Calibration& calibration, AskedComponents asked)
{
    CalibrationTally tally;
    for (const ComponentResult& component : calibration.components) {
        switch (component.end) {
        case End::Calibrated:
            ++tally.calibrated;
            break;
        case End::Unchanged:
            ++tally.unchanged;
            break;
        case End::NotConverged:
            ++tally.not_converged;
            break;
        case End::Missed:
            ++tally.missed;
            break;
        case End::NotKnown:
            if (tally.not_known++ == 0)
                tally.first_not_known = harmless(component.name) + ": " + harmless(component.summary);
            break;
        }
        tally.oom_tested += component.oom.tested() ? 1 : 0;
        tally.oom_passed += component.oom.tested() && component.oom.passed() ? 1 : 0;
        for (const ScenarioResult& scenario : component.scenarios)
            count_scenario(component, scenario, tuning_of(component, asked).floor, tally);
    }
    return tally;
}

CalibrationVerdict verdict_of(const calibrate::Calibration& calibration, const CalibrationTally& tally)
{
    const bool fails = tally.not_converged > 0 || tally.missed > 0 || tally.targets_missed > 0 ||
                       tally.below_floor > 0 || tally.oom_passed < tally.oom_tested;
    if (calibration.components.empty() || fails)
        return CalibrationVerdict::Fails;
    return calibration.all_met() ? CalibrationVerdict::Holds : CalibrationVerdict::Doubtful;
}

std::string headline(const calibrate::Calibration& calibration, const CalibrationTally& tally)
{
    if (calibration.components.empty())
        return "Nothing was calibrated.";
    std::vector<std::string> parts;
    if (tally.calibrated > 0)
        parts.push_back(fmt::format("{} {} calibrated", plural(tally.calibrated, "component"), verb(tally.calibrated)));
    if (tally.unchanged > 0)
        parts.push_back(fmt::format("{} {} right as {}", tally.unchanged, verb(tally.unchanged),
                                    tally.unchanged == 1 ? "it is" : "they are"));
    if (tally.not_converged > 0)
        parts.push_back(fmt::format("{} did not converge", tally.not_converged));
    if (tally.missed > 0)
        parts.push_back(
            fmt::format("{} {} targets under any limits", tally.missed, tally.missed == 1 ? "misses" : "miss"));
    if (tally.not_known > 0)
        parts.push_back(fmt::format("{} {} not known", tally.not_known, verb(tally.not_known)));
    switch (verdict_of(calibration, tally)) {
    case CalibrationVerdict::Holds:
        return fmt::format("Everything holds: {}.", fmt::join(parts, ", "));
    case CalibrationVerdict::Doubtful:
        if (tally.not_known > 0)
            return fmt::format("Not known, {} ({}).", tally.first_not_known, fmt::join(parts, ", "));
        return fmt::format("Nothing fails, and {} could not be decided: {}.",
                           plural(tally.targets_inconclusive, "target"), fmt::join(parts, ", "));
    case CalibrationVerdict::Fails:
        break;
    }
    return fmt::format("Not everything holds: {}.", fmt::join(parts, ", "));
}

}  // namespace flyball::report
