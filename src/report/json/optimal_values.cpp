// SPDX-License-Identifier: Apache-2.0
// optimal_values.json. docs/calibrate-report.md explains the keys.
#include "calibration_facts.hpp"
#include "cells.hpp"
#include "proposal.hpp"
#include "text/report_parts.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace flyball::report {
namespace {

using calibrate::Calibration;
using calibrate::ComponentResult;

constexpr std::string_view kValuesSchema = "flyball.optimal-values/1";

// JSON has no infinity; what is not finite is not known either. Bytes and tasks are whole.
Json json_number(const std::optional<double>& value)
{
    constexpr double kMostWhole = 9e15;
    if (!value || !std::isfinite(*value))
        return nullptr;
    const bool whole = std::floor(*value) == *value && std::abs(*value) < kMostWhole;
    return whole ? Json(static_cast<std::int64_t>(*value)) : Json(*value);
}

// Digits that tell nothing are left out.
std::optional<double> rounded(const std::optional<double>& ratio)
{
    constexpr double kParts = 1e6;
    return ratio ? std::optional(std::round(*ratio * kParts) / kParts) : std::nullopt;
}

Json json_shown(const tune::Evidence& evidence)
{
    return json_evidence(evidence, json_number);
}

// How many comparisons confirmed it, if any was made.
Json pairs_of(const tune::Proposal& proposal)
{
    for (auto trial = proposal.trials.rbegin(); trial != proposal.trials.rend(); ++trial)
        if (trial->verdict == tune::Verdict::Accepted)
            return trial->pairs;
    return nullptr;
}

Json json_limit(const LimitChange& limit)
{
    const auto expected = expectation_of(limit.file);
    const auto change = limit.change();
    const tune::Proposal* const proposal = limit.proposal;
    return {{"value", json_text(limit.after)},
            {"number", json_number(limit.is)},
            {"unit", json_unit(limit.unit)},
            {"before", {{"value", json_text(limit.before)}, {"number", json_number(limit.was)}}},
            {"changed", limit.changed()},
            {"change", json_number(rounded(change))},
            {"against_expectation", expected && change ? Json(expected->judge(*change)) : Json(nullptr)},
            {"interval", json_interval(limit.interval, json_number)},
            {"confidence", limit.interval && limit.confidence > 0 ? json_number(limit.confidence) : Json(nullptr)},
            {"proposed", limit.value != nullptr ? json_text(limit.value->text) : Json(nullptr)},
            {"method", limit.value != nullptr ? json_text(limit.value->method) : Json(nullptr)},
            {"n", proposal != nullptr ? pairs_of(*proposal) : Json(nullptr)},
            {"answer", proposal != nullptr ? Json(name(proposal->answer)) : Json(nullptr)},
            {"summary", proposal != nullptr ? json_text(proposal->summary) : Json(nullptr)},
            {"evidence", proposal != nullptr ? json_list(proposal->evidence, json_shown) : Json::array()},
            {"refused", proposal != nullptr ? json_list(proposal->refused, json_refusal) : Json::array()}};
}

Json json_attempt(const calibrate::Attempt& attempt)
{
    Json limits = Json::object();
    for (const auto& [file, text] : attempt.limits)
        limits[harmless(file)] = harmless(text);
    return {{"number", attempt.number},
            {"accepted", attempt.accepted},
            {"undecided", attempt.undecided},
            {"limits", std::move(limits)},
            {"reasons", json_strings(attempt.reasons)}};
}

Json json_bite(const calibrate::Bite& bite)
{
    return {{"file", harmless(bite.file)},
            {"lowered", json_text(bite.lowered)},
            {"answer", name(bite.answer)},
            {"what", json_text(bite.what)}};
}

Json json_scenario(const calibrate::ScenarioResult& scenario, bool changed)
{
    const auto targets = json_list(scenario.targets, [](const calibrate::TargetResult& target) {
        return Json{{"target", harmless(target.target.text)},
                    {"before", name(target.before.outcome)},
                    {"after", name(target.after.outcome)},
                    {"reason", json_text(target.after.reason)},
                    {"estimate", json_number(target.after.estimate)},
                    {"interval", json_interval(target.after.interval, json_number)},
                    {"unit", target.target.of.empty() ? name(target.target.unit) : name(calibrate::Unit::Share)},
                    {"n", target.after.n}};
    });
    return {{"name", harmless(scenario.name)},
            {"retention", changed ? json_number(rounded(scenario.retention)) : Json(nullptr)},
            {"retention_interval", changed ? json_interval(scenario.retention_interval, json_number) : Json(nullptr)},
            {"targets", targets}};
}

Json json_component(const ComponentResult& component)
{
    Json values = Json::object();
    for (const LimitChange& limit : limit_changes(component))
        values[harmless(limit.file)] = json_limit(limit);
    const bool changed = limits_changed(component);
    return {{"name", harmless(component.name)},
            {"end", name(component.end)},
            {"critical", component.critical},
            {"summary", json_text(component.summary)},
            {"values", std::move(values)},
            {"attempts", json_list(component.attempts, json_attempt)},
            {"bites", json_list(component.bites, json_bite)},
            {"scenarios", json_list(component.scenarios,
                                    [&](const calibrate::ScenarioResult& one) { return json_scenario(one, changed); })},
            {"oom", component.oom.tested() ? Json(component.oom.passed() ? "pass" : "fail") : Json(nullptr)},
            {"notes", json_strings(component.notes)}};
}

}  // namespace

std::string render_optimal_values(const Calibration& calibration)
{
    const bool dated = calibration.start_wall_ns > 0;
    return written({{"schema", kValuesSchema},
                    {"spec",
                     {{"name", json_text(calibration.spec_name)},
                      {"file", json_text(calibration.spec_file)},
                      {"profile", json_text(calibration.profile)}}},
                    {"flyball_version", json_text(calibration.flyball_version)},
                    {"host", json_text(calibration.host)},
                    {"kernel", json_text(calibration.kernel)},
                    {"arch", json_text(calibration.arch)},
                    {"start_wall_ns", dated ? Json(calibration.start_wall_ns) : Json(nullptr)},
                    {"start_utc", dated ? Json(utc(calibration.start_wall_ns)) : Json(nullptr)},
                    {"took_ns", calibration.took_ns == 0 ? Json(nullptr) : Json(calibration.took_ns)},
                    {"all_met", calibration.all_met()},
                    {"components", json_list(calibration.components, json_component)}});
}

}  // namespace flyball::report
