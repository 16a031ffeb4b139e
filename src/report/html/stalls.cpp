// SPDX-License-Identifier: Apache-2.0
// Throttling and pressure: what a limit that is too tight looks like.
#include "parts.hpp"
#include "svg_axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace flyball::report {
namespace {

using calibrate::ComponentResult;
using calibrate::Measurements;
using calibrate::ScenarioResult;

struct Column {
    std::string_view metric, title;
    double most = 0;
};
constexpr std::array kColumns{Column{"throttled", "throttled periods"}, Column{"cpu_pressure", "CPU pressure"},
                              Column{"memory_pressure", "memory pressure"},
                              Column{"memory_pressure_full", "memory, all stalled"},
                              Column{"io_pressure", "I/O pressure"}};
// A scale on which noise stays small.
constexpr double kLeastScale = 0.05;

// As evaluate() takes the median of runs.
std::optional<double> median_of(const Measurements& measured, std::string_view metric)
{
    const auto found = measured.metrics.find(std::string(metric));
    if (found == measured.metrics.end())
        return std::nullopt;
    std::vector<double> values = found->second.samples.empty() ? found->second.runs : found->second.samples;
    std::erase_if(values, [](double value) { return !std::isfinite(value); });
    if (values.empty())
        return std::nullopt;
    std::ranges::sort(values);
    return values[(values.size() - 1) / 2];
}

// Those that any scenario has, with their largest figure.
std::vector<Column> columns_of(const ComponentResult& component)
{
    std::vector<Column> columns;
    for (Column column : kColumns) {
        bool any = false;
        for (const ScenarioResult& scenario : component.scenarios) {
            for (const Measurements* measured : {&scenario.before, &scenario.after}) {
                const auto value = median_of(*measured, column.metric);
                any |= value.has_value();
                column.most = std::max(column.most, value.value_or(0));
            }
        }
        column.most = std::max(column.most, kLeastScale);
        if (any)
            columns.push_back(column);
    }
    return columns;
}

std::string stall_words(const std::optional<double>& value)
{
    return value ? calibrate::format(*value, calibrate::Unit::Share) : "n/a";
}

void bar(const std::optional<double>& value, double most, std::string_view y, std::string_view shown, Markup& page)
{
    if (value)
        page.shape("rect", {{"y", y},
                            {"height", "5"},
                            {"rx", "1.5"},
                            {"width", percent(std::clamp(100 * *value / most, 0.0, 100.0))},
                            {"class", shown}});
}

void cell(const ScenarioResult& scenario, const Column& column, bool changed, Markup& page)
{
    const auto before = median_of(scenario.before, column.metric), after = median_of(scenario.after, column.metric);
    const auto td = page.in("td");
    page.text(changed ? fmt::format("{} → {}", stall_words(before), stall_words(after)) : stall_words(after));
    if (!before && !after)
        return;
    const auto svg = page.in("svg", {{"class", "mini"}, {"aria-hidden", "true"}});
    page.shape("rect", {{"width", "100%"}, {"height", changed ? "12" : "5"}, {"rx", "1.5"}, {"class", "bar-ground"}});
    if (changed)
        bar(before, column.most, "0", "bar-before", page);
    bar(after, column.most, changed ? "7" : "0", "bar-after", page);
}

}  // namespace

void html_stalls(const ComponentResult& component, Markup& page)
{
    const auto columns = columns_of(component);
    if (columns.empty())
        return;
    const bool changed = limits_changed(component);
    html_heading("Throttling and pressure",
                 changed ? "Share of the time, grey before and blue after; each column has a scale of its own."
                         : "Share of the time; each column has a scale of its own.",
                 page);
    const auto panel = page.in("div", {{"class", "panel scroll"}});
    const auto table = page.in("table");
    {
        const auto head = page.in("thead");
        const auto row = page.in("tr");
        page.element("th", {{"scope", "col"}}, "scenario");
        for (const Column& column : columns)
            page.element("th", {{"scope", "col"}}, column.title);
    }
    const auto body = page.in("tbody");
    for (const ScenarioResult& scenario : component.scenarios) {
        const auto row = page.in("tr");
        page.element("th", {{"scope", "row"}}, scenario.name);
        for (const Column& column : columns)
            cell(scenario, column, changed, page);
    }
}

}  // namespace flyball::report
