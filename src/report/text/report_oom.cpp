// SPDX-License-Identifier: Apache-2.0
// OOM episodes as time lines.
#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "report_parts.hpp"

#include <fmt/format.h>

namespace flyball::report {
namespace {

using profile::OomEpisode;
using profile::OomVictim;

std::string bytes_or(std::uint64_t bytes, const char* otherwise)
{
    return bytes == kUnknown ? otherwise : format_bytes(bytes);
}

std::string decision(const OomEpisode& e)
{
    using enum OomEpisode::Kind;
    if (e.kind == UnseenKill)
        return fmt::format("the kernel counted {} in {}, and no event told of it.",
                           e.times == 1 ? "a kill" : fmt::format("{} kills", e.times), harmless(e.domain));
    if (e.kind == Livelock)
        return fmt::format("{} was at its limit, all its tasks stalled for {}, and nobody was killed.",
                           harmless(e.domain), format_ns(e.stalled_ns));
    if (e.kind != Kill)
        return fmt::format("{} was out of memory {}, and nobody {}.", harmless(e.domain),
                           e.times == 1 ? "once" : fmt::format("{} times", e.times),
                           e.kind == NobodyKillable ? "could be killed" : "was killed");
    if (!e.limit_known()) {
        return "The decision was not observable here: limit, usage and policy are n/a (see COVERAGE). What follows "
               "are the victims.";
    }
    if (e.global)
        return "The whole machine was out of memory.";
    std::string text = fmt::format("{} hit its limit: {} in use, memory.max {}", harmless(e.domain),
                                   format_bytes(e.usage_bytes), bytes_or(e.limit_bytes, "none"));
    if (e.swap_bytes > 0 && e.swap_bytes != kUnknown)
        text += fmt::format(", swap {}", format_bytes(e.swap_bytes));
    return text + ".";
}

std::string policy(const OomEpisode& e)
{
    if (!e.group_policy)
        return "memory.oom.group n/a: not observable here.";
    if (!*e.group_policy)
        return "One process: no memory.oom.group applied.";
    const std::string who = e.group_cgroup.empty() ? "a cgroup" : harmless(e.group_cgroup);
    return fmt::format("The whole group: memory.oom.group of {}.", who);
}

void draw_victims(const OomEpisode& e, Canvas& canvas)
{
    if (e.victims.empty()) {
        canvas.paragraph("No victim was seen.", 4, "", Style::Red);
        return;
    }
    Table table({{"victim", Side::Left, true},
                 {"pid"},
                 {"cgroup", Side::Left, true},
                 {"rss"},
                 {"adj"},
                 {"marked"},
                 {"SIGKILL"},
                 {"exit"},
                 {"left"}},
                4);
    for (const OomVictim& v : e.victims) {
        const bool gone = v.exit_ns.has_value();
        Cell exit = offset_cell(v.exit_ns, e.ts_ns);
        if (!gone)
            exit = {"not seen", Style::Red};
        table.row({Cell(harmless(v.comm), v.tgid == e.victim_tgid ? Style::Bold : Style::Plain), std::to_string(v.tgid),
                   harmless(v.cgroup), bytes_cell(v.rss_bytes), std::to_string(v.oom_score_adj),
                   offset_cell(v.marked_ns, e.ts_ns), offset_cell(v.sigkill_ns, e.ts_ns), exit,
                   bytes_cell(v.usage_after_bytes.value_or(kUnknown))});
    }
    table.draw(canvas);
}

}  // namespace

void text_oom(const ReportModel& model, Canvas& canvas)
{
    if (model.ooms.empty())
        return;
    canvas.heading("OUT OF MEMORY", "times from the decision; left: in its cgroup when it was gone");
    std::size_t number = 0;
    for (const OomReport& oom : model.ooms) {
        const OomEpisode& e = oom.episode;
        ++number;
        canvas.paragraph(fmt::format("at {}: {}", format_ns(oom.after_start_ns), decision(e)), 0,
                         fmt::format("{:>2}. ", number), Style::Red);
        if (e.decision_seen && e.kind == OomEpisode::Kind::Kill) {
            canvas.paragraph(fmt::format("{} (tid {}) of {} asked for memory; {} (pid {}) was chosen.",
                                         harmless(e.trigger_comm), e.trigger_tid, harmless(e.trigger_cgroup),
                                         harmless(e.victim_comm), e.victim_tgid),
                             4);
        }
        if (e.kind == OomEpisode::Kind::Kill) {
            canvas.paragraph(policy(e), 4, "policy: ");
            draw_victims(e, canvas);
        }
        if (oom.freed_bytes)
            canvas.paragraph(fmt::format("{} freed.", format_bytes(*oom.freed_bytes)), 4, "", Style::Green);
    }
    if (model.sigkills_not_oom > 0) {
        canvas.paragraph(fmt::format("{} SIGKILL{} came from elsewhere, not from the OOM killer.",
                                     model.sigkills_not_oom, model.sigkills_not_oom == 1 ? "" : "s"),
                         1);
    }
}

}  // namespace flyball::report
