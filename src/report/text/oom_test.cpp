// SPDX-License-Identifier: Apache-2.0
// The top of a test's text: what ran where, and a table of all scenarios.
#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "oom.hpp"
#include "report_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

using oom::Status;

void draw_counts(const oom::TestReport& report, Canvas& canvas)
{
    canvas.blank();
    const char* gap = "";
    for (const Status status : {Status::Pass, Status::Fail, Status::Inconclusive, Status::Skipped}) {
        const std::size_t count = report.count(status);
        canvas.put(gap).put(fmt::format("{} {}", count, shouted(name(status))),
                            count == 0 ? Style::Dim : style_of(status));
        gap = "   ";
    }
    canvas.end();
}

// "time to memory freed" -> "to freed": a title as narrow as what is below it.
std::string column_title(std::string_view bound)
{
    std::string title = harmless(bound);
    for (const std::string_view part : {"time ", "memory "}) {
        if (const std::size_t at = title.find(part); at != std::string::npos)
            title.erase(at, part.size());
    }
    constexpr std::size_t kWidest = 12;
    return squeeze(title, kWidest);
}

// The names of all bounds, in their order; no more than fit beside the rest.
std::vector<std::string> bound_names(const std::vector<Runs>& scenarios)
{
    constexpr std::size_t kMost = 4;
    std::vector<std::string> names;
    for (const Runs& runs : scenarios) {
        for (const BoundSummary& bound : summed_bounds(runs)) {
            if (names.size() < kMost && std::ranges::find(names, bound.name) == names.end())
                names.push_back(bound.name);
        }
    }
    return names;
}

// "5", or "1-5" where runs differ.
Cell kills_cell(const Runs& runs)
{
    std::size_t least = ~std::size_t{0}, most = 0;
    for (const oom::ScenarioResult* run : runs) {
        if (run->status == Status::Skipped)
            continue;
        std::size_t kills = 0;
        for (const oom::Judged& judged : run->episodes)
            kills += judged.episode.victims.size();
        least = std::min(least, kills);
        most = std::max(most, kills);
    }
    if (least > most)
        return {"-", Style::Dim};
    return least == most ? std::to_string(most) : fmt::format("{}-{}", least, most);
}

Cell bound_cell(const std::vector<BoundSummary>& bounds, const std::string& name)
{
    const auto found = std::ranges::find(bounds, name, &BoundSummary::name);
    if (found == bounds.end())
        return {"-", Style::Dim};
    if (found->observed == 0)
        return {"n/a", Style::Dim};
    // Without colour it has to be seen as well.
    if (found->broken > 0)
        return {narrow_ns(found->worst_ns) + "!", Style::Red};
    return {narrow_ns(found->worst_ns)};
}

}  // namespace

void text_test_head(const oom::TestReport& report, Canvas& canvas)
{
    constexpr std::string_view kName = "flyball oom test";
    const std::string where =
        fmt::format(": {} on {}, Linux {}, {}", format_ns(report.duration_ns), squeeze(harmless(report.host), 30),
                    harmless(report.kernel), harmless(report.arch));
    canvas.put(kName, Style::Bold).put(squeeze(where, canvas.width() - kName.size())).end();
    canvas.line(squeeze(fmt::format("flyball {}, from {}", harmless(report.flyball_version), utc(report.start_wall_ns)),
                        canvas.width()),
                Style::Dim);
    if (!report.workload.empty())
        canvas.paragraph(harmless(report.workload), 0, "workload: ", Style::Dim);
    draw_counts(report, canvas);
}

void text_test_summary(const std::vector<Runs>& scenarios, Canvas& canvas)
{
    if (scenarios.empty()) {
        canvas.blank();
        canvas.paragraph("No scenario ran.", 0, "", Style::Red);
        return;
    }
    canvas.heading("SCENARIOS", "times: the worst of the runs");
    const std::vector<std::string> names = bound_names(scenarios);
    std::vector<Table::Column> columns{{"status", Side::Left}, {"passed"}, {"scenario", Side::Left, true}, {"kills"}};
    for (const std::string& name : names)
        columns.push_back({column_title(name)});
    Table table(std::move(columns));
    bool broken = false;
    for (const Runs& runs : scenarios) {
        const Status status = worst_status(runs);
        const std::vector<BoundSummary> bounds = summed_bounds(runs);
        std::vector<Cell> cells{Cell(shouted(name(status)), style_of(status)),
                                fmt::format("{}/{}", count(runs, Status::Pass), runs.size()),
                                harmless(runs.front()->name), kills_cell(runs)};
        for (const std::string& name : names)
            cells.push_back(bound_cell(bounds, name));
        table.row(std::move(cells));
        broken = broken || std::ranges::any_of(bounds, [](const BoundSummary& b) { return b.broken > 0; });
    }
    table.draw(canvas);
    const std::string legend = "n/a: not observable here. -: not part of it. Below, times with a sign are "
                               "from the decision; left: what "
                               "the victim's cgroup held when it had let go.";
    canvas.paragraph((broken ? "!: beyond its bound. " : "") + legend, 1, "", Style::Dim);
}

void text_test_notes(const std::vector<std::string>& notes, Canvas& canvas)
{
    if (notes.empty())
        return;
    canvas.heading("NOTES", "what holds for all scenarios");
    for (const std::string& note : notes)
        canvas.paragraph(harmless(note), 1, "! ");
}

}  // namespace flyball::report
