// SPDX-License-Identifier: Apache-2.0
// Limits before and after as dumbbells. The axis is the part of what a limit was, the same for all: so that small and
// large components are seen alike, and what is expected of a resource lies in one place.
#include "parts.hpp"
#include "svg_axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace flyball::report {
namespace {

using calibrate::Calibration;

constexpr double kLeastPart = 0.6, kMostPart = 1.1, kWidestPart = 2;

struct Resource {
    std::string_view file, title;
};
constexpr std::array kResources{
    Resource{"memory.max", "Memory"}, Resource{"memory.high", "Memory, where it slows down"},
    Resource{"cpu.max", "CPU"},       Resource{"cpu.max.burst", "CPU burst"},
    Resource{"pids.max", "Tasks"},    Resource{"io.weight", "I/O weight"}};

struct LimitRow {
    const calibrate::ComponentResult* component;
    LimitChange limit;
};

std::vector<LimitRow> limit_rows(const Calibration& calibration, std::string_view file)
{
    std::vector<LimitRow> rows;
    for (const auto& component : calibration.components) {
        auto limits = limit_changes(component);
        const auto found = std::ranges::find(limits, file, &LimitChange::file);
        if (found != limits.end() && (found->was || found->is))
            rows.push_back({&component, std::move(*found)});
    }
    return rows;
}

std::optional<double> part(const LimitChange& limit, std::optional<double> value)
{
    return value && limit.was && *limit.was > 0 && std::isfinite(*value) ? std::optional(*value / *limit.was)
                                                                         : std::nullopt;
}

// The same for all resources. What is beyond twice the limit is at the edge.
Axis axis_of(const Calibration& calibration)
{
    double low = kLeastPart, high = kMostPart;
    for (const auto& component : calibration.components) {
        for (const LimitChange& limit : limit_changes(component)) {
            const auto stretch = [&](std::optional<double> value) {
                if (const auto at = part(limit, value)) {
                    low = std::min(low, *at);
                    high = std::max(high, *at);
                }
            };
            stretch(limit.is);
            if (limit.interval) {
                stretch(limit.interval->low);
                stretch(limit.interval->high);
            }
        }
    }
    high = std::min(high, kWidestPart);
    return Axis::between(std::max(low, 0.0), high, high - low > 1 ? 0.2 : 0.1);
}

void draw_zone(const LimitChange& limit, const Axis& axis, Markup& page)
{
    const auto expected = expectation_of(limit.file);
    if (!expected)
        return;
    const auto zone = [&](double from, double to) {
        const double low = axis.at(from), high = axis.at(to);
        page.shape(
            "rect",
            {{"x", percent(low)}, {"width", percent(high - low)}, {"y", "0"}, {"height", "100%"}, {"class", "zone"}},
            fmt::format("expected: {} of {}", expected->words(), words_before(limit)));
    };
    zone(1 - expected->most, 1 - expected->least);
    if (!expected->reduction)
        zone(1 + expected->least, 1 + expected->most);
}

void draw_interval(const LimitChange& limit, const Axis& axis, Markup& page)
{
    if (!limit.interval || !limit.was || *limit.was <= 0)
        return;
    const double low = axis.at(limit.interval->low / *limit.was), high = axis.at(limit.interval->high / *limit.was);
    page.shape("rect",
               {{"x", percent(low)},
                {"width", percent(std::max(high - low, 0.4))},
                {"y", "13"},
                {"height", "14"},
                {"rx", "7"},
                {"class", "interval"}},
               "the least sufficient value: " + interval_words(limit));
}

void draw_plot(const LimitChange& limit, const Axis& axis, Markup& page)
{
    const std::string words =
        fmt::format("{}: {} before, {} after", limit.file, words_before(limit), words_after(limit));
    const auto svg = page.in("svg", {{"class", "plot"}, {"role", "img"}, {"aria-label", words}});
    const auto after = part(limit, limit.is);
    if (!after) {
        page.element("text", {{"x", "0"}, {"y", "24"}},
                     limit.changed() ? "there is nothing to compare it with" : "no limit");
        return;
    }
    draw_zone(limit, axis, page);
    vertical_grid(axis, page);
    draw_interval(limit, axis, page);
    const std::string was = percent(axis.at(1)), is = percent(axis.at(*after));
    page.shape("line", {{"x1", was}, {"x2", is}, {"y1", "20"}, {"y2", "20"}, {"class", "span"}});
    page.shape("circle", {{"cx", was}, {"cy", "20"}, {"r", "5.5"}, {"class", "dot-before"}},
               "before: " + words_before(limit));
    page.shape("circle", {{"cx", is}, {"cy", "20"}, {"r", limit.changed() ? "6.5" : "2.5"}, {"class", "dot-after"}},
               "after: " + words_after(limit));
}

void draw_words(const LimitChange& limit, Markup& page)
{
    const auto what = page.in("div", {{"class", "what"}});
    if (!limit.changed()) {
        page.element("b", {}, words_before(limit));
        page.text(", as it was");
        return;
    }
    page.text(words_before(limit) + " → ");
    page.element("b", {}, words_after(limit));
    page.text("  " + change_words(limit));
    const auto expected = expectation_of(limit.file);
    const auto change = limit.change();
    if (expected && change)
        page.element("small", {}, fmt::format("{} ({})", expected->judge(*change), expected->words()));
}

void draw_resource(const Resource& resource, const std::vector<LimitRow>& rows, const Axis& axis, Markup& page)
{
    html_heading(fmt::format("{}: {}", resource.title, resource.file), "", page);
    const auto panel = page.in("div", {{"class", "panel"}});
    const auto grid = page.in("div", {{"class", "rows"}});
    for (const LimitRow& row : rows) {
        page.element("div", {{"class", "who"}}, row.component->name);
        draw_plot(row.limit, axis, page);
        draw_words(row.limit, page);
    }
    if (std::ranges::any_of(rows, [](const LimitRow& row) { return part(row.limit, row.limit.is).has_value(); }))
        axis_labels(axis, [](double tick) { return fmt::format("{:.0f}%", tick * 100); }, page);
}

void table_row(const LimitRow& row, Markup& page)
{
    const LimitChange& limit = row.limit;
    const auto tr = page.in("tr");
    page.element("th", {{"scope", "row"}}, row.component->name);
    for (const std::string& text :
         {limit.file, limit.before.empty() ? "-" : limit.before, limit.after.empty() ? "-" : limit.after}) {
        const auto cell = page.in("td");
        page.element("code", {}, text);
    }
    html_cell(change_words(limit), page, "n");
    html_cell(interval_words(limit), page);
}

void draw_table(const Calibration& calibration, Markup& page)
{
    const auto details = page.in("details");
    page.element("summary", {}, "All limits as a table");
    const auto scroll = page.in("div", {{"class", "scroll"}});
    const auto table = page.in("table");
    html_head_row({"component", "file", "before", "after", ">change", "least sufficient value"}, page);
    const auto body = page.in("tbody");
    for (const auto& component : calibration.components)
        for (const LimitChange& limit : limit_changes(component))
            table_row({&component, limit}, page);
}

}  // namespace

void svg_limits(const Calibration& calibration, Markup& page)
{
    if (calibration.components.empty())
        return;
    const auto section = page.in("section");
    page.element("h2", {}, "Limits");
    page.element("p", {{"class", "remark"}}, "In percent of what each limit was.");
    svg_legend(true, "change that P4.2 expects (section 8.1)", page);
    const Axis axis = axis_of(calibration);
    for (const Resource& resource : kResources)
        if (const auto rows = limit_rows(calibration, resource.file); !rows.empty())
            draw_resource(resource, rows, axis, page);
    draw_table(calibration, page);
}

}  // namespace flyball::report
