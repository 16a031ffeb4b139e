// SPDX-License-Identifier: Apache-2.0
// Targets by scenarios, coloured by outcome; the reason is on hover, and in the table of targets.
#include "flyball/base/units.hpp"
#include "parts.hpp"
#include "text/calibration.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

using calibrate::ComponentResult;
using calibrate::ScenarioResult;
using calibrate::TargetResult;

std::vector<std::string> target_texts(const ComponentResult& component)
{
    std::vector<std::string> texts;
    for (const ScenarioResult& scenario : component.scenarios)
        for (const TargetResult& target : scenario.targets)
            if (std::ranges::find(texts, target.target.text) == texts.end())
                texts.push_back(target.target.text);
    return texts;
}

// With a reference the estimate is a ratio.
std::string estimate_words(const TargetResult& result)
{
    return figure_words(result.after, result.target.of.empty() ? result.target.unit : calibrate::Unit::Share);
}

void blank_cell(Markup& page)
{
    const auto cell = page.in("td", {{"class", "blank"}});
    page.element("span", {{"class", "vh"}}, "not a target here");
}

void target_cell(const TargetResult& result, bool changed, Markup& page)
{
    std::string title = fmt::format("{}: {}", name(result.after.outcome), result.after.reason);
    if (changed)
        title += fmt::format(" | before, {}: {}", name(result.before.outcome), result.before.reason);
    const auto cell = page.in("td", {{"class", kind_of(result.after.outcome)}, {"title", title}});
    if (changed && result.before.outcome != result.after.outcome)
        page.text(fmt::format("{} → ", sign_of(result.before.outcome)));
    page.text(sign_of(result.after.outcome));
    page.element("span", {{"class", "vh"}}, name(result.after.outcome));
    page.element("small", {}, estimate_words(result));
}

void target_row(const ComponentResult& component, const std::string& text, Markup& page)
{
    const auto row = page.in("tr");
    page.element("th", {{"scope", "row"}}, text.empty() ? "(no text)" : text);
    for (const ScenarioResult& scenario : component.scenarios) {
        const auto found =
            std::ranges::find_if(scenario.targets, [&](const TargetResult& one) { return one.target.text == text; });
        if (found == scenario.targets.end())
            blank_cell(page);
        else
            target_cell(*found, limits_changed(component), page);
    }
}

void retention_row(const ComponentResult& component, const calibrate::Tuning& tuning, Markup& page)
{
    const auto row = page.in("tr");
    page.element("th", {{"scope", "row"}},
                 fmt::format("{} ≥ {} of the baseline", tuning.performance, format_percent(tuning.floor)));
    for (const ScenarioResult& scenario : component.scenarios) {
        const Retention retention = retention_of(scenario, tuning.floor, limits_changed(component));
        const bool same = retention == Retention::Same;
        const std::string title = same ? "no limit was changed, so that it was measured once"
                                       : fmt::format("{}: {}", name(retention), retention_words(scenario));
        const auto cell = page.in("td", {{"class", kind_of(retention)}, {"title", title}});
        page.text(sign_of(retention));
        page.element("span", {{"class", "vh"}}, name(retention));
        page.element("small", {},
                     same                 ? "same limits"
                     : scenario.retention ? format_percent(*scenario.retention)
                                          : "n/a");
    }
}

void reasons_table(const ComponentResult& component, Markup& page)
{
    const auto details = page.in("details");
    page.element("summary", {}, "Why: every target with its reason");
    const auto scroll = page.in("div", {{"class", "scroll"}});
    const auto table = page.in("table");
    html_head_row({"scenario", "target", "before", "after"}, page);
    const auto body = page.in("tbody");
    for (const ScenarioResult& scenario : component.scenarios) {
        for (const TargetResult& target : scenario.targets) {
            const auto row = page.in("tr");
            page.element("th", {{"scope", "row"}}, scenario.name);
            html_cell(target.target.text, page);
            for (const calibrate::Judgement* side : {&target.before, &target.after}) {
                const auto cell = page.in("td");
                html_chip(fmt::format("{} {}", sign_of(side->outcome), name(side->outcome)), kind_of(side->outcome),
                          page);
                page.element("small", {}, side->reason);
            }
        }
    }
}

}  // namespace

void html_matrix(const ComponentResult& component, const calibrate::Tuning& tuning, Markup& page)
{
    if (component.scenarios.empty())
        return;
    html_heading("Scenarios and targets", "✓ met, ✗ missed, ? inconclusive; the reason is shown where the mouse is.",
                 page);
    {
        const auto scroll = page.in("div", {{"class", "panel scroll"}});
        const auto table = page.in("table", {{"class", "matrix"}});
        {
            const auto head = page.in("thead");
            const auto row = page.in("tr");
            page.element("td", {{"class", "blank"}}, "");
            for (const ScenarioResult& scenario : component.scenarios)
                page.element("th", {{"scope", "col"}}, scenario.name);
        }
        const auto body = page.in("tbody");
        retention_row(component, tuning, page);
        for (const std::string& text : target_texts(component))
            target_row(component, text, page);
    }
    reasons_table(component, page);
}

}  // namespace flyball::report
