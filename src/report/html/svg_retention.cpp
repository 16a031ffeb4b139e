// SPDX-License-Identifier: Apache-2.0
// What is left of the performance under the new limits, scenario by scenario, against the floor.
#include "flyball/base/units.hpp"
#include "parts.hpp"
#include "svg_axis.hpp"
#include "text/calibration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace flyball::report {
namespace {

using calibrate::Calibration;
using calibrate::ComponentResult;
using calibrate::ScenarioResult;

struct RetentionRow {
    const ComponentResult* component;
    const ScenarioResult* scenario;
    double floor;
    Retention retention;
};

std::vector<RetentionRow> retention_rows(const Calibration& calibration, AskedComponents asked)
{
    std::vector<RetentionRow> rows;
    for (const ComponentResult& component : calibration.components) {
        const double floor = tuning_of(component, asked).floor;
        for (const ScenarioResult& scenario : component.scenarios) {
            const Retention retention = retention_of(scenario, floor, limits_changed(component));
            if (retention != Retention::Same)
                rows.push_back({&component, &scenario, floor, retention});
        }
    }
    return rows;
}

// Around the floor and what was as before; wide intervals are cut.
Axis axis_of(const std::vector<RetentionRow>& rows)
{
    constexpr double kStep = 0.1, kMost = 1.5;
    double low = 0.7, high = 1.1;
    for (const RetentionRow& row : rows) {
        low = std::min(low, row.floor - kStep / 2);
        const auto& interval = row.scenario->retention_interval;
        if (!row.scenario->retention)
            continue;
        low = std::min(low, interval ? std::min(interval->low, *row.scenario->retention) : *row.scenario->retention);
        high = std::max(high, interval ? std::max(interval->high, *row.scenario->retention) : *row.scenario->retention);
    }
    low = std::max(low, 0.0);
    high = std::min(high, kMost);
    return Axis::between(low, high, high - low > 1 ? 2 * kStep : kStep);
}

void draw_plot(const RetentionRow& row, const Axis& axis, Markup& page)
{
    const ScenarioResult& scenario = *row.scenario;
    const std::string words = fmt::format("{} is left, {}; the floor is {}", retention_words(scenario),
                                          name(row.retention), format_percent(row.floor));
    const auto svg = page.in("svg", {{"class", "plot"}, {"role", "img"}, {"aria-label", words}});
    vertical_grid(axis, page);
    const std::string floor = percent(axis.at(row.floor));
    page.shape("line", {{"x1", floor}, {"x2", floor}, {"y1", "0"}, {"y2", "100%"}, {"class", "floor"}},
               "floor: " + format_percent(row.floor));
    if (const auto& interval = scenario.retention_interval) {
        const double low = axis.at(interval->low), high = axis.at(interval->high);
        page.shape("rect",
                   {{"x", percent(low)},
                    {"width", percent(std::max(high - low, 0.4))},
                    {"y", "15"},
                    {"height", "10"},
                    {"rx", "5"},
                    {"class", "interval"}},
                   words);
    }
    if (scenario.retention)
        page.shape("circle",
                   {{"cx", percent(axis.at(*scenario.retention))},
                    {"cy", "20"},
                    {"r", "5.5"},
                    {"class", row.retention == Retention::Below ? "dot-missed" : "dot-after"}},
                   words);
}

void draw_row(const RetentionRow& row, const Axis& axis, Markup& page)
{
    {
        const auto who = page.in("div", {{"class", "who"}});
        page.text(row.component->name);
        page.element("small", {}, row.scenario->name);
    }
    draw_plot(row, axis, page);
    const auto what = page.in("div", {{"class", "what"}});
    page.element("b", {}, row.scenario->retention ? format_percent(*row.scenario->retention) : "n/a");
    page.text(" ");
    html_chip(fmt::format("{} {}", sign_of(row.retention), name(row.retention)), kind_of(row.retention), page);
    if (const auto& interval = row.scenario->retention_interval)
        page.element("small", {},
                     fmt::format("{} to {}", format_percent(interval->low), format_percent(interval->high)));
    else if (row.scenario->retention)
        page.element("small", {}, "too few figures for an interval");
}

}  // namespace

void svg_retention(const Calibration& calibration, AskedComponents asked, Markup& page)
{
    const auto rows = retention_rows(calibration, asked);
    if (rows.empty())
        return;
    const auto section = page.in("section");
    page.element("h2", {}, "Performance left");
    page.element("p", {{"class", "remark"}},
                 "Under the new limits, of that under the old ones. The dashed line is the floor; the band is where "
                 "the true figure lies. "
                 "Likely held: the estimate is above the floor, the band is not.");
    const Axis axis = axis_of(rows);
    const auto panel = page.in("div", {{"class", "panel"}});
    const auto grid = page.in("div", {{"class", "rows"}});
    for (const RetentionRow& row : rows)
        draw_row(row, axis, page);
    axis_labels(axis, [](double tick) { return fmt::format("{:.0f}%", tick * 100); }, page);
}

}  // namespace flyball::report
