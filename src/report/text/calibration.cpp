// SPDX-License-Identifier: Apache-2.0
// calibration_report.txt: what is said once, and the order of the rest.
#include "calibration.hpp"

#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "grid.hpp"
#include "oom.hpp"
#include "report_parts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace flyball::report {
namespace {

using calibrate::Calibration;
using calibrate::ComponentResult;
using calibrate::Outcome;
using calibrate::ScenarioResult;

std::string target_words(const ComponentResult& component)
{
    std::array<std::size_t, 3> counts{};
    for (const ScenarioResult& scenario : component.scenarios)
        for (const calibrate::TargetResult& target : scenario.targets)
            ++counts[static_cast<std::size_t>(target.after.outcome)];
    std::vector<std::string> parts;
    for (const Outcome outcome : {Outcome::Met, Outcome::Missed, Outcome::Inconclusive})
        if (const std::size_t n = counts[static_cast<std::size_t>(outcome)]; n > 0)
            parts.push_back(fmt::format("{} {}", n, name(outcome)));
    return parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, ", "));
}

std::string least_retention(const ComponentResult& component)
{
    if (!limits_changed(component))
        return "same limits";
    std::optional<double> least;
    for (const ScenarioResult& scenario : component.scenarios)
        if (scenario.retention && (!least || *scenario.retention < *least))
            least = scenario.retention;
    return least ? format_percent(*least) : "n/a";
}

Cell oom_cell(const ComponentResult& component)
{
    if (!component.oom.tested())
        return {"not tested", Style::Dim};
    return component.oom.passed() ? Cell("passed", Style::Green) : Cell("FAILED", Style::Red);
}

void draw_components(const Calibration& calibration, Canvas& canvas)
{
    constexpr std::size_t kWidestName = 24;
    canvas.heading("COMPONENTS", "retention: the performance that is left, in the worst scenario");
    Grid grid({{"component"}, {"end"}, {"targets"}, {"retention"}, {"OOM"}});
    for (const ComponentResult& component : calibration.components) {
        grid.row({squeeze(harmless(component.name), kWidestName), Cell(words(component.end), style_of(component.end)),
                  target_words(component), least_retention(component), oom_cell(component)});
    }
    grid.draw(canvas);
}

// What nobody has set a target for may be what matters most.
void draw_worse(const Calibration& calibration, AskedComponents asked, Canvas& canvas)
{
    constexpr std::size_t kMostRows = 8, kWidest = 16;
    const auto all = worse(calibration, asked);
    if (all.empty())
        return;
    Grid grid({{"component"},
               {"scenario"},
               {"metric"},
               {"before", Side::Right},
               {"after", Side::Right},
               {"change", Side::Right}});
    for (std::size_t i = 0; i < std::min(all.size(), kMostRows); ++i) {
        const MetricChange& change = all[i].change;
        grid.row({squeeze(harmless(all[i].component), kWidest), squeeze(harmless(all[i].scenario), kWidest),
                  harmless(change.label), figure_words(change.before, change.unit),
                  Cell(figure_words(change.after, change.unit), Style::Red), change_words(change)});
    }
    canvas.heading("WORSE THAN BEFORE", "by more than chance, target or not; the worst first");
    grid.draw(canvas);
    if (all.size() > kMostRows)
        canvas.line(fmt::format(" and {} more in performance_comparison.txt", all.size() - kMostRows), Style::Dim);
}

Style verdict_style(CalibrationVerdict verdict)
{
    switch (verdict) {
    case CalibrationVerdict::Holds:
        return Style::Green;
    case CalibrationVerdict::Doubtful:
        return Style::Yellow;
    case CalibrationVerdict::Fails:
        break;
    }
    return Style::Red;
}

}  // namespace

Canvas canvas_of(const CalibrationTextOptions& options)
{
    constexpr std::size_t kWidest = 1000;
    return {static_cast<int>(std::min(options.width, kWidest)), options.color};
}

