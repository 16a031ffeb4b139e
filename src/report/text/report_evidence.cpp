// SPDX-License-Identifier: Apache-2.0
// How far the numbers can be believed: coverage, audit, losses.
#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "report_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace flyball::report {
namespace {

using audit::AuditRow;

Style verdict_style(audit::Verdict verdict)
{
    switch (verdict) {
    case audit::Verdict::Agree:
        return Style::Green;
    case audit::Verdict::Disagree:
        return Style::Red;
    case audit::Verdict::NotComparable:
        return Style::Dim;
    }
    return Style::Plain;
}

std::string side_text(const AuditRow& row, const std::optional<std::uint64_t>& value)
{
    if (!value)
        return "n/a";
    // Counts are told exactly: "1.23M = 1.23M" would prove little.
    return row.unit == Unit::Count ? exact_count(*value) : narrow(row.unit, *value);
}

std::string difference(const AuditRow& row)
{
    if (!row.both())
        return "";
    if (row.difference() == 0)
        return "0";
    const std::string sign = *row.ours > *row.kernel ? "+" : "-";
    if (const auto percent = row.percent(); percent && row.unit != Unit::Count) {
        const std::string text = format_percent(std::abs(*percent) / 100);
        return text.starts_with('<') ? text : sign + text;
    }
    return sign + narrow(row.unit, row.difference());
}

bool listed(const ReportModel& model, const AuditRow& row)
{
    if (row.verdict == audit::Verdict::Disagree)
        return true;
    if (row.scope == audit::Scope::Recording)
        return model.all_audit_rows;
    return row.matters() || model.all_audit_rows;
}

// Those that agree or not, by cgroup.
void draw_compared(const ReportModel& model, Canvas& canvas)
{
    Table table({{"cgroup", Side::Left, true},
                 {"quantity", Side::Left, true},
                 {"ours"},
                 {"kernel"},
                 {"diff"},
                 {"allowed"},
                 {"verdict", Side::Left}});
    const std::string* before = nullptr;
    for (const AuditRow& row : model.audit) {
        if (!listed(model, row) || row.verdict == audit::Verdict::NotComparable)
            continue;
        const bool same = before != nullptr && *before == row.cgroup;
        before = &row.cgroup;
        table.row({same                 ? std::string()
                   : row.cgroup.empty() ? std::string("(recording)")
                                        : harmless(row.cgroup),
                   row.quantity, side_text(row, row.ours), side_text(row, row.kernel), difference(row),
                   narrow(row.unit, row.tolerance), Cell(std::string(name(row.verdict)), verdict_style(row.verdict))});
        if (row.verdict != audit::Verdict::Agree)
            table.remark(harmless(row.reason));
    }
    if (!table.empty())
        table.draw(canvas);
}

struct NotCompared {
    std::vector<std::string> quantities, cgroups;
};

void add_once(std::vector<std::string>& to, const std::string& name)
{
    if (std::ranges::find(to, name) == to.end())
        to.push_back(name);
}

std::string joined_names(const std::vector<std::string>& names, std::size_t most)
{
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), most); ++i)
        text += (i == 0 ? "" : ", ") + harmless(names[i]);
    if (names.size() > most)
        text += fmt::format(" and {} more", names.size() - most);
    return text;
}

std::vector<std::string> short_names(const std::vector<std::string>& paths)
{
    constexpr std::size_t kName = 32;
    std::vector<std::string> names;
    for (const std::string& path : paths)
        names.push_back(squeeze(path, kName));
    return names;
}

// Many rows have few reasons: one paragraph each.
void draw_not_compared(const ReportModel& model, Canvas& canvas)
{
    constexpr std::size_t kCgroups = 3;
    std::map<std::string, NotCompared> reasons;
    for (const AuditRow& row : model.audit) {
        if (row.verdict != audit::Verdict::NotComparable || !listed(model, row))
            continue;
        add_once(reasons[row.reason].quantities, row.quantity);
        add_once(reasons[row.reason].cgroups, row.cgroup);
    }
    if (reasons.empty())
        return;
    canvas.line(" Not comparable:", Style::Bold);
    for (const auto& [reason, rows] : reasons) {
        const std::size_t most = model.all_audit_rows ? rows.cgroups.size() : kCgroups;
        canvas.paragraph(fmt::format("{}: {} of {}", harmless(reason),
                                     joined_names(rows.quantities, rows.quantities.size()),
                                     joined_names(short_names(rows.cgroups), most)),
                         1, "- ");
    }
}

