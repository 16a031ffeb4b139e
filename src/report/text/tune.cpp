// SPDX-License-Identifier: Apache-2.0
// The text about tuning: what is said once, and the order of the rest.
#include "tune.hpp"

#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "report_parts.hpp"
#include "tune_commands.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

using tune::Answer;
using tune::Proposal;

std::string cgroup_words(const Proposal& proposal)
{
    return proposal.cgroup.empty() ? "an unknown cgroup" : harmless(proposal.cgroup);
}

void draw_title(const Proposal& proposal, Canvas& canvas)
{
    const std::string_view word = shouted_name(proposal.answer), resource = name(proposal.resource);
    const std::size_t rule = canvas.width() - 8 - resource.size() - word.size();
    canvas.blank();
    canvas.put("-- ", Style::Dim).put(resource, Style::Bold).put(" " + std::string(rule, '-') + " ", Style::Dim);
    canvas.put(word, style_of(proposal.answer)).put(" --", Style::Dim).end();
}

void draw_run(const TuneRun& run, std::size_t proposals, Canvas& canvas)
{
    std::string text;
    const auto add = [&](const std::string& part) { text += text.empty() ? part : ", " + part; };
    if (run.took_ns > 0)
        add(fmt::format("{} in {}", proposals == 1 ? "1 resource" : fmt::format("{} resources", proposals),
                        format_ns(run.took_ns)));
    if (!run.host.empty())
        add("on " + squeeze(harmless(run.host), 30));
    if (!run.kernel.empty())
        add("Linux " + harmless(run.kernel));
    if (!run.arch.empty())
        add(harmless(run.arch));
    if (!run.flyball_version.empty())
        add("flyball " + harmless(run.flyball_version));
    if (run.start_wall_ns > 0)
        add("from " + utc(run.start_wall_ns));
    if (text.empty())
        return;
    canvas.blank();
    for (const std::string& line : wrap(text, canvas.width()))
        canvas.line(line, Style::Dim);
}

// One cgroup after the other, each with all of its resources.
void draw_by_hand(std::span<const Proposal> proposals, const TuneTextOptions& options, Canvas& canvas)
{
    std::vector<std::string> done;
    for (const Proposal& first : proposals) {
        if (std::ranges::find(done, first.cgroup) != done.end())
            continue;
        done.push_back(first.cgroup);
        std::vector<Proposal> of_one;
        std::ranges::copy_if(proposals, std::back_inserter(of_one),
                             [&](const Proposal& other) { return other.cgroup == first.cgroup; });
        text_by_hand(of_one, options, canvas);
    }
}

}  // namespace

std::string_view shouted_name(Answer answer)
{
    switch (answer) {
    case Answer::Limit:
        return "LIMIT";
    case Answer::NoLimit:
        return "NO LIMIT";
    case Answer::Refused:
        return "REFUSED";
    case Answer::Aborted:
        return "ABORTED";
    case Answer::Inconclusive:
        break;
    }
    return "INCONCLUSIVE";
}

Style style_of(Answer answer)
{
    switch (answer) {
    case Answer::Limit:
    case Answer::NoLimit:
        return Style::Green;
    case Answer::Refused:
    case Answer::Aborted:
        return Style::Red;
    case Answer::Inconclusive:
        break;
    }
    return Style::Yellow;
}

void text_answer(const Proposal& proposal, Canvas& canvas)
{
    const std::string summary = proposal.summary.empty() ? "nothing was said" : harmless(proposal.summary);
    canvas.paragraph(fmt::format("{} of {}: {}", name(proposal.resource), cgroup_words(proposal), summary), 0,
                     std::string(shouted_name(proposal.answer)) + "  ", style_of(proposal.answer));
}

std::string render_proposals_text(std::span<const Proposal> proposals, const TuneTextOptions& options)
{
    constexpr std::size_t kWidest = 1000;
    Canvas canvas(static_cast<int>(std::min(options.width, kWidest)), options.color);
    for (const Proposal& proposal : proposals)
        text_answer(proposal, canvas);
    if (proposals.empty())
        canvas.line("Nothing was tuned.", Style::Red);
    draw_run(options.run, proposals.size(), canvas);
    for (const Proposal& proposal : proposals) {
        if (proposals.size() > 1)
            draw_title(proposal, canvas);
        text_values(proposal, canvas);
        text_evidence(proposal, canvas);
        text_trials(proposal, canvas);
        text_refusals(proposal, canvas);
        text_notes(proposal, canvas);
        text_cost(proposal, canvas);
    }
    draw_by_hand(proposals, options, canvas);
    return canvas.take();
}

}  // namespace flyball::report
