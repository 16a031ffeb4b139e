// SPDX-License-Identifier: Apache-2.0
// Limits before and after as dumbbells, all components of a resource on one axis.
#include "html_parts.hpp"
#include "svg_axis.hpp"
#include "tune_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace flyball::report {
namespace {

using calibrate::Calibration;

// Limits that differ more than this are not seen on one linear axis.
constexpr double kWidest = 24;

struct Resource {
    std::string_view file, title;
};
constexpr std::array kResources{Resource{"memory.max", "Memory"}, Resource{"memory.high", "Memory, where it slows down"}, Resource{"cpu.max", "CPU"},
                                Resource{"cpu.max.burst", "CPU burst"}, Resource{"pids.max", "Tasks"}, Resource{"io.weight", "I/O weight"}};

struct Row {
    const calibrate::ComponentResult* component;
    LimitChange limit;
};

std::vector<Row> rows_of(const Calibration& calibration, std::string_view file)
{
    std::vector<Row> rows;
    for (const auto& component : calibration.components) {
        auto limits = limit_changes(component);
        const auto found = std::ranges::find(limits, file, &LimitChange::file);
        if (found != limits.end() && (found->was || found->is))
            rows.push_back({&component, std::move(*found)});
    }
    return rows;
}

Axis axis_of(const std::vector<Row>& rows)
{
    double least = 0, most = 0;
    for (const Row& row : rows) {
        for (const auto& value : {row.limit.was, row.limit.is}) {
            if (!value || *value <= 0)
                continue;
            least = least == 0 ? *value : std::min(least, *value);
            most = std::max(most, *value);
        }
    }
    if (least > 0 && most / least > kWidest)
        return Axis::logarithmic(least, most);
    return Axis::linear(most, rows.front().limit.unit == tune::Unit::Bytes);
}

void draw_zone(const LimitChange& limit, const Axis& axis, Markup& page)
{
    const auto expected = expectation_of(limit.file);
    if (!expected || !limit.was)
        return;
    const double low = axis.at(*limit.was * (1 - expected->most)), high = axis.at(*limit.was * (1 - expected->least));
    page.shape("rect", {{"x", percent(low)}, {"width", percent(high - low)}, {"y", "0"}, {"height", "100%"}, {"class", "zone"}},
               fmt::format("expected: {} of {}", expected->words(), words_before(limit)));
}

void draw_interval(const LimitChange& limit, const Axis& axis, Markup& page)
{
    if (!limit.interval)
        return;
    const double low = axis.at(limit.interval->low), high = axis.at(limit.interval->high);
    page.shape("rect", {{"x", percent(low)}, {"width", percent(std::max(high - low, 0.4))}, {"y", "10"}, {"height", "14"}, {"rx", "7"}, {"class", "interval"}},
               "the least sufficient value: " + interval_words(limit));
}

// No limit is beyond the right edge.
void draw_unlimited(std::string_view title, Markup& page)
{
    const auto corner = page.in("svg", {{"x", "100%"}, {"width", "1"}, {"height", "34"}});
    page.shape("path", {{"d", "M-9 10 L1 17 L-9 24 Z"}, {"class", "arrow"}}, title);
}

void draw_plot(const LimitChange& limit, const Axis& axis, Markup& page)
{
    const std::string words = fmt::format("{}: {} before, {} after", limit.file, words_before(limit), words_after(limit));
    const auto svg = page.in("svg", {{"class", "plot"}, {"role", "img"}, {"aria-label", words}});
    draw_zone(limit, axis, page);
    vertical_grid(axis, page);
    draw_interval(limit, axis, page);
    if (limit.was && limit.is)
        page.shape("line", {{"x1", percent(axis.at(*limit.was))}, {"x2", percent(axis.at(*limit.is))}, {"y1", "17"}, {"y2", "17"}, {"class", "span"}});
    if (limit.was)
        page.shape("circle", {{"cx", percent(axis.at(*limit.was))}, {"cy", "17"}, {"r", "5.5"}, {"class", "dot-before"}}, "before: " + words_before(limit));
    else if (!limit.before.empty())
        draw_unlimited("before: " + words_before(limit), page);
    if (limit.is)
        page.shape("circle", {{"cx", percent(axis.at(*limit.is))}, {"cy", "17"}, {"r", limit.changed() ? "6.5" : "3"}, {"class", "dot-after"}},
                   "after: " + words_after(limit));
    else if (!limit.after.empty())
        draw_unlimited("after: " + words_after(limit), page);
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

void draw_resource(const Resource& resource, const std::vector<Row>& rows, Markup& page)
{
    const Axis axis = axis_of(rows);
    html_heading(fmt::format("{}: {}", resource.title, resource.file), "", page);
    const auto panel = page.in("div", {{"class", "panel"}});
    const auto grid = page.in("div", {{"class", "rows"}});
    for (const Row& row : rows) {
        page.element("div", {{"class", "who"}}, row.component->name);
        draw_plot(row.limit, axis, page);
        draw_words(row.limit, page);
    }
    axis_labels(axis, [&](double tick) { return tick_words(tick, rows.front().limit.unit); }, page);
}

void table_row(const Row& row, Markup& page)
{
    const LimitChange& limit = row.limit;
    const auto tr = page.in("tr");
    page.element("th", {{"scope", "row"}}, row.component->name);
    for (const std::string& text : {limit.file, limit.before.empty() ? "-" : limit.before, limit.after.empty() ? "-" : limit.after}) {
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
    for (const Resource& resource : kResources)
        if (const auto rows = rows_of(calibration, resource.file); !rows.empty())
            draw_resource(resource, rows, page);
    svg_legend(true, "expected change (P4.2, section 8.1)", page);
    draw_table(calibration, page);
}

}  // namespace flyball::report
