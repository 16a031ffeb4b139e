// SPDX-License-Identifier: Apache-2.0
// JUnit XML in the dialect that Jenkins, GitLab and the reporters for GitHub have in common: a failure is
// what a scenario has found wrong, an error is that it could not tell.
#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "text/oom.hpp"
#include "text/report_parts.hpp"
#include "xml.hpp"

#include <fmt/format.h>

namespace flyball::report {
namespace {

using oom::Status;

// CI systems show it in a monospaced font, and scroll.
constexpr int kWidth = 100;

// Both levels count the same, since there is one suite.
std::string counts(const oom::TestReport& report)
{
    return fmt::format(R"(tests="{}" failures="{}" errors="{}" skipped="{}" time="{}")", report.scenarios.size(),
                       report.count(Status::Fail), report.count(Status::Inconclusive), report.count(Status::Skipped),
                       in_seconds(report.duration_ns));
}

// The schema of JUnit allows no zone; it is UTC.
std::string timestamp(std::uint64_t wall_ns)
{
    std::string text = utc(wall_ns).substr(0, std::string_view("2026-01-02 03:04:05").size());
    text[text.find(' ')] = 'T';
    return text;
}

void add_properties(const oom::TestReport& report, std::string& out)
{
    const auto add = [&](const std::string& name, const std::string& value) {
        out += fmt::format("      <property name=\"{}\" value=\"{}\"/>\n", xml_line(name), xml_line(value));
    };
    out += "    <properties>\n";
    add("flyball.version", report.flyball_version);
    add("host", report.host);
    add("kernel", report.kernel);
    add("arch", report.arch);
    add("workload", report.workload);
    for (std::size_t i = 0; i < report.notes.size(); ++i)
        add(fmt::format("note.{}", i + 1), report.notes[i]);
    out += "    </properties>\n";
}

// What did not hold; the whole story is in system-out.
std::string faults(const oom::ScenarioResult& run)
{
    std::string text;
    for (const oom::Check& check : run.expectations) {
        if (check.outcome != oom::Outcome::Pass)
            text += fmt::format("{} {}: {}\n", mark(check.outcome), xml_line(check.name), xml_line(check.detail));
    }
    for (const oom::Bound& bound : run.bounds) {
        if (!bound.held())
            text += fmt::format("{} {}: {}, allowed are {}\n", mark(oom::Outcome::Fail), xml_line(bound.name),
                                format_ns(*bound.value_ns), format_ns(bound.limit_ns));
    }
    for (const oom::Judged& judged : run.episodes) {
        if (judged.verdict.outcome != oom::Outcome::Pass)
            text += fmt::format("{} #{}: {}\n", mark(judged.verdict.outcome), judged.number,
                                xml_line(judged.verdict.summary));
    }
    return text;
}

void add_outcome(const oom::ScenarioResult& run, std::string& out)
{
    // Some readers drop a failure without a message.
    const std::string message = xml_line(run.reason.empty() ? "no reason was given" : run.reason);
    if (run.status == Status::Skipped)
        out += fmt::format("      <skipped message=\"{}\"/>\n", message);
    if (run.status != Status::Fail && run.status != Status::Inconclusive)
        return;
    const std::string_view element = run.status == Status::Fail ? "failure" : "error";
    out += fmt::format("      <{0} message=\"{1}\" type=\"{2}\">{3}</{0}>\n", element, message, name(run.status),
                       faults(run));
}

void add_testcase(const oom::ScenarioResult& run, std::string& out)
{
    out += fmt::format("    <testcase classname=\"flyball.oom\" name=\"{}\" time=\"{}\">\n", xml_line(run_name(run)),
                       in_seconds(run.duration_ns));
    add_outcome(run, out);
    Canvas canvas(kWidth, false);
    text_run(run, canvas);
    out += fmt::format("      <system-out>{}</system-out>\n    </testcase>\n",
                       xml_lines(harmless(run.title) + "\n" + canvas.take()));
}

}  // namespace

std::string render_junit(const oom::TestReport& report)
{
    std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    out += fmt::format("<testsuites name=\"flyball oom test\" {}>\n", counts(report));
    out += fmt::format("  <testsuite name=\"flyball.oom\" {} timestamp=\"{}\" hostname=\"{}\">\n", counts(report),
                       timestamp(report.start_wall_ns), xml_line(report.host));
    add_properties(report, out);
    for (const oom::ScenarioResult& run : report.scenarios)
        add_testcase(run, out);
    return out + "  </testsuite>\n</testsuites>\n";
}

}  // namespace flyball::report
