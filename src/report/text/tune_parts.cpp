// SPDX-License-Identifier: Apache-2.0
// What one tuner found out, block by block.
#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "grid.hpp"
#include "tune.hpp"
#include "tune_values.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

using tune::Proposal;
using tune::Trial;
using tune::Value;

// What is not known is dim, so that numbers stand out.
Cell cell(std::string text)
{
    const Style style = text == "n/a" ? Style::Dim : Style::Plain;
    return {std::move(text), style};
}

// "peak_demand_100ms" -> "peak demand 100ms".
std::string words_of(std::string_view name)
{
    std::string words = harmless(name);
    std::ranges::replace(words, '_', ' ');
    return words;
}

std::string_view remark_on_values(const Proposal& proposal)
{
    switch (proposal.answer) {
    case tune::Answer::Limit:
    case tune::Answer::NoLimit:
        return "interval: where the least sufficient value lies";
    case tune::Answer::Inconclusive:
        return "not confirmed: not to be set";
    case tune::Answer::Refused:
    case tune::Answer::Aborted:
        break;
    }
    return "as far as it came: not to be set";
}

void text_method(const Proposal& proposal, Canvas& canvas)
{
    const auto said = [](const Value& value) { return !value.method.empty(); };
    if (std::ranges::none_of(proposal.values, said))
        return;
    canvas.heading("METHOD", "how they were worked out");
    Grid grid({{""}, {""}});
    for (const Value& value : proposal.values) {
        if (said(value))
            grid.row({harmless(value.file), harmless(value.method)});
    }
    grid.draw(canvas);
}

Style trial_style(tune::Verdict verdict)
{
    switch (verdict) {
    case tune::Verdict::Accepted:
        return Style::Green;
    case tune::Verdict::Rejected:
    case tune::Verdict::Aborted:
        return Style::Red;
    case tune::Verdict::Inconclusive:
        break;
    }
    return Style::Yellow;
}

std::string decided(const Trial& trial)
{
    const std::string by = trial.judged_by.empty() ? "" : "judged by " + harmless(trial.judged_by);
    if (trial.note.empty() || by.empty())
        return trial.note.empty() ? by : harmless(trial.note);
    return by + ": " + harmless(trial.note);
}

std::string became(const Proposal& proposal)
{
    if (proposal.applied)
        return "The values are set.";
    if (proposal.experimented)
        return "What was tried out is put back.";
    return "Nothing was written.";
}

}  // namespace

void text_values(const Proposal& proposal, Canvas& canvas)
{
    if (proposal.values.empty())
        return;
    canvas.heading("VALUES", remark_on_values(proposal));
    Grid grid({{"file"}, {"now"}, {"proposed"}, {"interval"}});
    for (const Value& value : proposal.values)
        grid.row({harmless(value.file), cell(limit_words(value, value.before)), cell(limit_words(value, value.text)),
                  cell(interval_words(value))});
    grid.draw(canvas);
    text_method(proposal, canvas);
}

void text_evidence(const Proposal& proposal, Canvas& canvas)
{
    if (proposal.evidence.empty())
        return;
    canvas.heading("EVIDENCE", "what was seen, and where");
    const bool intervals =
        std::ranges::any_of(proposal.evidence, [](const tune::Evidence& one) { return one.interval.has_value(); });
    std::vector<Grid::Column> columns{{""}, {"", Side::Right}, {""}};
    if (intervals)
        columns.push_back({""});
    Grid grid(std::move(columns));
    for (const tune::Evidence& evidence : proposal.evidence) {
        std::vector<Cell> cells{words_of(evidence.name), cell(quantity(evidence.value, evidence.unit))};
        if (intervals)
            cells.emplace_back(evidence.interval ? fmt::format("({})", range(evidence.interval, evidence.unit)) : "");
        cells.emplace_back(harmless(evidence.source), Style::Dim);
        grid.row(std::move(cells));
    }
    grid.draw(canvas);
}

void text_trials(const Proposal& proposal, Canvas& canvas)
{
    if (proposal.trials.empty())
        return;
    canvas.heading("TRIALS", "with it / without: below 1 is less throughput, above 1 is slower");
    Grid grid({{"verdict"}, {"throughput"}, {"p50"}, {"p99"}, {"pairs", Side::Right}, {"time", Side::Right}});
    for (const Trial& trial : proposal.trials) {
        grid.row({Cell(std::string(name(trial.verdict)), trial_style(trial.verdict)),
                  cell(ratio_range(trial.throughput)), cell(ratio_range(trial.latency_p50)),
                  cell(ratio_range(trial.latency_p99)), std::to_string(trial.pairs),
                  cell(trial.took_ns > 0 ? narrow_ns(trial.took_ns) : "n/a")});
        grid.remark(harmless(trial.setting));
        grid.remark(decided(trial));
    }
    grid.draw(canvas);
}

void text_refusals(const Proposal& proposal, Canvas& canvas)
{
    if (proposal.refused.empty())
        return;
    canvas.heading("REFUSED", "what was not proposed or not done, and why");
    Grid grid({{""}, {""}});
    for (const tune::Refusal& refusal : proposal.refused)
        grid.row({harmless(refusal.what), harmless(refusal.why)});
    grid.draw(canvas);
}

void text_notes(const Proposal& proposal, Canvas& canvas)
{
    if (proposal.notes.empty())
        return;
    canvas.heading("NOTES");
    for (const std::string& note : proposal.notes)
        canvas.paragraph(harmless(note), 1, "- ");
}

void text_cost(const Proposal& proposal, Canvas& canvas)
{
    const std::string lost = proposal.experimented
                                 ? fmt::format("experiments cost {:.2f} s of the workload's work", proposal.regret_s)
                                 : "no experiment was made";
    const std::string took = proposal.took_ns > 0 ? format_ns(proposal.took_ns) : "n/a";
    canvas.heading("COST");
    canvas.paragraph(fmt::format("took {}; {}. {}", took, lost, became(proposal)), 1);
}

}  // namespace flyball::report
