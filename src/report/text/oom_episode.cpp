// SPDX-License-Identifier: Apache-2.0
// One episode: the verdict first, then what led to the decision, what followed, and what is not known.
#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "oom.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

using profile::OomEpisode;

constexpr std::size_t kBodyIndent = 6;

std::string so_many(std::uint64_t n, std::string_view what, std::string_view more = "s")
{
    return fmt::format("{} {}{}", n, what, n == 1 ? "" : more);
}

std::string cgroup_of(const std::string& path)
{
    return path.empty() || path == "?" ? "an unknown cgroup" : harmless(path);
}

std::string when(const OomEpisode& e)
{
    std::string text = in_seconds(e.ts_ns) + " s since boot";
    if (e.kind != OomEpisode::Kind::Kill && e.until_ns > e.ts_ns)
        text += fmt::format(", for {}", format_ns(e.until_ns - e.ts_ns));
    if (e.follows_ns && *e.follows_ns <= e.ts_ns)
        text += fmt::format(", {} after another decision in the same place", format_ns(e.ts_ns - *e.follows_ns));
    return text;
}

std::string before(const profile::OomReclaim& reclaim)
{
    return fmt::format("reclaim: {} in {}, {} freed", so_many(reclaim.rounds, "round"), format_ns(reclaim.ns),
                       reclaim.pages == 0 ? "nothing" : so_many(reclaim.pages, "page"));
}

std::string asked(const OomEpisode& e)
{
    if (e.trigger_tgid == 0)
        return fmt::format("{}, by the kernel's log", harmless(e.trigger_comm));
    std::string who = fmt::format("{} (pid {}", harmless(e.trigger_comm), e.trigger_tgid);
    if (e.trigger_tid != e.trigger_tgid)
        who += fmt::format(", tid {}", e.trigger_tid);
    who += ") of " + cgroup_of(e.trigger_cgroup);
    // Order -1: a kill on demand, by SysRq-f.
    return e.asked_pages == 0 ? "a kill: " + who : fmt::format("{}: {}", so_many(e.asked_pages, "page"), who);
}

std::string memory(const OomEpisode& e)
{
    if (e.global)
        return "the whole machine ran out";
    const auto bytes = [](std::uint64_t n, const char* otherwise) {
        return n == kUnknown ? std::string(otherwise) : format_bytes(n);
    };
    std::string text = fmt::format("{} holds {}, memory.max {}", cgroup_of(e.domain),
                                   bytes(e.usage_bytes, "an unknown amount"), bytes(e.limit_bytes, "none"));
    if (e.swap_bytes != kUnknown && e.swap_bytes > 0)
        text += fmt::format(", {} in swap", format_bytes(e.swap_bytes));
    return text;
}

std::string chosen(const OomEpisode& e)
{
    std::string text = fmt::format("{} (pid {}), score {} pages", harmless(e.victim_comm), e.victim_tgid, e.points);
    const auto scanned = std::ranges::count_if(e.members, &profile::OomMember::scanned);
    if (scanned > 0)
        text += fmt::format(", of {} looked at", so_many(static_cast<std::uint64_t>(scanned), "process", "es"));
    return text;
}

std::string policy(const oom::Judged& judged)
{
    const OomEpisode& e = judged.episode;
    if (e.group_policy) {
        return *e.group_policy ? fmt::format("memory.oom.group of {}: the whole group", cgroup_of(e.group_cgroup))
                               : "no memory.oom.group: the chosen one alone";
    }
    // What the verdict went by then: the file, read afterwards.
    const auto& checks = judged.verdict.checks;
    const auto check = std::ranges::find(checks, "policy", &oom::Check::name);
    return check == checks.end() ? "not seen" : "not seen; " + harmless(check->detail);
}

void draw_why(const oom::Verdict& verdict, std::size_t indent, Canvas& canvas)
{
    for (std::size_t i = 0; i < verdict.why.size(); ++i)
        text_labelled(i == 0 ? "why" : "", harmless(verdict.why[i]), indent, canvas);
}