void draw_consistency(const ReportModel& model, Canvas& canvas)
{
    std::size_t losses = 0, losses_hold = 0, buckets = 0, buckets_hold = 0;
    for (const AuditRow& row : model.audit) {
        if (row.scope != audit::Scope::Recording)
            continue;
        const bool holds = row.verdict == audit::Verdict::Agree;
        if (row.quantity.starts_with("loss.")) {
            ++losses;
            losses_hold += holds ? 1 : 0;
        } else {
            ++buckets;
            buckets_hold += holds ? 1 : 0;
        }
    }
    canvas.paragraph(
        fmt::format("Within the recording: {} of {} loss equations hold; the buckets of {} of {} metrics add up "
                    "to their counts.",
                    losses_hold, losses, buckets_hold, buckets),
        1, "", losses == losses_hold && buckets == buckets_hold ? Style::Plain : Style::Red);
}

}  // namespace

void text_audit(const ReportModel& model, Canvas& canvas)
{
    const audit::Summary& sum = model.audit_summary;
    canvas.heading("AUDIT",
                   fmt::format("against the kernel's own counters over the same window: {}", name(sum.outcome)));
    draw_compared(model, canvas);
    draw_not_compared(model, canvas);
    draw_consistency(model, canvas);
    canvas.paragraph(fmt::format("{} numbers agree, {} disagree, {} are not comparable. {} were compared with the "
                                 "kernel's and are not zero.",
                                 sum.agree, sum.disagree, sum.not_comparable, sum.compared_with_kernel),
                     1);
}

void text_coverage(const ReportModel& model, Canvas& canvas)
{
    const auto& entries = model.meta.coverage;
    const auto have = std::ranges::count_if(entries, &profile::Coverage::available);
    canvas.heading("COVERAGE", fmt::format("{} of {} metrics measured", have, entries.size()));
    Table table({{"metric", Side::Left, true}, {"how, or why not", Side::Left, true}});
    for (const profile::Coverage& entry : entries) {
        if (entry.available) {
            table.row({harmless(entry.metric), harmless(entry.hook)});
            table.remark(harmless(entry.note));
            continue;
        }
        table.row({harmless(entry.metric), Cell("n/a", Style::Yellow)});
        std::string text = entry.note.empty() ? "unavailable" : entry.note;
        if (!entry.remedy.empty())
            text += fmt::format(" -> {}", entry.remedy);
        table.remark(harmless(text));
    }
    if (!table.empty())
        table.draw(canvas);
}

void text_losses(const ReportModel& model, Canvas& canvas)
{
    canvas.heading("LOSSES", "attempted = delivered + folded (exact in distribution) + dropped");
    if (model.loss_programs.empty()) {
        canvas.paragraph("The recording holds no account of events.", 1, "", Style::Yellow);
    } else {
        Table table({{"program", Side::Left},
                     {"CPUs"},
                     {"attempted"},
                     {"delivered"},
                     {"folded"},
                     {"dropped"},
                     {"untracked"},
                     {"", Side::Left}});
        const auto add = [&](std::string name, const ProgramTotals& t) {
            table.row({std::move(name), std::to_string(t.cpus), exact_count(t.attempted), exact_count(t.delivered),
                       exact_count(t.folded), Cell(exact_count(t.dropped), t.dropped > 0 ? Style::Red : Style::Plain),
                       exact_count(t.untracked),
                       t.balances ? Cell("balances", Style::Green) : Cell("DOES NOT", Style::Red)});
        };
        for (const ProgramTotals& totals : model.loss_programs)
            add(std::string(program_name(totals.prog)), totals);
        table.draw(canvas);
    }
    if (model.loss.sequence_gaps > 0) {
        canvas.paragraph(fmt::format("{} batches missing in sequence.", model.loss.sequence_gaps), 1, "", Style::Red);
    }
    for (const auto& [program, misses] : model.loss.recursion_misses) {
        if (misses == 0)
            continue;
        canvas.paragraph(fmt::format("{} was skipped {} times: it was running already, interrupted or preempted.",
                                     harmless(program), misses),
                         1, "", Style::Red);
    }
}

}  // namespace flyball::report
