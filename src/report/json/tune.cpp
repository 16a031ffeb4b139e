// SPDX-License-Identifier: Apache-2.0
// Proposals as one document. docs/tune-json.md explains the keys.
#include "flyball/report/tune.hpp"

#include "cells.hpp"
#include "proposal.hpp"
#include "text/report_parts.hpp"

namespace flyball::report {
namespace {

using tune::Proposal;

constexpr std::string_view kTuneSchema = "flyball.tune/1";

Json json_value(const tune::Value& value)
{
    return {{"file", harmless(value.file)},
            {"text", harmless(value.text)},
            {"before", json_text(value.before)},
            {"estimate", json_known_number(value.estimate)},
            {"unit", json_unit(value.unit)},
            {"interval", json_interval(value.interval, json_known_number)},
            {"confidence", value.interval ? json_known_number(value.confidence) : Json(nullptr)},
            {"method", json_text(value.method)}};
}

Json json_trial(const tune::Trial& trial)
{
    return {{"setting", harmless(trial.setting)},
            {"verdict", name(trial.verdict)},
            {"took_ns", trial.took_ns},
            {"pairs", trial.pairs},
            {"judged_by", json_text(trial.judged_by)},
            {"throughput", json_interval(trial.throughput, json_known_number)},
            {"latency_p50", json_interval(trial.latency_p50, json_known_number)},
            {"latency_p99", json_interval(trial.latency_p99, json_known_number)},
            {"note", json_text(trial.note)}};
}

Json json_proposal(const Proposal& proposal)
{
    return {{"resource", name(proposal.resource)},
            {"cgroup", json_path(proposal.cgroup)},
            {"answer", name(proposal.answer)},
            {"summary", harmless(proposal.summary)},
            {"values", json_list(proposal.values, json_value)},
            {"evidence",
             json_list(proposal.evidence, [](const auto& one) { return json_evidence(one, json_known_number); })},
            {"trials", json_list(proposal.trials, json_trial)},
            {"refused", json_list(proposal.refused, json_refusal)},
            {"notes", json_strings(proposal.notes)},
            {"took_ns", proposal.took_ns == 0 ? Json(nullptr) : Json(proposal.took_ns)},
            {"regret_s", json_known_number(proposal.regret_s)},
            {"experimented", proposal.experimented},
            {"applied", proposal.applied}};
}

}  // namespace

std::string render_proposals_json(std::span<const Proposal> proposals, const TuneRun& run)
{
    const bool dated = run.start_wall_ns > 0;
    return written({{"schema", kTuneSchema},
                    {"flyball_version", json_text(run.flyball_version)},
                    {"host", json_text(run.host)},
                    {"kernel", json_text(run.kernel)},
                    {"arch", json_text(run.arch)},
                    {"start_wall_ns", dated ? Json(run.start_wall_ns) : Json(nullptr)},
                    {"start_utc", dated ? Json(utc(run.start_wall_ns)) : Json(nullptr)},
                    {"took_ns", run.took_ns == 0 ? Json(nullptr) : Json(run.took_ns)},
                    {"command", run.command.empty() ? Json(nullptr) : json_strings(run.command)},
                    {"proposals", json_list(proposals, json_proposal)}});
}

}  // namespace flyball::report
