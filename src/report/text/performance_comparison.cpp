// SPDX-License-Identifier: Apache-2.0
// performance_comparison.txt
#include "calibration.hpp"
#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "grid.hpp"
#include "oom.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

using calibrate::Calibration;
using calibrate::ComponentResult;
using calibrate::ScenarioResult;
using Trend = MetricChange::Trend;

Style trend_style(Trend trend)
{
    switch (trend) {
    case Trend::Better:
        return Style::Green;
    case Trend::Worse:
        return Style::Red;
    case Trend::Same:
    case Trend::Unknown:
        break;
    }
    return Style::Dim;
}

std::string with_interval(const std::string& figure, const std::string& interval)
{
    return interval.empty() ? figure : figure + "\n" + interval;
}

std::string metric_changed_by(const MetricChange& change)
{
    return with_interval(change_words(change), change_interval_words(change));
}

void draw_metrics(const std::vector<MetricChange>& metrics, bool changed, Canvas& canvas)
{
    if (metrics.empty())
        return canvas.line(" nothing was measured", Style::Dim);
    if (!changed) {
        Grid grid({{"metric"}, {"figure", Side::Right}, {"interval"}});
        for (const MetricChange& metric : metrics)
            grid.row({harmless(metric.label), figure_words(metric.before, metric.unit),
                      interval_words(metric.before.interval, metric.unit)});
        return grid.draw(canvas);
    }
    Grid grid({{"metric"}, {"before", Side::Right}, {"after", Side::Right}, {"change", Side::Right}, {""}});
    for (const MetricChange& metric : metrics) {
        const auto figure = [&](const calibrate::Judgement& side) {
            return with_interval(figure_words(side, metric.unit), interval_words(side.interval, metric.unit));
        };
        grid.row({harmless(metric.label), figure(metric.before), figure(metric.after), metric_changed_by(metric),
                  Cell(std::string(name(metric.trend)), trend_style(metric.trend))});
    }
    grid.draw(canvas);
}

void draw_criterion(const ScenarioResult& scenario, const calibrate::Tuning& tuning, bool changed, Canvas& canvas)
{
    const Retention retention = retention_of(scenario, tuning.floor, changed);
    const std::string demanded =
        fmt::format("at least {} of the baseline's {}", format_percent(tuning.floor), harmless(tuning.performance));
    std::string text;
    switch (retention) {
    case Retention::Same:
        text = "no limit was changed, so that it was measured once";
        break;
    case Retention::Unknown:
        text = fmt::format("{}: not measured", demanded);
        break;
    default:
        text = fmt::format("{}: {}, {}", demanded, retention_words(scenario), name(retention));
        break;
    }
    canvas.put(" ").put(mark(retention), style_of(retention)).put(" ");
    const auto lines = wrap(text, canvas.width() - 5);
    for (std::size_t i = 0; i < lines.size(); ++i)
        canvas.put((i == 0 ? "" : "     ") + lines[i]).end();
}

void draw_component(const ComponentResult& component, AskedComponents asked, Canvas& canvas)
{
    const calibrate::Tuning& tuning = tuning_of(component, asked);
    const bool changed = limits_changed(component);
    for (const ScenarioResult& scenario : component.scenarios) {
        canvas.heading(squeeze(harmless(scenario.name), canvas.width() - 4));
        draw_criterion(scenario, tuning, changed, canvas);
        draw_metrics(metric_changes(scenario, declared_by(component, asked), tuning.confidence), changed, canvas);
        for (const std::string& trouble : scenario.troubles)
            canvas.paragraph(harmless(trouble), 1, "! ", Style::Yellow);
    }
    if (component.scenarios.empty())
        canvas.line(" no scenario was measured", Style::Dim);
}

std::string first_line(const CalibrationTally& counts)
{
    if (counts.scenarios == 0)
        return "Nothing was measured.";
    if (counts.below_floor > 0)
        return fmt::format("Performance is below its floor in {} of {}.", counts.below_floor,
                           plural(counts.scenarios, "scenario"));
    if (!counts.least_retention)
        return fmt::format(
            "{} measured; there is nothing to compare, since no limit was changed or the performance not measured.",
            plural(counts.scenarios, "scenario"));
    return fmt::format("Performance is above its floor in {}; the least is {} ({}).",
                       plural(counts.scenarios, "scenario"), format_percent(*counts.least_retention),
                       counts.least_retention_of);
}

}  // namespace

std::string render_performance_comparison(const Calibration& calibration, AskedComponents asked,
                                          const CalibrationTextOptions& options)
{
    Canvas canvas = canvas_of(options);
    const CalibrationTally counts = tally(calibration, asked);
    canvas.paragraph(first_line(counts), 0, "",
                     counts.below_floor > 0 || counts.scenarios == 0 ? Style::Red : Style::Green);
    text_calibration_head(calibration, canvas);
    if (std::ranges::any_of(calibration.components, limits_changed))
        canvas.paragraph("Below a figure, and below its change, is the interval in which it lies. Better and worse are "
                         "said only where the "
                         "interval of the change excludes none and all runs after lie on one side of all runs before; "
                         "same: it could be "
                         "chance. "
                         "n/a: not measured.",
                         0, "", Style::Dim);
    for (const ComponentResult& component : calibration.components) {
        text_component_title(component.name, shouted(words(component.end)), style_of(component.end), canvas);
        draw_component(component, asked, canvas);
    }
    return canvas.take();
}

}  // namespace flyball::report
