// SPDX-License-Identifier: Apache-2.0
// TAP version 14 (testanything.org): the plan first, a line a run, YAML diagnostics below.
#include "cells.hpp"
#include "flyball/report/oom.hpp"
#include "json/parts.hpp"
#include "oom_runs.hpp"

#include <fmt/format.h>

namespace flyball::report {
namespace {

using oom::Status;

// A '#' would begin a directive: a scenario must not be able to name itself "# SKIP".
std::string tap_text(std::string_view text)
{
    std::string out;
    for (const char c : harmless(text)) {
        if (c == '#' || c == '\\')
            out += '\\';
        out += c;
    }
    return out;
}

// JSON's strings are YAML's in double quotes.
std::string yaml(std::string_view text)
{
    return Json(harmless(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string milliseconds(std::uint64_t ns)
{
    constexpr std::uint64_t kUs = 1'000, kMs = 1'000'000;
    return fmt::format("{}.{:03}", ns / kMs, ns % kMs / kUs);
}

void add_bounds(const oom::ScenarioResult& run, std::string& out)
{
    if (run.bounds.empty())
        return;
    out += "  bounds:\n";
    for (const oom::Bound& bound : run.bounds)
        out += fmt::format("    - {{name: {}, took_ms: {}, allowed_ms: {}}}\n", yaml(bound.name),
                           bound.value_ns ? milliseconds(*bound.value_ns) : "null", milliseconds(bound.limit_ns));
}

void add_checks(const oom::ScenarioResult& run, std::string& out)
{
    if (run.expectations.empty())
        return;
    out += "  expectations:\n";
    for (const oom::Check& check : run.expectations)
        out += fmt::format("    - {{name: {}, outcome: {}, detail: {}}}\n", yaml(check.name), name(check.outcome),
                           yaml(check.detail));
}

void add_story(const oom::ScenarioResult& run, std::string& out)
{
    if (!run.episodes.empty())
        out += "  episodes:\n";
    for (const oom::Judged& judged : run.episodes)
        out += fmt::format("    - {{number: {}, outcome: {}, summary: {}}}\n", judged.number,
                           name(judged.verdict.outcome), yaml(judged.verdict.summary));
    if (!run.timeline.empty())
        out += "  timeline:\n";
    for (const oom::Step& step : run.timeline)
        out += fmt::format("    - {{at_ms: {}, what: {}}}\n", milliseconds(step.at_ns), yaml(step.what));
}

void add_diagnostics(const oom::ScenarioResult& run, std::string& out)
{
    out += "  ---\n";
    out += fmt::format("  title: {}\n", yaml(run.title));
    const bool passed = run.status == Status::Pass;
    if (!passed)
        out += fmt::format("  status: {}\n  message: {}\n", name(run.status), yaml(run.reason));
    out += fmt::format("  duration_ms: {}\n", milliseconds(run.duration_ns));
    if (!passed)
        add_checks(run, out);
    add_bounds(run, out);
    if (!passed)
        add_story(run, out);
    out += "  ...\n";
}

void add_run(const oom::ScenarioResult& run, std::size_t number, std::string& out)
{
    // What could not be told has not passed; what cannot be run here is no fault.
    const bool ok = run.status == Status::Pass || run.status == Status::Skipped;
    out += fmt::format("{} {} - {}", ok ? "ok" : "not ok", number, tap_text(run_name(run)));
    if (run.status == Status::Skipped) {
        out += fmt::format(" # SKIP {}\n", tap_text(run.reason));
        return;
    }
    out += '\n';
    add_diagnostics(run, out);
}

}  // namespace

std::string render_tap(const oom::TestReport& report)
{
    std::string out = "TAP version 14\n";
    out += report.scenarios.empty() ? "1..0 # SKIP no scenario ran\n" : fmt::format("1..{}\n", report.scenarios.size());
    out += fmt::format("# flyball {} on {}, Linux {}, {}\n", harmless(report.flyball_version), harmless(report.host),
                       harmless(report.kernel), harmless(report.arch));
    out += fmt::format("# workload: {}\n", harmless(report.workload));
    for (const std::string& note : report.notes)
        out += fmt::format("# note: {}\n", harmless(note));
    std::size_t number = 0;
    for (const oom::ScenarioResult& run : report.scenarios)
        add_run(run, ++number, out);
    return out;
}

}  // namespace flyball::report
