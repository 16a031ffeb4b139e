// SPDX-License-Identifier: Apache-2.0
// The entrances to the OOM texts, and what their blocks have in common.
#include "oom.hpp"

#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "flyball/oom/other_kill.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace flyball::report {
namespace {

using profile::OtherKill;

Canvas oom_canvas(const OomTextOptions& options)
{
    constexpr std::size_t kWidest = 1000;
    return {static_cast<int>(std::min(options.width, kWidest)), options.color};
}

std::string sender(const OtherKill& kill)
{
    if (kill.sender_comm.empty() && kill.sender_tid == 0)
        return {};
    const std::string comm = kill.sender_comm.empty() ? "tid" : harmless(kill.sender_comm);
    return kill.sender_tid == 0 ? comm : fmt::format("{} ({})", comm, kill.sender_tid);
}

std::string way(const OtherKill& kill)
{
    const std::string who = sender(kill);
    const std::string by = who.empty() ? "" : " by " + who;
    // What was running when the kernel sent a signal need not have to do with it.
    const std::string ran = who.empty() ? "" : " (" + who + " ran)";
    switch (kill.by) {
    case OtherKill::By::User:
        return "kill(2)" + by;
    case OtherKill::By::Cgroup:
        return "cgroup.kill" + by;
    case OtherKill::By::Kernel:
        return "the kernel, not for memory" + ran;
    case OtherKill::By::Unknown:
        break;
    }
    return "sender unknown" + ran;
}

}  // namespace

std::string_view mark(oom::Outcome outcome)
{
    switch (outcome) {
    case oom::Outcome::Pass:
        return "[✓]";
    case oom::Outcome::Fail:
        return "[✗]";
    case oom::Outcome::Inconclusive:
        break;
    }
    return "[?]";
}

Style style_of(oom::Outcome outcome)
{
    switch (outcome) {
    case oom::Outcome::Pass:
        return Style::Green;
    case oom::Outcome::Fail:
        return Style::Red;
    case oom::Outcome::Inconclusive:
        break;
    }
    return Style::Yellow;
}

Style style_of(oom::Status status)
{
    switch (status) {
    case oom::Status::Pass:
        return Style::Green;
    case oom::Status::Fail:
        return Style::Red;
    case oom::Status::Inconclusive:
        return Style::Yellow;
    case oom::Status::Skipped:
        break;
    }
    return Style::Dim;
}

std::string shouted(std::string_view word)
{
    std::string loud(word);
    std::ranges::transform(loud, loud.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return loud;
}

std::string in_seconds(std::uint64_t ns)
{
    constexpr std::uint64_t kUs = 1'000, kSecond = 1'000'000'000;
    return fmt::format("{}.{:06}", ns / kSecond, ns % kSecond / kUs);
}

void text_checks(const std::vector<oom::Check>& checks, std::size_t indent, Canvas& canvas)
{
    constexpr std::size_t kWidestName = 24;
    std::size_t names = 0;
    for (const oom::Check& check : checks)
        names = std::max(names, std::min(display_width(harmless(check.name)), kWidestName));
    for (const oom::Check& check : checks) {
        const std::string name = pad_right(squeeze(harmless(check.name), kWidestName), names);
        const std::vector<std::string> lines = wrap(harmless(check.detail), canvas.width() - indent - names - 6);
        canvas.put(std::string(indent, ' ')).put(mark(check.outcome), style_of(check.outcome));
        canvas.put(" " + name + "  ").put(lines.empty() ? "" : lines.front()).end();
        for (std::size_t i = 1; i < lines.size(); ++i)
            canvas.line(std::string(indent + names + 6, ' ') + lines[i]);
    }
}

void text_labelled(std::string_view label, std::string_view text, std::size_t indent, Canvas& canvas)
{
    constexpr std::size_t kLabel = 9;
    const std::vector<std::string> lines = wrap(text, canvas.width() - indent - kLabel);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        canvas.put(std::string(indent, ' ')).put(pad_right(i == 0 ? label : "", kLabel), Style::Dim);
        canvas.put(lines[i]).end();
    }
}

std::string render_verdict_text(const oom::Judged& judged, const OomTextOptions& options)
{
    Canvas canvas = oom_canvas(options);
    text_episode(judged, 0, canvas);
    return canvas.take();
}

std::string render_other_kill_text(const OtherKill& kill, const OomTextOptions& options)
{
    Canvas canvas = oom_canvas(options);
    const std::string cgroup = kill.cgroup.empty() ? "an unknown cgroup" : harmless(kill.cgroup);
    std::string text = fmt::format("{} (pid {}) of {}: {}", harmless(kill.comm), kill.tgid, cgroup, way(kill));
    if (!kill.sender_cgroup.empty() && kill.by != OtherKill::By::Kernel)
        text += " of " + harmless(kill.sender_cgroup);
    if (const std::string_view who = words(oom::sender_kind(kill)); !who.empty())
        text += fmt::format(", {}", who);
    canvas.paragraph(text, 0, fmt::format("KILL  {}  ", in_seconds(kill.ts_ns)));
    return canvas.take();
}

std::string render_test_text(const oom::TestReport& report, const OomTextOptions& options)
{
    Canvas canvas = oom_canvas(options);
    const std::vector<Runs> scenarios = runs_by_scenario(report);
    text_test_head(report, canvas);
    text_test_summary(scenarios, canvas);
    text_test_notes(report.notes, canvas);
    for (const Runs& runs : scenarios)
        text_scenario(runs, canvas);
    return canvas.take();
}

}  // namespace flyball::report
