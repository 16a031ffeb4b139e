// SPDX-License-Identifier: Apache-2.0
// oom_behavior.txt
#include "calibration.hpp"
#include "cells.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/report/oom.hpp"
#include "grid.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

using calibrate::ComponentResult;

std::string_view word(const ComponentResult& component)
{
    if (!component.oom.tested())
        return "NOT TESTED";
    return component.oom.passed() ? "PASS" : "FAIL";
}

Style style_of_word(const ComponentResult& component)
{
    if (!component.oom.tested())
        return Style::Dim;
    return component.oom.passed() ? Style::Green : Style::Red;
}

// The text is a report already: its lines and blanks stay, unless a line is too wide.
void draw_text(const std::string& text, Canvas& canvas)
{
    for_each_line(text, [&](std::string_view line) {
        const std::string clean = harmless(line);
        if (display_width(clean) <= canvas.width())
            return canvas.line(clean);
        for (const std::string& part : wrap(clean, canvas.width()))
            canvas.line(part);
    });
}

void draw_summary(const calibrate::Calibration& calibration, Canvas& canvas)
{
    canvas.heading("COMPONENTS");
    Grid grid({{"component"}, {"OOM test"}, {"memory.oom.group"}});
    for (const ComponentResult& component : calibration.components) {
        const auto group = component.after.find("memory.oom.group");
        std::string policy = group != component.after.end() ? harmless(group->second) : component.critical ? "0" : "-";
        policy += component.critical ? " (critical)" : "";
        grid.row({harmless(component.name), Cell(std::string(word(component)), style_of_word(component)),
                  std::move(policy)});
    }
    grid.draw(canvas);
}

}  // namespace

std::string oom_words(const calibrate::OomBehaviour& oom, std::size_t width)
{
    std::string text;
    for (const oom::TestReport& report : oom.reports)
        text += (text.empty() ? "" : "\n") + render_test_text(report, {.width = width});
    return text;
}

std::string render_oom_behavior(const calibrate::Calibration& calibration, const CalibrationTextOptions& options)
{
    Canvas canvas = canvas_of(options);
    const CalibrationTally counts = tally(calibration, {});
    const std::size_t all = calibration.components.size();
    if (counts.oom_tested == 0)
        canvas.paragraph("The OOM behaviour of no component was tested.", 0, "", Style::Yellow);
    else
        canvas.paragraph(fmt::format("{} of {} passed the OOM tests, {} failed, {} not tested.", counts.oom_passed,
                                     plural(all, "component"), counts.oom_tested - counts.oom_passed,
                                     all - counts.oom_tested),
                         0, "", counts.oom_passed == counts.oom_tested ? Style::Green : Style::Red);
    text_calibration_head(calibration, canvas);
    if (all > 0)
        draw_summary(calibration, canvas);
    for (const ComponentResult& component : calibration.components) {
        if (!component.oom.tested() && component.oom.not_tested.empty())
            continue;
        text_component_title(component.name, word(component), style_of_word(component), canvas);
        if (!component.oom.not_tested.empty())
            canvas.paragraph("not tested: " + harmless(component.oom.not_tested), 1);
        draw_text(oom_words(component.oom, canvas.width()), canvas);
    }
    return canvas.take();
}

}  // namespace flyball::report
