// SPDX-License-Identifier: Apache-2.0
// One component, from its end to its figures.
#include "cells.hpp"
#include "flyball/base/strings.hpp"
#include "parts.hpp"
#include "text/calibration.hpp"
#include "xml.hpp"

#include <fmt/format.h>

namespace flyball::report {
namespace {

using calibrate::ComponentResult;
using calibrate::ScenarioResult;
using Trend = MetricChange::Trend;

std::string_view kind_of_trend(Trend trend)
{
    switch (trend) {
    case Trend::Better:
        return "met";
    case Trend::Worse:
        return "missed";
    case Trend::Same:
    case Trend::Unknown:
        break;
    }
    return "none";
}

void component_title(const ComponentResult& component, Markup& page)
{
    {
        const auto line = page.in("div", {{"class", "title"}});
        page.element("h2", {}, component.name);
        html_chip(words(component.end), kind_of(component.end), page);
        if (component.critical)
            html_chip("critical", "none", page);
    }
    page.element("p", {}, component.summary.empty() ? "nothing was said" : component.summary);
}

// What is between backticks is code.
void text_with_code(std::string_view text, Markup& page)
{
    bool code = false;
    for (const std::string_view part : split(text, '`')) {
        if (code)
            page.element("code", {}, part);
        else
            page.text(part);
        code = !code;
    }
}

void advice_box(const ComponentResult& component, const calibrate::Tuning& tuning, Markup& page)
{
    const auto all = advice_on(component, tuning);
    if (all.empty())
        return;
    const auto box = page.in("aside", {{"class", "advice"}});
    page.element("h3", {}, "Advice");
    for (const Advice& advice : all) {
        page.element("h4", {}, advice.about);
        const auto list = page.in("ul", {{"class", "plain"}});
        for (const std::string& step : advice.steps) {
            const auto item = page.in("li");
            text_with_code(step, page);
        }
    }
}

void troubles(const ComponentResult& component, Markup& page)
{
    std::vector<std::string> all = component.notes;
    for (const ScenarioResult& scenario : component.scenarios)
        for (const std::string& trouble : scenario.troubles)
            all.push_back(scenario.name + ": " + trouble);
    if (all.empty())
        return;
    html_heading("Notes and troubles", "", page);
    const auto list = page.in("ul", {{"class", "plain"}});
    for (const std::string& one : all)
        page.element("li", {}, one);
}

constexpr std::size_t kPreWidth = 100;  // columns of a text as it is

void oom(const ComponentResult& component, Markup& page)
{
    html_heading("OOM behaviour", "", page);
    if (!component.oom.tested()) {
        const std::string& why = component.oom.not_tested;
        page.element("p", {{"class", "remark"}}, "It was not tested" + (why.empty() ? "." : ": " + why + "."));
        return;
    }
    {
        const auto line = page.in("p");
        html_chip(component.oom.passed() ? "✓ passed" : "✗ failed", component.oom.passed() ? "met" : "missed", page);
    }
    const auto details = page.in("details");
    page.element("summary", {}, "The report of the test");
    const auto body = page.in("div");
    const auto text = page.in("pre");
    page.raw(xml_lines(oom_words(component.oom, kPreWidth)));
}

void figure_cell(const std::string& figure, const std::string& interval, Markup& page)
{
    const auto cell = page.in("td", {{"class", "n"}});
    page.text(figure);
    if (!interval.empty())
        page.element("small", {}, interval);
}

void metric_row(const MetricChange& metric, bool changed, Markup& page)
{
    const auto row = page.in("tr");
    page.element("th", {{"scope", "row"}}, metric.label);
    if (changed)
        figure_cell(figure_words(metric.before, metric.unit), interval_words(metric.before.interval, metric.unit),
                    page);
    figure_cell(figure_words(metric.after, metric.unit), interval_words(metric.after.interval, metric.unit), page);
    if (!changed)
        return;
    figure_cell(change_words(metric), change_interval_words(metric), page);
    const auto cell = page.in("td");
    if (metric.trend != Trend::Unknown)
        html_chip(name(metric.trend), kind_of_trend(metric.trend), page);
}

}  // namespace

void html_metrics(const ComponentResult& component, AskedComponents asked, Markup& page)
{
    if (component.scenarios.empty())
        return;
    const bool changed = limits_changed(component);
    html_heading("All figures", "", page);
    for (const ScenarioResult& scenario : component.scenarios) {
        const auto details = page.in("details");
        page.element("summary", {}, scenario.name);
        const auto scroll = page.in("div", {{"class", "scroll"}});
        const auto table = page.in("table");
        if (changed)
            html_head_row({"metric", ">before", ">after", ">change", ""}, page);
        else
            html_head_row({"metric", ">measured once"}, page);
        const auto body = page.in("tbody");
        const auto metrics =
            metric_changes(scenario, declared_by(component, asked), tuning_of(component, asked).confidence);
        for (const MetricChange& metric : metrics)
            metric_row(metric, changed, page);
    }
}

void html_component(const ComponentResult& component, std::size_t index, AskedComponents asked, Markup& page)
{
    const calibrate::Tuning& tuning = tuning_of(component, asked);
    const auto article = page.in("article", {{"id", component_anchor(index)}});
    component_title(component, page);
    advice_box(component, tuning, page);
    html_matrix(component, tuning, page);
    svg_quantiles(component, page);
    html_stalls(component, page);
    html_attempts(component, page);
    html_evidence(component, page);
    oom(component, page);
    html_metrics(component, asked, page);
    troubles(component, page);
}

}  // namespace flyball::report
