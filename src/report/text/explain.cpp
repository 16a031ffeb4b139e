// SPDX-License-Identifier: Apache-2.0
// The explanation as text: words, advice and confidence first; the numbers are in explain_text_numbers.cpp.
#include "explain.hpp"

#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "report_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

using ledger::Part;

// Rows of the summary, however few findings are in words.
constexpr std::size_t kLeastFindings = 20;

void draw_head(const Explanation& e, Canvas& canvas)
{
    const profile::Meta& meta = e.meta;
    constexpr std::string_view kName = "flyball explain";
    const std::string where =
        fmt::format(": {} of {}, {} CPU{}, Linux {}", format_ns(e.window_ns), squeeze(harmless(meta.host), 30),
                    meta.cpus, meta.cpus == 1 ? "" : "s", harmless(meta.kernel));
    canvas.put(kName, Style::Bold).put(squeeze(where, canvas.width() - kName.size())).end();
    canvas.line(squeeze(fmt::format("{}, from {}", harmless(meta.arch), utc(meta.start_wall_ns)), canvas.width()),
                Style::Dim);
    if (!meta.command.empty())
        canvas.paragraph(harmless(meta.command), 0, "command: ", Style::Dim);
    std::string only;
    for (const std::string& pattern : e.only)
        only += (only.empty() ? "" : " ") + harmless(pattern);
    if (!only.empty())
        canvas.paragraph(only, 0, "only: ", Style::Dim);
}

void draw_words(const Explanation& e, Canvas& canvas)
{
    canvas.heading("WHAT WAS LOST", "worst first, by the time that tasks wanted and did not get");
    if (e.findings.empty()) {
        canvas.paragraph("No cgroup wanted a CPU in this window.", 1);
        return;
    }
    if (std::ranges::none_of(e.findings, &Finding::worth))
        canvas.paragraph("Nothing was lost: no cgroup lost 0.1% of the time that its tasks wanted.", 1, "",
                         Style::Green);
    for (std::size_t i = 0; i < e.in_words; ++i) {
        const Finding& finding = e.findings[i];
        const std::string number = fmt::format("{:>2}. ", i + 1);
        if (i > 0)
            canvas.blank();
        canvas.paragraph(finding.sentence, 0, number);
        for (const Note& advice : finding.advice)
            canvas.paragraph(harmless(advice.text), number.size(), "-> ", Style::Green);
        for (const Note& doubt : finding.doubts)
            canvas.paragraph(harmless(doubt.text), number.size(), "?  ", Style::Dim);
    }
}

void draw_doubts(const Explanation& e, Canvas& canvas)
{
    canvas.heading("CONFIDENCE", "what was folded, late or not available");
    if (e.doubts.empty())
        canvas.paragraph("Nothing: all events came, in order, from the hooks that were wanted.", 1, "", Style::Green);
    for (const Note& doubt : e.doubts)
        canvas.paragraph(harmless(doubt.text), 1, "! ", Style::Yellow);
}

std::uint64_t other_waits(const ledger::Parts& parts)
{
    return at(parts, Part::KernelThreads) + at(parts, Part::WaitInterrupts) + at(parts, Part::WaitIdle) +
           at(parts, Part::WaitUnknown);
}

void draw_summary(const Explanation& e, Canvas& canvas)
{
    if (e.findings.empty())
        return;
    canvas.heading("BY CGROUP", "lost: of the runnable time");
    Table table({{""},
                 {"cgroup", Side::Left, true},
                 {"runnable"},
                 {"lost"},
                 {"held"},
                 {"others"},
                 {"own"},
                 {"rest"},
                 {"memory"},
                 {"I/O"}},
                0);
    const std::size_t shown = std::min(e.findings.size(), std::max(e.in_words, kLeastFindings));
    for (std::size_t i = 0; i < shown; ++i) {
        const Finding& f = e.findings[i];
        const ledger::Parts& parts = f.account.parts;
        table.row({Cell(fmt::format("{:>2}", i + 1), Style::Dim), harmless(f.account.path) + (f.subtree ? " ..." : ""),
                   ns_cell(f.runnable_ns),
                   f.wait_ns == 0 ? Cell("-", Style::Dim)
                                  : Cell(format_percent(ratio(f.wait_ns, f.runnable_ns)), Style::Bold),
                   ns_cell(at(parts, Part::Held), Style::Red), ns_cell(at(parts, Part::Displaced), Style::Yellow),
                   ns_cell(at(parts, Part::OwnTasks)), ns_cell(other_waits(parts)), ns_cell(f.memory_ns, Style::Yellow),
                   ns_cell(f.io_ns)});
    }
    table.draw(canvas);
    std::string legend = "others: of other cgroups ran; own: its own; rest: kernel threads, interrupts, wake-up "
                         "latency and what is not known; ...: with those below it.";
    if (shown < e.findings.size())
        legend += fmt::format(" {} more are in the JSON.", e.findings.size() - shown);
    canvas.paragraph(legend, 0, "", Style::Dim);
}

// First of all: what ran out of memory did not wait for anything.
void draw_out_of_memory(const Explanation& e, Canvas& canvas)
{
    constexpr std::size_t kTold = 5;
    if (e.out_of_memory.empty())
        return;
    canvas.heading("OUT OF MEMORY",
                   fmt::format("{} in the window; `flyball oom watch FILE` has the verdicts", e.out_of_memory.size()));
    for (std::size_t i = 0; i < e.out_of_memory.size() && i < kTold; ++i)
        canvas.paragraph(harmless(e.out_of_memory[i].text), 0, " ! ", Style::Red);
    if (e.out_of_memory.size() > kTold)
        canvas.paragraph(fmt::format("... and {} more", e.out_of_memory.size() - kTold), 4, "", Style::Dim);
}

}  // namespace

std::string render_explain_text(const Explanation& explanation, const TextOptions& options)
{
    Canvas canvas(options.width, options.color);
    draw_head(explanation, canvas);
    draw_out_of_memory(explanation, canvas);
    draw_words(explanation, canvas);
    draw_doubts(explanation, canvas);
    draw_summary(explanation, canvas);
    for (std::size_t i = 0; i < explanation.in_words; ++i)
        text_parts(explanation.findings[i], i + 1, canvas);
    text_interference(explanation, canvas);
    text_io(explanation, canvas);
    text_quotas(explanation, canvas);
    text_proof(explanation, canvas);
    return canvas.take();
}

}  // namespace flyball::report
