// SPDX-License-Identifier: Apache-2.0
// One cgroup in full.
#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "report_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

constexpr std::size_t kTimesLead = 14;  // of "held by" and its like

void draw_title(const CgroupReport& cgroup, std::size_t rank, Canvas& canvas)
{
    std::string right = fmt::format(" {} --", rank);
    if (cgroup.life != profile::Life::Alive)
        right = fmt::format(" {} in the window --{}", life_name(cgroup.life), right);
    const std::string path = squeeze(harmless(cgroup.path), canvas.width() - right.size() - 6);
    const std::size_t rule = canvas.width() - 3 - display_width(path) - 1 - right.size();
    canvas.blank();
    canvas.put("-- ", Style::Dim).put(path, Style::Bold);
    canvas.put(" " + std::string(rule, '-') + right, Style::Dim).end();
}

void lead(Canvas& canvas, std::string_view text)
{
    canvas.put(" " + pad_right(text, kTimesLead), Style::Dim);
}

std::string share(std::uint64_t part, std::uint64_t whole)
{
    return whole == 0 ? "-" : format_percent(static_cast<double>(part) / static_cast<double>(whole));
}

// Pieces of a line, wrapped between pieces only.
void draw_list(Canvas& canvas, std::string_view name, const std::vector<Cell>& items)
{
    constexpr std::size_t kBetween = 2;
    std::size_t used = 0;
    const std::size_t room = canvas.width() - 1 - kTimesLead;
    lead(canvas, name);
    for (const Cell& item : items) {
        const std::string text = squeeze(item.text, room);
        const std::size_t width = display_width(text);
        if (used > 0 && used + kBetween + width > room) {
            canvas.end();
            lead(canvas, "");
            used = 0;
        }
        if (used > 0)
            canvas.put(std::string(kBetween, ' '));
        canvas.put(text, item.style);
        used += (used > 0 ? kBetween : 0) + width;
    }
    canvas.end();
}

void draw_time(const TimeSplit& time, Canvas& canvas)
{
    const std::uint64_t wanted = time.on_cpu_ns.value_or(0) + time.wait_ns.value_or(0) + time.held_ns.value_or(0);
    if (wanted > 0) {
        const auto part = [&](const char* name, const Maybe& ns, Style style) {
            if (!ns)
                return Cell(fmt::format("{} n/a", name), Style::Dim);
            return Cell(fmt::format("{} {} {}", name, format_ns(*ns), share(*ns, wanted)),
                        *ns > 0 ? style : Style::Plain);
        };
        draw_list(canvas, "wanted a CPU",
                  {Cell(format_ns(wanted)), part("ran", time.on_cpu_ns, Style::Green),
                   part("waited", time.wait_ns, Style::Yellow), part("held", time.held_ns, Style::Red)});
    }
    if (time.mem_stall_ns.value_or(0) > 0) {
        draw_list(canvas, "memory", {Cell(fmt::format("stalled {}", format_ns(*time.mem_stall_ns)), Style::Yellow)});
    }
}

void draw_metrics(const CgroupReport& cgroup, Canvas& canvas)
{
    if (cgroup.metrics.empty())
        return;
    Table table(
        {{"metric", Side::Left, true}, {"count"}, {"sum"}, {"min"}, {"p50"}, {"p90"}, {"p99"}, {"p99.9"}, {"max"}});
    for (const MetricStats& m : cgroup.metrics) {
        const Unit unit = m.metric->unit;
        std::vector<Cell> cells{std::string(m.metric->name), narrow_count(m.count)};
        for (const std::uint64_t value : {m.sum, m.min, m.p50, m.p90, m.p99, m.p999, m.max}) {
            cells.emplace_back(narrow(unit, value));
        }
        table.row(std::move(cells));
    }
    canvas.blank();
    table.draw(canvas);
}

std::string episodes(const MetricStats& m)
{
    return fmt::format("{} episode{} in {}, the longest {}", m.count, m.count == 1 ? "" : "s", format_ns(m.sum),
                       format_ns(m.max));
}