std::string calibration_origin(const Calibration& calibration)
{
    std::vector<std::string> parts;
    if (!calibration.spec_name.empty() || !calibration.spec_file.empty()) {
        const bool both = !calibration.spec_name.empty() && !calibration.spec_file.empty();
        parts.push_back(harmless(calibration.spec_name) + (both ? " of " : "") + harmless(calibration.spec_file));
    }
    if (!calibration.profile.empty())
        parts.push_back("profile " + harmless(calibration.profile));
    if (calibration.took_ns > 0)
        parts.push_back("in " + format_ns(calibration.took_ns));
    if (!calibration.host.empty())
        parts.push_back("on " + harmless(calibration.host));
    if (!calibration.kernel.empty())
        parts.push_back("Linux " + harmless(calibration.kernel));
    if (!calibration.arch.empty())
        parts.push_back(harmless(calibration.arch));
    if (!calibration.flyball_version.empty())
        parts.push_back("flyball " + harmless(calibration.flyball_version));
    if (calibration.start_wall_ns > 0)
        parts.push_back("from " + utc(calibration.start_wall_ns));
    return fmt::format("{}", fmt::join(parts, ", "));
}

void text_calibration_head(const Calibration& calibration, Canvas& canvas)
{
    for (const std::string& line : wrap(calibration_origin(calibration), canvas.width()))
        canvas.line(line, Style::Dim);
}

void text_component_title(const std::string& name, std::string_view word, Style style, Canvas& canvas)
{
    constexpr std::size_t kAround = 8;  // "-- ", " ", " ", " --"
    const std::string shown = squeeze(harmless(name), canvas.width() - word.size() - kAround - 3);
    const std::size_t rule = canvas.width() - kAround - display_width(shown) - word.size();
    canvas.blank();
    canvas.put("-- ", Style::Dim).put(shown, Style::Bold).put(" " + std::string(rule, '-') + " ", Style::Dim);
    canvas.put(word, style).put(" --", Style::Dim).end();
}

std::string_view mark(Outcome outcome)
{
    return outcome == Outcome::Met ? "[✓]" : outcome == Outcome::Missed ? "[✗]" : "[?]";
}

Style style_of(Outcome outcome)
{
    return outcome == Outcome::Met ? Style::Green : outcome == Outcome::Missed ? Style::Red : Style::Yellow;
}

Style style_of(calibrate::End end)
{
    switch (end) {
    case calibrate::End::Calibrated:
    case calibrate::End::Unchanged:
        return Style::Green;
    case calibrate::End::NotConverged:
    case calibrate::End::NotKnown:
        return Style::Yellow;
    case calibrate::End::Missed:
        break;
    }
    return Style::Red;
}

Style style_of(Retention retention)
{
    switch (retention) {
    case Retention::Held:
    case Retention::Same:
        return Style::Green;
    case Retention::Below:
        return Style::Red;
    case Retention::Likely:
    case Retention::Unknown:
        break;
    }
    return Style::Yellow;
}

std::string_view mark(Retention retention)
{
    switch (retention) {
    case Retention::Held:
    case Retention::Same:
        return "[✓]";
    case Retention::Below:
        return "[✗]";
    case Retention::Likely:
    case Retention::Unknown:
        break;
    }
    return "[?]";
}

std::string retention_words(const ScenarioResult& scenario)
{
    if (!scenario.retention)
        return "n/a";
    std::string words = format_percent(*scenario.retention);
    if (const auto& interval = scenario.retention_interval)
        words += fmt::format(" ({} to {})", format_percent(interval->low), format_percent(interval->high));
    return words;
}

std::string render_calibration_report(const Calibration& calibration, AskedComponents asked,
                                      const CalibrationTextOptions& options)
{
    Canvas canvas = canvas_of(options);
    const CalibrationTally counts = tally(calibration, asked);
    canvas.paragraph(headline(calibration, counts), 0, "", verdict_style(verdict_of(calibration, counts)));
    text_calibration_head(calibration, canvas);
    if (!calibration.components.empty())
        draw_components(calibration, canvas);
    draw_worse(calibration, asked, canvas);
    text_calibration_limits(calibration, canvas);
    text_criteria(calibration, counts, canvas);
    for (const ComponentResult& component : calibration.components) {
        text_component_title(component.name, shouted(words(component.end)), style_of(component.end), canvas);
        text_component(component, asked, canvas);
    }
    return canvas.take();
}

}  // namespace flyball::report
