// SPDX-License-Identifier: Apache-2.0
// A scenario with all its runs: in sum first, then those that have something to tell.
#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "oom.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

using oom::Status;

void draw_title(const Runs& runs, Canvas& canvas)
{
    const Status status = worst_status(runs);
    const std::string word = shouted(name(status));
    const std::string path = squeeze(harmless(runs.front()->name), canvas.width() - word.size() - 10);
    const std::size_t rule = canvas.width() - 8 - display_width(path) - word.size();
    canvas.blank();
    canvas.put("-- ", Style::Dim).put(path, Style::Bold).put(" " + std::string(rule, '-') + " ", Style::Dim);
    canvas.put(word, style_of(status)).put(" --", Style::Dim).end();
    if (!runs.front()->title.empty())
        canvas.paragraph(harmless(runs.front()->title), 1);
}

std::string_view bound_mark(std::size_t observed, std::size_t broken)
{
    return mark(observed == 0 ? oom::Outcome::Inconclusive : broken > 0 ? oom::Outcome::Fail : oom::Outcome::Pass);
}

Style bound_style(std::size_t observed, std::size_t broken)
{
    return observed == 0 ? Style::Dim : broken > 0 ? Style::Red : Style::Green;
}

// What was looked at once has one time; else there are a median and a worst.
void draw_bounds(const Runs& runs, Canvas& canvas)
{
    const std::vector<BoundSummary> bounds = summed_bounds(runs);
    if (bounds.empty())
        return;
    const bool several = std::ranges::any_of(bounds, [](const BoundSummary& b) { return b.looked() > 1; });
    std::vector<Table::Column> columns{{"", Side::Left}, {"bound", Side::Left, true}};
    if (several)
        columns.push_back({"   median"});
    columns.push_back({several ? "    worst" : "     took"});
    columns.push_back({"  allowed"});
    Table table(std::move(columns));
    for (const BoundSummary& bound : bounds) {
        const Style style = bound_style(bound.observed, bound.broken);
        const Cell none("n/a", Style::Dim);
        std::vector<Cell> cells{Cell(std::string(bound_mark(bound.observed, bound.broken)), style),
                                harmless(bound.name)};
        if (several)
            cells.push_back(bound.observed == 0 ? none : Cell(format_ns(bound.median_ns)));
        cells.push_back(bound.observed == 0 ? none
                                            : Cell(format_ns(bound.worst_ns), bound.broken > 0 ? style : Style::Plain));
        cells.push_back(format_ns(bound.limit_ns));
        table.row(std::move(cells));
        if (bound.observed > 0 && bound.missed > 0)
            table.remark(fmt::format("not observed {} of {} times", bound.missed, bound.looked()));
    }
    table.draw(canvas);
}

void draw_memory(const oom::ScenarioResult& run, Canvas& canvas)
{
    std::string text;
    const auto add = [&](std::string_view what, const std::optional<std::uint64_t>& bytes) {
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", what, bytes ? format_bytes(*bytes) : "n/a");
    };
    const bool limited = run.limit_bytes != kUnknown;
    if (!limited && !run.peak_bytes && !run.baseline_bytes && !run.after_bytes)
        return;
    add("limit", limited ? std::optional(run.limit_bytes) : std::nullopt);
    add("before", run.baseline_bytes);
    add("peak", run.peak_bytes);
    add("after", run.after_bytes);
    text_labelled("memory", text, 1, canvas);
}

void draw_timeline(const oom::ScenarioResult& run, Canvas& canvas)
{
    if (run.timeline.empty())
        return;
    // All with the same digits: steps are compared, and some are microseconds apart.
    constexpr std::size_t kTimes = 11;
    canvas.blank();
    canvas.line(" timeline, in seconds since the scenario began", Style::Dim);
    for (const oom::Step& step : run.timeline)
        canvas.paragraph(harmless(step.what), 0, pad_left(in_seconds(step.at_ns), kTimes) + "  ");
}

void draw_reason(const oom::ScenarioResult& run, Canvas& canvas)
{
    if (!run.reason.empty())
        canvas.paragraph(harmless(run.reason), 1, "-> ", style_of(run.status));
}

bool in_full(const Runs& runs, const oom::ScenarioResult* run)
{
    return run == runs.front() || run->status == Status::Fail || run->status == Status::Inconclusive;
}

// A storm has hundreds that are all alike: the first ones, and the first ones that did not pass.
void draw_episodes(const oom::ScenarioResult& run, Canvas& canvas)
{
    constexpr std::size_t kMost = 5;
    std::size_t passed = 0, others = 0, left_out = 0;
    for (const oom::Judged& judged : run.episodes) {
        std::size_t& shown = judged.verdict.outcome == oom::Outcome::Pass ? passed : others;
        if (shown == kMost) {
            ++left_out;
            continue;
        }
        ++shown;
        canvas.blank();
        text_episode(judged, 1, canvas);
    }
    if (left_out == 0)
        return;
    canvas.blank();
    canvas.paragraph(fmt::format("and {} more; -j has them all", left_out), 1, "", Style::Dim);
}

void draw_sum(const Runs& runs, Canvas& canvas)
{
    std::string text = fmt::format("{} of {} runs passed", count(runs, Status::Pass), runs.size());
    for (const Status status : {Status::Fail, Status::Inconclusive, Status::Skipped}) {
        if (const std::size_t n = count(runs, status); n > 0)
            text += fmt::format(", {} {}", n, status == Status::Fail ? "failed" : name(status));
    }
    const auto told = std::ranges::count_if(runs, [&](const auto* run) { return in_full(runs, run); });
    if (static_cast<std::size_t>(told) < runs.size())
        text += fmt::format("; {} of them below", told);
    canvas.paragraph(text, 1, "", Style::Bold);
    draw_bounds(runs, canvas);
}

}  // namespace

void text_run(const oom::ScenarioResult& run, Canvas& canvas)
{
    draw_reason(run, canvas);
    text_checks(run.expectations, 1, canvas);
    if (!run.bounds.empty())
        canvas.blank();
    draw_bounds({&run}, canvas);
    draw_memory(run, canvas);
    draw_timeline(run, canvas);
    draw_episodes(run, canvas);
}

void text_scenario(const Runs& runs, Canvas& canvas)
{
    draw_title(runs, canvas);
    if (runs.size() == 1)
        return text_run(*runs.front(), canvas);
    draw_sum(runs, canvas);
    for (const oom::ScenarioResult* run : runs) {
        if (!in_full(runs, run))
            continue;
        canvas.blank();
        canvas.put(fmt::format(" run {}  ", run->repetition), Style::Bold);
        canvas.put(shouted(name(run->status)), style_of(run->status)).end();
        text_run(*run, canvas);
    }
}

}  // namespace flyball::report
