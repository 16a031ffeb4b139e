// SPDX-License-Identifier: Apache-2.0
#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "report_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

// Fewest cgroups that the table of the worst shows, however few are in full.
constexpr std::size_t kLeastCgroups = 20;

// p99 of a wait that is as long as a CFS period is worth a colour.
constexpr std::uint64_t kLongWaitNs = 100'000'000;

Cell held_cell(const TimeSplit& time)
{
    if (!time.held_ratio)
        return {"n/a", Style::Dim};
    if (*time.held_ratio == 0)
        return {"-", Style::Dim};
    return {format_percent(*time.held_ratio), Style::Red};
}

}  // namespace

void text_head(const ReportModel& model, Canvas& canvas)
{
    const profile::Meta& meta = model.meta;
    const std::string where =
        fmt::format(": {} of {}, {} CPU{}, Linux {}", format_ns(model.window_ns), squeeze(harmless(meta.host), 30),
                    meta.cpus, meta.cpus == 1 ? "" : "s", harmless(meta.kernel));
    constexpr std::string_view kName = "flyball report";
    canvas.put(kName, Style::Bold).put(squeeze(where, canvas.width() - kName.size())).end();
    const ProgramTotals& total = model.loss_total;
    std::string when = fmt::format("{}, from {}; {} events", harmless(meta.arch), utc(meta.start_wall_ns),
                                   format_count(total.attempted));
    if (total.folded > 0)
        when += fmt::format(", {} folded", format_count(total.folded));
    if (total.attempted > 0)
        when += total.dropped > 0 ? fmt::format(", {} DROPPED", format_count(total.dropped)) : ", none dropped";
    canvas.line(squeeze(when, canvas.width()), Style::Dim);
    if (!meta.command.empty())
        canvas.paragraph(harmless(meta.command), 0, "command: ", Style::Dim);
    if (!meta.filters.empty()) {
        std::string filters;
        for (const std::string& filter : meta.filters)
            filters += (filters.empty() ? "" : " ") + harmless(filter);
        canvas.paragraph(filters, 0, "only: ", Style::Dim);
    }
    if (model.warnings.empty())
        return;
    canvas.blank();
    canvas.line("WARNINGS", Style::Red);
    for (const Warning& warning : model.warnings)
        canvas.paragraph(harmless(warning.text), 1, "! ", Style::Yellow);
}

void text_summary(const ReportModel& model, Canvas& canvas)
{
    canvas.heading("WORST FIRST", "by time lost: run-queue wait + held by cpu.max + memory stall");
    if (model.cgroups.empty()) {
        canvas.paragraph("No cgroup did anything that was measured.", 1);
        return;
    }
    Table table({{""},
                 {"cgroup", Side::Left, true},
                 {"lost"},
                 {"held"},
                 {"wait"},
                 {"p99"},
                 {"on-CPU"},
                 {"mem"},
                 {"io p99"},
                 {"OOM"}},
                0);
    const std::size_t shown = std::min(model.cgroups.size(), std::max(model.in_full, kLeastCgroups));
    for (std::size_t i = 0; i < shown; ++i) {
        const CgroupReport& c = model.cgroups[i];
        const TimeSplit& t = c.time;
        table.row({Cell(fmt::format("{:>2}", i + 1), Style::Dim), harmless(c.path), ns_cell(t.lost_ns, Style::Bold),
                   held_cell(t), ns_cell(t.wait_ns),
                   ns_cell(t.wait_p99_ns, t.wait_p99_ns.value_or(0) >= kLongWaitNs ? Style::Red : Style::Plain),
                   ns_cell(t.on_cpu_ns), ns_cell(t.mem_stall_ns, Style::Yellow), ns_cell(t.io_p99_ns),
                   count_cell(t.oom_kills, Style::Red)});
    }
    table.draw(canvas);
    std::string legend = "held: of the time that its tasks wanted a CPU. -: none. n/a: not measured.";
    if (shown < model.cgroups.size())
        legend += fmt::format(" {} more: --all.", model.cgroups.size() - shown);
    canvas.paragraph(legend, 0, "", Style::Dim);
}

void text_lifecycle(const ReportModel& model, Canvas& canvas)
{
    const Lifecycle& life = model.life;
    canvas.heading("CGROUPS", fmt::format("{} seen, {} of them idle; {} created and {} removed in the window",
                                          life.seen, model.idle, life.created, life.removed));
    if (life.short_lived_total == 0)
        return;
    canvas.paragraph(fmt::format("{} came and went:", life.short_lived_total), 1);
    for (const std::string& path : life.short_lived)
        canvas.line("   " + squeeze(harmless(path), canvas.width() - 3));
    if (life.short_lived.size() < life.short_lived_total) {
        canvas.line(fmt::format("   ... and {} more: --all", life.short_lived_total - life.short_lived.size()),
                    Style::Dim);
    }
}

std::string render_text(const ReportModel& model, const TextOptions& options)
{
    Canvas canvas(options.width, options.color);
    text_head(model, canvas);
    text_summary(model, canvas);
    text_oom(model, canvas);
    for (std::size_t i = 0; i < model.in_full; ++i)
        text_cgroup(model.cgroups[i], i + 1, canvas);
    text_lifecycle(model, canvas);
    text_coverage(model, canvas);
    text_audit(model, canvas);
    text_losses(model, canvas);
    return canvas.take();
}

}  // namespace flyball::report
