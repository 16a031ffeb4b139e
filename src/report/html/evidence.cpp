// SPDX-License-Identifier: Apache-2.0
// How the tuners came to their values.
#include "flyball/base/units.hpp"
#include "parts.hpp"
#include "tune_values.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

using tune::Proposal;

std::string_view answer_kind(tune::Answer answer)
{
    switch (answer) {
    case tune::Answer::Limit:
    case tune::Answer::NoLimit:
        return "met";
    case tune::Answer::Inconclusive:
        return "doubt";
    case tune::Answer::Refused:
    case tune::Answer::Aborted:
        break;
    }
    return "missed";
}

std::string_view trial_kind(tune::Verdict verdict)
{
    switch (verdict) {
    case tune::Verdict::Accepted:
        return "met";
    case tune::Verdict::Inconclusive:
        return "doubt";
    case tune::Verdict::Rejected:
    case tune::Verdict::Aborted:
        break;
    }
    return "missed";
}

// "no_limit" -> "no limit".
std::string spaced(std::string_view name)
{
    std::string words(name);
    std::ranges::replace(words, '_', ' ');
    return words;
}

void chip_cell(std::string_view word, std::string_view kind, Markup& page)
{
    const auto cell = page.in("td");
    html_chip(word, kind, page);
}

void code_cell(const std::string& text, Markup& page)
{
    const auto cell = page.in("td");
    page.element("code", {}, text.empty() ? "-" : text);
}

void values_table(const Proposal& proposal, Markup& page)
{
    if (proposal.values.empty())
        return;
    page.element("h4", {}, "Values");
    const auto scroll = page.in("div", {{"class", "scroll"}});
    const auto table = page.in("table");
    html_head_row({"file", "was", "proposed", "interval", "method"}, page);
    const auto body = page.in("tbody");
    for (const tune::Value& value : proposal.values) {
        const auto row = page.in("tr");
        page.element("th", {{"scope", "row"}}, value.file);
        code_cell(value.before, page);
        code_cell(value.text, page);
        html_cell(interval_words(value), page);
        html_cell(value.method, page);
    }
}

void evidence_table(const Proposal& proposal, Markup& page)
{
    if (proposal.evidence.empty())
        return;
    page.element("h4", {}, "Evidence");
    const auto scroll = page.in("div", {{"class", "scroll"}});
    const auto table = page.in("table");
    html_head_row({"what", ">figure", "interval", "seen by"}, page);
    const auto body = page.in("tbody");
    for (const tune::Evidence& evidence : proposal.evidence) {
        const auto row = page.in("tr");
        page.element("th", {{"scope", "row"}}, spaced(evidence.name));
        html_cell(quantity(evidence.value, evidence.unit), page, "n");
        html_cell(evidence.interval ? range(evidence.interval, evidence.unit) : "", page);
        html_cell(evidence.source, page);
    }
}

void trials_table(const Proposal& proposal, Markup& page)
{
    if (proposal.trials.empty())
        return;
    page.element("h4", {}, "Trials: with it / without");
    const auto scroll = page.in("div", {{"class", "scroll"}});
    const auto table = page.in("table");
    html_head_row({"setting", "verdict", ">throughput", ">p50", ">p99", ">pairs", "decided by"}, page);
    const auto body = page.in("tbody");
    for (const tune::Trial& trial : proposal.trials) {
        const auto row = page.in("tr");
        page.element("th", {{"scope", "row"}}, trial.setting);
        chip_cell(name(trial.verdict), trial_kind(trial.verdict), page);
        for (const auto* ratio : {&trial.throughput, &trial.latency_p50, &trial.latency_p99})
            html_cell(ratio_range(*ratio), page, "n");
        html_cell(std::to_string(trial.pairs), page, "n");
        html_cell(trial.note.empty() ? trial.judged_by : trial.note, page);
    }
}

void lists(const Proposal& proposal, Markup& page)
{
    if (!proposal.refused.empty()) {
        page.element("h4", {}, "Refused");
        const auto list = page.in("ul", {{"class", "plain"}});
        for (const tune::Refusal& refusal : proposal.refused)
            page.element("li", {}, refusal.what + ": " + refusal.why);
    }
    if (!proposal.notes.empty()) {
        page.element("h4", {}, "Notes");
        const auto list = page.in("ul", {{"class", "plain"}});
        for (const std::string& note : proposal.notes)
            page.element("li", {}, note);
    }
}

}  // namespace

void html_evidence(const calibrate::ComponentResult& component, Markup& page)
{
    if (component.proposals.empty())
        return;
    html_heading("How the limits were found", "", page);
    for (const Proposal& proposal : component.proposals) {
        const auto details = page.in("details");
        {
            const auto summary = page.in("summary");
            page.text(fmt::format("{} ", name(proposal.resource)));
            html_chip(spaced(name(proposal.answer)), answer_kind(proposal.answer), page);
            page.text(" " + (proposal.summary.empty() ? "nothing was said" : proposal.summary));
        }
        const auto body = page.in("div");
        values_table(proposal, page);
        evidence_table(proposal, page);
        trials_table(proposal, page);
        lists(proposal, page);
    }
}

}  // namespace flyball::report
