// SPDX-License-Identifier: Apache-2.0
#include "flyball/report/load.hpp"

#include "cells.hpp"
#include "flyball/load/quantiles.hpp"
#include "parts.hpp"
#include "text/report_parts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

namespace flyball::report {
namespace {

constexpr std::string_view kLoadSchema = "flyball.load/1";

Json json_quantile(const profile::Histogram& histogram, std::uint64_t endless, double q)
{
    const load::Quantile quantile = load::quantile_of(histogram, endless, q);
    return {{"q", q},
            // `beyond_timeout` tells what is endless from what is not known.
            {"value_ns", json_known_number(quantile.value)},
            {"low_ns", json_known_number(quantile.low)},
            {"high_ns", json_known_number(quantile.high)},
            {"samples", quantile.samples},
            {"needed", quantile.needed},
            {"beyond_timeout", quantile.value && std::isinf(*quantile.value)}};
}

Json json_distribution(const profile::Histogram& histogram, std::uint64_t endless)
{
    Json quantiles = Json::array();
    for (const double q : {0.5, 0.9, 0.95, 0.99, 0.999, 0.9999})
        quantiles.push_back(json_quantile(histogram, endless, q));
    const auto known = [&](auto value) { return histogram.empty() ? Json(nullptr) : Json(value); };
    return {{"count", histogram.count()},
            {"endless", endless},
            {"mean_ns", known(histogram.mean())},
            {"min_ns", known(histogram.min())},
            {"max_ns", known(histogram.max())},
            {"quantiles", std::move(quantiles)},
            {"buckets", json_list(histogram.buckets(), [](const profile::Histogram::Bucket& bucket) {
                 return Json::array({bucket.low, bucket.high, bucket.count});
             })}};
}

Json json_phase(const load::Phase& phase)
{
    const load::Counts& counts = phase.counts;
    return {{"label", harmless(phase.label)},
            {"from_rate", phase.from_rate},
            {"to_rate", phase.to_rate},
            {"begin_ns", phase.begin_ns},
            {"end_ns", phase.end_ns},
            {"intended", counts.intended},
            {"ok", counts.ok},
            {"failed", counts.failed},
            {"shed", counts.shed},
            {"timed_out", counts.timed_out},
            {"abandoned", counts.abandoned},
            {"completed", phase.completed},
            {"latency", json_distribution(phase.latency_ns, counts.endless())},
            {"service", json_distribution(phase.service_ns, 0)},
            {"wait", json_distribution(phase.wait_ns, 0)}};
}

Json json_kernel(const load::KernelUse& use)
{
    return {{"span_ns", use.span_ns},
            {"cpu_ns", json_maybe(use.cpu_ns)},
            {"throttled_ns", json_maybe(use.throttled_ns)},
            {"nr_periods", json_maybe(use.nr_periods)},
            {"nr_throttled", json_maybe(use.nr_throttled)},
            {"memory_peak_bytes", json_maybe(use.memory_peak_bytes)},
            {"oom_kills", json_maybe(use.oom_kills)},
            {"pids_peak", json_maybe(use.pids_peak)},
            {"pids_max_events", json_maybe(use.pids_max_events)}};
}

Json json_told(const load::GeneratorTold& told)
{
    Json values = Json::object();
    for (const auto& [name, numbers] : told.values)
        values[harmless(name)] = numbers;
    return {{"rate", json_known_number(told.rate)},
            {"done", told.done},
            {"failed", told.failed},
            {"values", std::move(values)},
            {"not_understood", told.not_understood.empty() ? Json(nullptr) : Json(harmless(told.not_understood))},
            {"exit_code", json_maybe(told.exit_code)}};
}

Json json_values(const load::Values& values)
{
    Json object = Json::object();
    for (const auto& [name, value] : values)
        object[harmless(name)] = harmless(value);
    return object;
}

Json json_timeline(const load::Timeline& timeline)
{
    return {{"step_ns", timeline.step_ns},
            // intended, ok, errors, slowest latency (null: one did not end in time, or none ended)
            {"moments", json_list(timeline.moments, [](const load::Moment& moment) {
                 const bool none = moment.slowest_ns == 0 || moment.slowest_ns == ~std::uint64_t{0};
                 return Json::array(
                     {moment.intended, moment.ok, moment.errors, none ? Json(nullptr) : Json(moment.slowest_ns)});
             })}};
}

Json json_judgement(const load::Judgement& judgement)
{
    return {{"objective", harmless(judgement.objective)},
            {"verdict", load::name(judgement.verdict)},
            {"observed", json_known_number(judgement.observed)},
            {"low", json_known_number(judgement.low)},
            {"high", json_known_number(judgement.high)},
            {"clear", judgement.clear},
            {"said", harmless(judgement.said)}};
}

Json json_level(const load::Level& level)
{
    return {{"label", harmless(level.label)},
            {"parameters", json_values(level.parameters)},
            {"offered", json_known_number(level.offered)},
            {"achieved", json_known_number(level.achieved())},
            {"warmup_ns", level.warmup_ns},
            {"span_ns", level.span_ns},
            {"verdict", load::name(level.verdict())},
            {"objectives", json_list(level.judgements, json_judgement)},
            {"ended_early", level.ended_early.empty() ? Json(nullptr) : Json(harmless(level.ended_early))},
            {"interrupted", level.interrupted},
            {"first_error", level.first_error.empty() ? Json(nullptr) : Json(harmless(level.first_error))},
            {"total", json_phase(level.total)},
            {"phases", json_list(level.phases, json_phase)},
            {"timeline", json_timeline(level.timeline)},
            {"recoveries", json_list(level.recoveries,
                                     [](const load::Recovery& recovery) {
                                         return Json{{"phase", recovery.phase},
                                                     {"limit_ns", json_known_number(recovery.limit_ns)},
                                                     {"after_ns", json_maybe(recovery.after_ns)}};
                                     })},
            {"own_delay", json_distribution(level.own_delay_ns, 0)},
            {"told", level.told ? json_told(*level.told) : Json(nullptr)},
            {"kernel", json_kernel(level.kernel)}};
}

Json json_votes(const load::Votes& votes)
{
    return {{"held", votes.held}, {"broken", votes.broken}};
}

Json json_found(const load::Found& found)
{
    return {{"parameter", harmless(found.parameter)},
            {"combination", json_values(found.combination)},
            {"low", found.options.low},
            {"high", found.options.high},
            {"width", found.options.width},
            {"confirm", found.options.confirm},
            {"of", found.options.of},
            {"end", load::name(found.result.end)},
            {"held", json_known_number(found.result.held)},
            {"broken", json_known_number(found.result.broken)},
            {"held_votes", json_votes(found.result.held_votes)},
            {"broken_votes", json_votes(found.result.broken_votes)},
            {"reason", found.reason.empty() ? Json(nullptr) : Json(harmless(found.reason))},
            {"at_held", found.at_held ? json_phase(*found.at_held) : Json(nullptr)},
            {"at_broken", found.at_broken ? json_phase(*found.at_broken) : Json(nullptr)},
            {"trials", json_list(found.trials, [](const load::TrialRecord& trial) {
                 return Json{{"level", trial.level},
                             {"phase", load::name(trial.phase)},
                             {"verdict", load::name(trial.verdict)},
                             {"why", trial.why.empty() ? Json(nullptr) : Json(harmless(trial.why))},
                             {"index", trial.index},
                             {"counted", trial.counted}};
             })}};
}

}  // namespace

std::string render_load_json(const LoadReport& report)
{
    const load::Plan& plan = report.plan;
    Json limits = Json::object();
    for (const auto& [file, value] : report.limits)
        limits[file] = harmless(value);
    return written(
        {{"schema", kLoadSchema},
         {"flyball_version", harmless(report.flyball_version)},
         {"host", harmless(report.host)},
         {"kernel", harmless(report.kernel)},
         {"arch", harmless(report.arch)},
         {"cpus", report.cpus},
         {"start_wall_ns", report.start_wall_ns},
         {"start_utc", utc(report.start_wall_ns)},
         {"duration_ns", report.duration_ns},
         {"command", harmless(report.command)},
         {"limits", std::move(limits)},
         {"mode", plan.generator ? "generator" : "requests"},
         {"arrivals", plan.generator                             ? Json(nullptr)
                      : plan.arrivals == load::Arrivals::Poisson ? Json("poisson")
                                                                 : Json("fixed")},
         {"seed", plan.seed},
         {"in_flight", plan.in_flight},
         {"timeout_ns", plan.timeout_ns},
         {"drain_ns", plan.drain_ns},
         {"confidence", load::kConfidence},
         {"objectives", json_list(plan.objectives, [](const load::Objective& o) { return Json(harmless(o.text)); })},
         {"verdict", load::name(report.outcomes.verdict())},
         {"interrupted", report.outcomes.interrupted},
         {"notes", json_strings(report.notes)},
         {"found", json_list(report.outcomes.found, json_found)},
         {"levels", json_list(report.outcomes.levels, json_level)}});
}

}  // namespace flyball::report