void draw_throttling(const CgroupReport& cgroup, Canvas& canvas)
{
    const MetricStats* own = cgroup.find(FB_M_THROTTLE_OWN);
    const MetricStats* inherited = cgroup.find(FB_M_THROTTLE_INHERITED);
    const Throttling& t = cgroup.throttling;
    const bool periods = t.throttled_periods.value_or(0) > 0;
    if (own == nullptr && inherited == nullptr && t.held_by.empty() && !periods)
        return;
    canvas.blank();
    if (own != nullptr)
        draw_list(canvas, "own cpu.max", {episodes(*own)});
    if (inherited != nullptr)
        draw_list(canvas, "an ancestor's", {episodes(*inherited)});
    if (periods) {
        const std::uint64_t all = t.periods.value_or(0);
        draw_list(canvas, "periods",
                  {fmt::format("{} of {} throttled ({}), says cpu.stat", *t.throttled_periods, all,
                               share(*t.throttled_periods, all))});
    }
    std::uint64_t held = 0;
    for (const Holder& holder : t.held_by)
        held += holder.ns;
    std::string_view name = "held by";
    for (const Holder& holder : t.held_by) {
        const std::string numbers = fmt::format("{:>8} {:>6}  ", format_ns(holder.ns), share(holder.ns, held));
        const std::string who = holder.path == "?" ? "unknown" : harmless(holder.path);
        const std::size_t room = canvas.width() - 1 - kTimesLead - numbers.size();
        lead(canvas, name);
        canvas.put(numbers).put(squeeze(who, room)).end();
        name = "";
    }
    std::vector<Cell> cpus;
    for (const auto& [cpu, count] : t.by_cpu)
        cpus.emplace_back(fmt::format("cpu{} {} x {}", cpu, count.count, format_ns(count.sum)));
    if (!cpus.empty())
        draw_list(canvas, "by CPU", cpus);
}

void draw_counts(const CgroupReport& cgroup, Canvas& canvas)
{
    const auto value = [&](fb_metric id, bool use_max = false) -> std::string {
        const CountStats* c = cgroup.find_count(id);
        if (c == nullptr || !c->measured)
            return "n/a";
        return std::to_string(use_max ? c->max : c->count);
    };
    const auto any = [&](std::initializer_list<fb_metric> ids) {
        return std::ranges::any_of(ids, [&](fb_metric id) {
            const CountStats* c = cgroup.find_count(id);
            return c != nullptr && (c->count > 0 || c->max > 0);
        });
    };
    canvas.blank();
    if (any({FB_M_WAKEUPS, FB_M_MIGRATIONS, FB_M_PREEMPTIONS, FB_M_THROTTLED_SWITCHES})) {
        draw_list(canvas, "scheduling",
                  {"wake-ups " + value(FB_M_WAKEUPS), "migrations " + value(FB_M_MIGRATIONS),
                   "preemptions " + value(FB_M_PREEMPTIONS), "out by cpu.max " + value(FB_M_THROTTLED_SWITCHES)});
    }
    if (any({FB_M_CHARGE_FAILED, FB_M_RECLAIMED_PAGES})) {
        const CountStats* failed = cgroup.find_count(FB_M_CHARGE_FAILED);
        const CountStats* pages = cgroup.find_count(FB_M_RECLAIMED_PAGES);
        draw_list(canvas, "memory",
                  {fmt::format("charges refused {} ({})", value(FB_M_CHARGE_FAILED), format_bytes(failed->sum)),
                   fmt::format("reclaim passes {} ({} pages)", value(FB_M_RECLAIMED_PAGES), pages->sum)});
    }
    if (any({FB_M_FORKS, FB_M_EXITS, FB_M_FORKS_REFUSED, FB_M_PIDS_PEAK})) {
        draw_list(canvas, "PIDs",
                  {"forks " + value(FB_M_FORKS), "exits " + value(FB_M_EXITS), "peak " + value(FB_M_PIDS_PEAK, true),
                   "refused " + value(FB_M_FORKS_REFUSED)});
    }
    if (any({FB_M_IO_ERRORS, FB_M_IO_SIZE_OTHER})) {
        draw_list(canvas, "I/O",
                  {"failed " + value(FB_M_IO_ERRORS), "flushes and discards " + value(FB_M_IO_SIZE_OTHER)});
    }
}

void draw_io(const CgroupReport& cgroup, Canvas& canvas)
{
    if (cgroup.io.empty())
        return;
    canvas.blank();
    canvas.put(" I/O in the device", Style::Bold).put("  by device, direction and size", Style::Dim).end();
    Table table(
        {{"dev", Side::Left}, {"op", Side::Left}, {"size", Side::Left}, {"count"}, {"sum"}, {"p50"}, {"p99"}, {"max"}});
    for (const IoRow& row : cgroup.io) {
        table.row({device_name(row.dev), std::string(op_name(row.op)), size_class(row.size_log2),
                   narrow_count(row.count), narrow_ns(row.sum_ns), narrow_ns(row.p50_ns), narrow_ns(row.p99_ns),
                   narrow_ns(row.max_ns)});
    }
    table.draw(canvas);
}

}  // namespace

void text_cgroup(const CgroupReport& cgroup, std::size_t rank, Canvas& canvas)
{
    draw_title(cgroup, rank, canvas);
    draw_time(cgroup.time, canvas);
    draw_throttling(cgroup, canvas);
    draw_counts(cgroup, canvas);
    draw_metrics(cgroup, canvas);
    draw_io(cgroup, canvas);
    for (const MetricStats& stats : cgroup.metrics)
        text_histogram(stats, canvas);
}

}  // namespace flyball::report
