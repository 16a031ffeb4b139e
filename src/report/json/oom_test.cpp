// SPDX-License-Identifier: Apache-2.0
// A test of the OOM behaviour as one JSON document.
#include "cells.hpp"
#include "oom.hpp"
#include "text/report_parts.hpp"

namespace flyball::report {
namespace {

using oom::Status;

Json json_bound(const oom::Bound& bound)
{
    return {{"name", harmless(bound.name)},
            {"value_ns", json_maybe(bound.value_ns)},
            {"limit_ns", bound.limit_ns},
            // What was not observed has not held either.
            {"held", bound.value_ns ? Json(bound.held()) : Json(nullptr)}};
}

Json json_step(const oom::Step& step)
{
    return {{"at_ns", step.at_ns}, {"what", harmless(step.what)}};
}

Json json_oom_scenario(const oom::ScenarioResult& s)
{
    return {{"name", harmless(s.name)},
            {"title", harmless(s.title)},
            {"repetition", s.repetition},
            {"status", name(s.status)},
            {"reason", s.reason.empty() ? Json(nullptr) : Json(harmless(s.reason))},
            {"start_ns", s.start_ns},
            {"duration_ns", s.duration_ns},
            {"limit_bytes", json_known(s.limit_bytes)},
            {"peak_bytes", json_maybe(s.peak_bytes)},
            {"baseline_bytes", json_maybe(s.baseline_bytes)},
            {"after_bytes", json_maybe(s.after_bytes)},
            {"expectations", json_list(s.expectations, json_check)},
            {"bounds", json_list(s.bounds, json_bound)},
            {"timeline", json_list(s.timeline, json_step)},
            {"episodes", json_list(s.episodes, json_episode)}};
}

}  // namespace

std::string render_test_json(const oom::TestReport& report)
{
    Json counts = Json::object();
    for (const Status status : {Status::Pass, Status::Fail, Status::Inconclusive, Status::Skipped})
        counts[std::string(name(status))] = report.count(status);
    return written({{"schema", kOomTestSchema},
                    {"flyball_version", harmless(report.flyball_version)},
                    {"host", harmless(report.host)},
                    {"kernel", harmless(report.kernel)},
                    {"arch", harmless(report.arch)},
                    {"start_wall_ns", report.start_wall_ns},
                    {"start_utc", utc(report.start_wall_ns)},
                    {"duration_ns", report.duration_ns},
                    {"workload", harmless(report.workload)},
                    {"notes", json_strings(report.notes)},
                    {"counts", std::move(counts)},
                    {"scenarios", json_list(report.scenarios, json_oom_scenario)}});
}

}  // namespace flyball::report