// Nobody was killed: who asked, where, and what memory was.
void draw_shortage(const oom::Judged& judged, std::size_t indent, Canvas& canvas)
{
    const OomEpisode& e = judged.episode;
    text_labelled("when", when(e), indent, canvas);
    if (!e.trigger_comm.empty())
        text_labelled("asked", asked(e), indent, canvas);
    text_labelled("memory", memory(e), indent, canvas);
    draw_why(judged.verdict, indent, canvas);
}

void draw_decision(const oom::Judged& judged, std::size_t indent, Canvas& canvas)
{
    const OomEpisode& e = judged.episode;
    text_labelled("when", when(e), indent, canvas);
    if (e.reclaim)
        text_labelled("before", before(*e.reclaim), indent, canvas);
    if (e.logged && !e.decision_seen) {
        text_labelled("asked", asked(e), indent, canvas);
        text_labelled("memory", memory(e), indent, canvas);
    } else if (e.decision_seen) {
        text_labelled("asked", asked(e), indent, canvas);
        text_labelled("memory", memory(e), indent, canvas);
        text_labelled("chosen", chosen(e), indent, canvas);
    } else {
        text_labelled("decision", "none seen: limit, use and score are n/a, times count from the first mark", indent,
                      canvas);
        if (e.trigger_tid != 0)
            text_labelled("asked", fmt::format("{} (tid {})", harmless(e.trigger_comm), e.trigger_tid), indent, canvas);
        if (e.victim_tgid != 0)
            text_labelled("chosen", fmt::format("pid {}", e.victim_tgid), indent, canvas);
    }
    draw_why(judged.verdict, indent, canvas);
    text_labelled("policy", policy(judged), indent, canvas);
}

// Those that hold are named, since they are what a pass rests on; the others tell what they have found.
void draw_checks(const oom::Verdict& verdict, std::size_t indent, Canvas& canvas)
{
    if (verdict.checks.empty() && verdict.unknown.empty())
        return;
    std::vector<oom::Check> open;
    std::string held;
    std::size_t holding = 0;
    for (const oom::Check& check : verdict.checks) {
        if (check.outcome == oom::Outcome::Pass) {
            held += (held.empty() ? "" : ", ") + harmless(check.name);
            ++holding;
        } else
            open.push_back(check);
    }
    const std::string_view verb = holding == 1 ? "holds" : "hold";
    canvas.blank();
    text_checks(open, indent, canvas);
    if (!held.empty())
        text_labelled("checked", fmt::format("{}{}{}", held, open.empty() && holding > 1 ? ": all " : " ", verb),
                      indent, canvas);
    for (const std::string& unknown : verdict.unknown)
        text_labelled("unknown", harmless(unknown), indent, canvas);
}

}  // namespace

void text_episode(const oom::Judged& judged, std::size_t indent, Canvas& canvas)
{
    const oom::Verdict& verdict = judged.verdict;
    const std::string word = shouted(name(verdict.outcome)) + "  ";
    const std::string number = fmt::format("#{}  ", judged.number);
    const std::size_t hang = indent + word.size() + number.size();
    const std::vector<std::string> lines = wrap(harmless(verdict.summary), canvas.width() - hang);
    canvas.put(std::string(indent, ' ')).put(word, style_of(verdict.outcome)).put(number, Style::Dim);
    canvas.put(lines.empty() ? "" : lines.front(), Style::Bold).end();
    for (std::size_t i = 1; i < lines.size(); ++i)
        canvas.put(std::string(hang, ' ')).put(lines[i], Style::Bold).end();

    const std::size_t body = indent + kBodyIndent;
    if (judged.episode.kind == OomEpisode::Kind::Kill) {
        draw_decision(judged, body, canvas);
        text_victims(judged.episode, body, canvas);
        text_survivors(verdict.survivors, body, canvas);
    } else {
        draw_shortage(judged, body, canvas);
    }
    draw_checks(verdict, body, canvas);
}

}  // namespace flyball::report
