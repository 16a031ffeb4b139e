// SPDX-License-Identifier: Apache-2.0
// The limits of all components against what P4.2 expects of them, and its criteria of success.
#include "calibration.hpp"
#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "grid.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

namespace flyball::report {
namespace {

using calibrate::Calibration;
using calibrate::ComponentResult;

// "more than expected (-10 to -20%); the least sufficient value: 488 to 512 MiB (95%)"
std::string remark_on(const LimitChange& limit)
{
    std::vector<std::string> parts;
    const auto expected = expectation_of(limit.file);
    const auto change = limit.change();
    if (expected && change && limit.changed())
        parts.push_back(fmt::format("{} ({})", expected->judge(*change), expected->words()));
    if (limit.interval)
        parts.push_back("least sufficient value: " + interval_words(limit));
    return fmt::format("{}", fmt::join(parts, "; "));
}

Style style_of_change(const LimitChange& limit)
{
    return limit.changed() ? Style::Bold : Style::Dim;
}

struct Criterion {
    bool met = false, known = true;
    std::string text;
};

void draw(const Criterion& criterion, Canvas& canvas)
{
    const Style style = !criterion.known ? Style::Yellow : criterion.met ? Style::Green : Style::Red;
    const std::string_view mark = !criterion.known ? "[?]" : criterion.met ? "[✓]" : "[✗]";
    const auto lines = wrap(criterion.text, canvas.width() - 5);
    for (std::size_t i = 0; i < lines.size(); ++i)
        canvas.put(i == 0 ? " " : "     ").put(i == 0 ? mark : "", style).put((i == 0 ? " " : "") + lines[i]).end();
}

Criterion performance(const CalibrationTally& tally)
{
    if (tally.below_floor > 0)
        return {false, true,
                fmt::format("Performance is below its floor in {}.", plural(tally.below_floor, "scenario"))};
    if (!tally.least_retention)
        return {true, tally.scenarios > 0,
                tally.scenarios > 0 ? "Performance: no limit was changed for which there is a comparison."
                                    : "Performance: nothing was measured."};
    return {true, true,
            fmt::format("Performance is above its floor: at least {} is left ({}).",
                        format_percent(*tally.least_retention), tally.least_retention_of)};
}

Criterion oom_behaviour(const Calibration& calibration, const CalibrationTally& tally)
{
    if (tally.oom_tested == 0)
        return {false, false, "OOM behaviour: none was tested."};
    return {tally.oom_passed == tally.oom_tested, true,
            fmt::format("OOM behaviour: {} of {} tested components passed; {} not tested.", tally.oom_passed,
                        tally.oom_tested, calibration.components.size() - tally.oom_tested)};
}

Criterion targets(const CalibrationTally& tally)
{
    const std::size_t all = tally.targets_met + tally.targets_missed + tally.targets_inconclusive;
    return {tally.targets_missed == 0, all > 0 && (tally.targets_missed > 0 || tally.targets_inconclusive == 0),
            fmt::format("Targets: {} met, {} missed, {} inconclusive, in {}.", tally.targets_met, tally.targets_missed,
                        tally.targets_inconclusive, plural(tally.scenarios, "scenario"))};
}

}  // namespace

void text_calibration_limits(const Calibration& calibration, Canvas& canvas)
{
    constexpr std::size_t kWidestName = 24;
    canvas.heading("LIMITS", "expected: P4.2, section 8.1");
    Grid grid({{"component"}, {"file"}, {"before", Side::Right}, {"after", Side::Right}, {"change", Side::Right}});
    for (const ComponentResult& component : calibration.components) {
        std::string name = squeeze(harmless(component.name), kWidestName);
        for (const LimitChange& limit : limit_changes(component)) {
            // What was only proposed is told with its component.
            if (limit.before.empty() && limit.after.empty())
                continue;
            grid.row({Cell(name, Style::Bold), harmless(limit.file), words_before(limit),
                      Cell(words_after(limit), style_of_change(limit)), change_words(limit)});
            grid.remark(remark_on(limit));
            name.clear();
        }
    }
    if (grid.empty())
        canvas.line(" none", Style::Dim);
    else
        grid.draw(canvas);
}

void text_criteria(const Calibration& calibration, const CalibrationTally& tally, Canvas& canvas)
{
    canvas.heading("CRITERIA", "P4.2, section 8.2");
    const std::size_t settled = tally.calibrated + tally.unchanged, all = calibration.components.size();
    draw({settled == all && all > 0, true,
          fmt::format("Calibrated or right as they were: {} of {}.", settled, plural(all, "component"))},
         canvas);
    draw(performance(tally), canvas);
    draw(targets(tally), canvas);
    draw(oom_behaviour(calibration, tally), canvas);
}

}  // namespace flyball::report
