// SPDX-License-Identifier: Apache-2.0
// One component, from its limits to the advice.
#include "calibration.hpp"
#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "grid.hpp"
#include "tune.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace flyball::report {
namespace {

using calibrate::Attempt;
using calibrate::ComponentResult;
using calibrate::ScenarioResult;
using calibrate::TargetResult;

std::string as_written(const std::string& text)
{
    return text.empty() ? "-" : harmless(text);
}

void text_written(const ComponentResult& component, Canvas& canvas)
{
    const auto limits = limit_changes(component);
    if (limits.empty())
        return;
    canvas.heading("LIMITS", "as they are written");
    Grid grid({{"file"}, {"before"}, {"after"}, {"proposed"}});
    for (const LimitChange& limit : limits)
        grid.row({harmless(limit.file), as_written(limit.before),
                  Cell(as_written(limit.after), limit.changed() ? Style::Bold : Style::Plain),
                  limit.value != nullptr ? as_written(limit.value->text) : "-"});
    grid.draw(canvas);
}

void text_proposals(const ComponentResult& component, Canvas& canvas)
{
    for (const tune::Proposal& proposal : component.proposals) {
        canvas.blank();
        text_answer(proposal, canvas);
        text_values(proposal, canvas);
        text_evidence(proposal, canvas);
        text_trials(proposal, canvas);
        text_refusals(proposal, canvas);
        text_notes(proposal, canvas);
    }
}

std::string limits_words(const calibrate::Limits& limits)
{
    std::vector<std::string> parts;
    for (const auto& [file, text] : limits)
        parts.push_back(harmless(file) + " " + harmless(text));
    return parts.empty() ? "no limits" : fmt::format("{}", fmt::join(parts, ", "));
}

void text_attempts(const ComponentResult& component, Canvas& canvas)
{
    if (component.attempts.empty())
        return;
    canvas.heading("ATTEMPTS", "limits that were tried on all scenarios");
    for (const Attempt& attempt : component.attempts) {
        canvas.put(fmt::format(" {:2}  ", attempt.number));
        canvas
            .put(std::string(outcome_word(attempt)), attempt.accepted    ? Style::Green
                                                     : attempt.undecided ? Style::Yellow
                                                                         : Style::Red)
            .end();
        canvas.paragraph(limits_words(attempt.limits), 5);
        for (const std::string& reason : attempt.reasons)
            canvas.paragraph(harmless(reason), 5, "- ");
    }
}

void text_bites(const ComponentResult& component, Canvas& canvas)
{
    if (component.bites.empty())
        return;
    canvas.heading("A FIFTH LOWER", "each new limit by itself");
    for (const calibrate::Bite& bite : component.bites)
        canvas.paragraph(words(bite), 1, "- ");
}

void text_target(const TargetResult& result, bool changed, Canvas& canvas)
{
    canvas.put("   ").put(mark(result.after.outcome), style_of(result.after.outcome));
    const std::string text = harmless(result.target.text);
    const auto lines = wrap(text, canvas.width() - 7);
    for (std::size_t i = 0; i < lines.size(); ++i)
        canvas.put((i == 0 ? " " : "       ") + lines[i], Style::Bold).end();
    if (lines.empty())
        canvas.end();
    constexpr std::size_t kBeside = 7;
    if (!changed) {
        canvas.paragraph(harmless(result.after.reason), kBeside, fmt::format("{}: ", name(result.after.outcome)));
        return;
    }
    canvas.paragraph(harmless(result.before.reason), kBeside,
                     fmt::format("before  {:12} ", name(result.before.outcome)), Style::Dim);
    canvas.paragraph(harmless(result.after.reason), kBeside, fmt::format("after   {:12} ", name(result.after.outcome)));
}

void text_advice(const ComponentResult& component, const calibrate::Tuning& tuning, Canvas& canvas)
{
    const auto all = advice_on(component, tuning);
    if (all.empty())
        return;
    canvas.heading("ADVICE");
    for (const Advice& advice : all) {
        canvas.paragraph(advice.about, 1, "", Style::Bold);
        for (const std::string& step : advice.steps)
            canvas.paragraph(step, 1, "- ");
    }
}

void text_oom_verdict(const ComponentResult& component, Canvas& canvas)
{
    canvas.heading("OOM BEHAVIOUR");
    if (!component.oom.tested())
        return canvas.line(" not tested", Style::Dim);
    canvas.put(component.oom.passed() ? " passed" : " FAILED", component.oom.passed() ? Style::Green : Style::Red);
    canvas.put("; oom_behavior.txt has the whole test").end();
}

}  // namespace

void text_calibrated_scenario(const ScenarioResult& scenario, const calibrate::Tuning& tuning, bool changed,
                              Canvas& canvas)
{
    const Retention retention = retention_of(scenario, tuning.floor, changed);
    canvas.paragraph(harmless(scenario.name), 1, "", Style::Bold);
    if (retention == Retention::Same)
        canvas.paragraph("measured once, since no limit was changed", 3, "", Style::Dim);
    else
        canvas.paragraph(fmt::format("{}, {}", retention_words(scenario), name(retention)), 3,
                         "retention: ", style_of(retention));
    for (const TargetResult& target : scenario.targets)
        text_target(target, changed, canvas);
    if (scenario.targets.empty())
        canvas.line("   no targets", Style::Dim);
    for (const std::string& trouble : scenario.troubles)
        canvas.paragraph(harmless(trouble), 3, "! ", Style::Yellow);
}

void text_component(const ComponentResult& component, AskedComponents asked, Canvas& canvas)
{
    const calibrate::Tuning& tuning = tuning_of(component, asked);
    canvas.paragraph(component.summary.empty() ? "nothing was said" : harmless(component.summary), 1);
    if (component.critical)
        canvas.paragraph("critical: memory.oom.group is 0", 1);
    text_written(component, canvas);
    text_proposals(component, canvas);
    text_attempts(component, canvas);
    text_bites(component, canvas);
    if (!component.scenarios.empty())
        canvas.heading("SCENARIOS", fmt::format("retention of {}: at least {} of the baseline is demanded",
                                                harmless(tuning.performance), format_percent(tuning.floor)));
    for (const ScenarioResult& scenario : component.scenarios)
        text_calibrated_scenario(scenario, tuning, limits_changed(component), canvas);
    text_oom_verdict(component, canvas);
    if (!component.notes.empty()) {
        canvas.heading("NOTES");
        for (const std::string& note : component.notes)
            canvas.paragraph(harmless(note), 1, "- ");
    }
    text_advice(component, tuning, canvas);
}

}  // namespace flyball::report
