// SPDX-License-Identifier: Apache-2.0
// What is seen at first glance: the verdict, the sums, and a line for each component.
#include "flyball/base/units.hpp"
#include "parts.hpp"
#include "text/calibration.hpp"
#include "tune_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace flyball::report {
namespace {

using calibrate::Calibration;
using calibrate::ComponentResult;

void tile(std::string_view title, std::string_view figure, std::string_view under, Markup& page)
{
    const auto box = page.in("div", {{"class", "tile"}});
    page.element("dt", {}, title);
    page.element("dd", {}, figure);
    page.element("dd", {{"class", "under"}}, under);
}

struct Sum {
    double was = 0, is = 0;
    tune::Unit unit = tune::Unit::None;
    std::size_t n = 0;
};

// Of the components that have a limit before and after.
Sum sum_of(const Calibration& calibration, std::string_view file)
{
    Sum sum;
    for (const ComponentResult& component : calibration.components) {
        for (const LimitChange& limit : limit_changes(component)) {
            if (limit.file != file || !limit.was || !limit.is)
                continue;
            sum.was += *limit.was;
            sum.is += *limit.is;
            sum.unit = limit.unit;
            ++sum.n;
        }
    }
    return sum;
}

void sum_tile(const Calibration& calibration, std::string_view title, std::string_view file, Markup& page)
{
    const Sum sum = sum_of(calibration, file);
    if (sum.n == 0 || sum.was <= 0)
        return;
    const std::string change = sum.was == sum.is ? "as it was" : signed_percent(sum.is / sum.was - 1);
    tile(title, change,
         fmt::format("{} → {} in {}", quantity(sum.was, sum.unit), quantity(sum.is, sum.unit),
                     plural(sum.n, "component")),
         page);
}

std::string_view kind_of_verdict(CalibrationVerdict verdict)
{
    switch (verdict) {
    case CalibrationVerdict::Holds:
        return "met";
    case CalibrationVerdict::Doubtful:
        return "doubt";
    case CalibrationVerdict::Fails:
        break;
    }
    return "missed";
}

void tiles(const Calibration& calibration, const CalibrationTally& counts, Markup& page)
{
    const auto list = page.in("dl", {{"class", "tiles"}});
    sum_tile(calibration, "Memory limits", "memory.max", page);
    sum_tile(calibration, "CPU quotas", "cpu.max", page);
    sum_tile(calibration, "Task limits", "pids.max", page);
    if (counts.least_retention)
        tile("Performance left", format_percent(*counts.least_retention), "at least, in " + counts.least_retention_of,
             page);
    const std::size_t all = counts.targets_met + counts.targets_missed + counts.targets_inconclusive;
    if (all > 0)
        tile("Targets met", fmt::format("{} of {}", counts.targets_met, all),
             fmt::format("{} missed, {} inconclusive", counts.targets_missed, counts.targets_inconclusive), page);
    tile("OOM behaviour",
         counts.oom_tested == 0 ? "not tested" : fmt::format("{} of {}", counts.oom_passed, counts.oom_tested),
         counts.oom_tested == 0 ? fmt::format("{}", plural(calibration.components.size(), "component")) : "passed",
         page);
}

std::string change_of(const std::vector<LimitChange>& limits, std::string_view file)
{
    const auto found = std::ranges::find(limits, file, &LimitChange::file);
    return found == limits.end() ? "" : change_words(*found);
}

void overview_row(const ComponentResult& component, std::size_t index, Markup& page)
{
    const auto row = page.in("tr");
    {
        const auto name = page.in("th", {{"scope", "row"}});
        page.element("a", {{"href", "#" + component_anchor(index)}}, component.name);
    }
    {
        const auto end = page.in("td");
        html_chip(words(component.end), kind_of(component.end), page);
    }
    const auto limits = limit_changes(component);
    for (const char* file : {"memory.max", "cpu.max", "pids.max", "io.weight"})
        html_cell(change_of(limits, file), page, "n");
    const auto oom = page.in("td");
    if (component.oom.tested())
        html_chip(component.oom.passed() ? "passed" : "failed", component.oom.passed() ? "met" : "missed", page);
    else
        page.element("span", {{"class", "remark"}}, "not tested");
}

void worse_row(const Worse& one, Markup& page)
{
    const auto row = page.in("tr");
    page.element("th", {{"scope", "row"}}, one.component);
    html_cell(one.scenario, page);
    html_cell(one.change.label, page);
    html_cell(figure_words(one.change.before, one.change.unit), page, "n");
    html_cell(figure_words(one.change.after, one.change.unit), page, "n");
    html_cell(change_words(one.change), page, "n");
}

}  // namespace

void html_header(const Calibration& calibration, const CalibrationTally& counts, Markup& page)
{
    const auto header = page.in("header");
    page.element("p", {{"class", "eyebrow"}}, "flyball calibration");
    page.element("h1", {}, calibration.spec_name.empty() ? "A specification" : calibration.spec_name);
    page.element("p", {{"class", fmt::format("verdict {}", kind_of_verdict(verdict_of(calibration, counts)))}},
                 headline(calibration, counts));
    page.element("p", {{"class", "origin"}}, calibration_origin(calibration));
    if (!calibration.components.empty())
        tiles(calibration, counts, page);
}

void html_overview(const Calibration& calibration, Markup& page)
{
    if (calibration.components.empty())
        return;
    const auto section = page.in("section");
    page.element("h2", {}, "Components");
    const auto panel = page.in("div", {{"class", "panel scroll"}});
    const auto table = page.in("table");
    html_head_row({"component", "end", ">memory.max", ">cpu.max", ">pids.max", ">io.weight", "OOM behaviour"}, page);
    const auto body = page.in("tbody");
    for (std::size_t i = 0; i < calibration.components.size(); ++i)
        overview_row(calibration.components[i], i, page);
}

void html_worse(const Calibration& calibration, AskedComponents asked, Markup& page)
{
    const auto all = worse(calibration, asked);
    if (all.empty())
        return;
    const auto section = page.in("section");
    page.element("h2", {}, "Worse than before");
    page.element("p", {{"class", "remark"}}, "By more than chance, target or not; the worst first.");
    const auto panel = page.in("div", {{"class", "panel scroll"}});
    const auto table = page.in("table");
    html_head_row({"component", "scenario", "metric", ">before", ">after", ">change"}, page);
    const auto body = page.in("tbody");
    for (const Worse& one : all)
        worse_row(one, page);
}

}  // namespace flyball::report
