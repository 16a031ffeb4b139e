// SPDX-License-Identifier: Apache-2.0
// Who was killed and when, who was not and why.
#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "oom.hpp"
#include "report_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace flyball::report {
namespace {

using profile::OomEpisode;
using profile::OomSharer;
using profile::OomVictim;

// A group may be of thousands. JSON has them all; here those come first of whom something is to be told.
constexpr std::size_t kMostVictims = 16;
constexpr std::size_t kMostOfAReason = 4;

Cell exit_cell(const Maybe& exit_ns, std::uint64_t from)
{
    return exit_ns ? offset_cell(exit_ns, from) : Cell("unseen", Style::Red);
}

void add_victim(const OomVictim& v, const OomEpisode& e, bool freed, Table& table)
{
    std::vector<Cell> cells{Cell(harmless(v.comm), v.tgid == e.victim_tgid ? Style::Bold : Style::Plain),
                            std::to_string(v.tgid),
                            harmless(v.cgroup),
                            bytes_cell(v.rss_bytes),
                            std::to_string(v.oom_score_adj),
                            offset_cell(v.sigkill_ns, e.ts_ns),
                            offset_cell(v.marked_ns, e.ts_ns)};
    if (freed)
        cells.push_back(offset_cell(v.freed_ns, e.ts_ns));
    cells.push_back(exit_cell(v.exit_ns, e.ts_ns));
    cells.push_back(bytes_cell(v.usage_after_bytes.value_or(kUnknown)));
    table.row(std::move(cells));
    if (v.reaped_ns)
        table.remark(fmt::format("the OOM reaper was done with it after {}",
                                 format_ns(*v.reaped_ns - std::min(*v.reaped_ns, e.ts_ns))));
}

void add_sharer(const OomSharer& s, const OomEpisode& e, bool freed, Table& table)
{
    const Cell none("-", Style::Dim);
    std::vector<Cell> cells{harmless(s.comm),
                            std::to_string(s.tgid),
                            harmless(s.cgroup),
                            none,
                            none,
                            offset_cell(s.sigkill_ns, e.ts_ns),
                            none};
    if (freed)
        cells.push_back(none);
    cells.push_back(exit_cell(s.exit_ns, e.ts_ns));
    cells.push_back(none);
    table.row(std::move(cells));
    table.remark("no victim, but killed with one since they share their memory");
}

// "last exit +3.00 ms", or of how many it was seen.
template <class Member>
void add_last(std::string_view what, const OomEpisode& e, Member member, std::string& text)
{
    std::size_t seen = 0;
    std::uint64_t last = 0;
    for (const OomVictim& victim : e.victims) {
        if (const Maybe& at = victim.*member) {
            ++seen;
            last = std::max(last, *at);
        }
    }
    if (seen == 0)
        return;
    const std::string count = seen == e.victims.size() ? "" : fmt::format(" ({} of {} seen)", seen, e.victims.size());
    text += fmt::format("{}{} {}{}{}", text.empty() ? "" : ", ", what, last < e.ts_ns ? "-" : "+",
                        format_ns(last < e.ts_ns ? e.ts_ns - last : last - e.ts_ns), count);
}

void draw_last(const OomEpisode& e, std::size_t indent, Canvas& canvas)
{
    if (e.victims.size() < 2)
        return;
    std::string text;
    add_last("SIGKILL", e, &OomVictim::sigkill_ns, text);
    add_last("memory freed", e, &OomVictim::freed_ns, text);
    add_last("exit", e, &OomVictim::exit_ns, text);
    if (!text.empty())
        text_labelled("last", text, indent, canvas);
}

}  // namespace

void text_victims(const OomEpisode& e, std::size_t indent, Canvas& canvas)
{
    if (e.victims.empty() && e.sharers.empty()) {
        canvas.paragraph("No victim was seen.", indent, "", Style::Red);
        return;
    }
    canvas.blank();
    // Where no kernel function tells of it, a column of n/a says nothing.
    const bool freed = std::ranges::any_of(e.victims, [](const OomVictim& v) { return v.freed_ns.has_value(); });
    std::vector<Table::Column> columns{
        {"killed", Side::Left, true}, {"pid"}, {"cgroup", Side::Left, true}, {"rss"}, {"adj"}, {"SIGKILL"}, {"marked"}};
    if (freed)
        columns.push_back({"freed"});
    columns.push_back({"exit"});
    columns.push_back({"left"});
    Table table(std::move(columns), indent);
    std::size_t left_out = 0;
    for (std::size_t i = 0; i < e.victims.size(); ++i) {
        const bool remarkable = !e.victims[i].exit_ns || !e.victims[i].sigkill_ns;
        if (i < kMostVictims || remarkable)
            add_victim(e.victims[i], e, freed, table);
        else
            ++left_out;
    }
    for (const OomSharer& sharer : e.sharers)
        add_sharer(sharer, e, freed, table);
    table.draw(canvas);
    if (left_out > 0)
        canvas.paragraph(fmt::format("and {} more, all seen to exit; the JSON has them", left_out), indent, "",
                         Style::Dim);
    draw_last(e, indent, canvas);
}

void text_survivors(const std::vector<oom::Survivor>& survivors, std::size_t indent, Canvas& canvas)
{
    if (survivors.empty())
        return;
    canvas.blank();
    Table table({{"lives on", Side::Left, true}, {"pid"}, {"cgroup", Side::Left, true}, {"why", Side::Left}}, indent);
    std::map<oom::Reason, std::size_t> of;
    for (const oom::Survivor& survivor : survivors) {
        const bool fault = survivor.reason == oom::Reason::Unexplained;
        if (++of[survivor.reason] > kMostOfAReason && !fault)
            continue;
        table.row({harmless(survivor.comm), std::to_string(survivor.tgid), harmless(survivor.cgroup),
                   Cell(std::string(words(survivor.reason)), fault ? Style::Red : Style::Plain)});
    }
    table.draw(canvas);
    for (const auto& [reason, count] : of) {
        if (count > kMostOfAReason && reason != oom::Reason::Unexplained)
            canvas.paragraph(fmt::format("and {} more: {}", count - kMostOfAReason, words(reason)), indent, "",
                             Style::Dim);
    }
}

}  // namespace flyball::report
