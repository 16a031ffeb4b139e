// SPDX-License-Identifier: Apache-2.0
#include "compare.hpp"

#include "canvas.hpp"
#include "cells.hpp"
#include "compare_values.hpp"
#include "flyball/report/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace flyball::report {
namespace {

using compare::Basis;
using compare::Comparison;
using compare::Row;

Style row_style(const Row& row)
{
    if (row.regression || row.verdict == compare::Verdict::Worse)
        return Style::Red;
    switch (row.verdict) {
    case compare::Verdict::Better:
        return Style::Green;
    case compare::Verdict::Changed:
        return Style::Yellow;
    case compare::Verdict::Same:
        return Style::Plain;
    default:
        return Style::Dim;
    }
}

std::string runs_of(std::size_t runs, std::size_t slices)
{
    std::string text = fmt::format("{} run{}", runs, runs == 1 ? "" : "s");
    if (slices > 0)
        text += fmt::format(" in {} slices", slices);
    return text;
}

std::size_t verdict_count(const Comparison& c, compare::Verdict verdict)
{
    return static_cast<std::size_t>(std::ranges::count(c.rows, verdict, &Row::verdict));
}

void draw_verdict(const Comparison& c, Canvas& canvas)
{
    const auto regressions = static_cast<std::size_t>(std::ranges::count(c.rows, true, &Row::regression));
    if (regressions > 0)
        canvas.put("REGRESSION", Style::Red).put(fmt::format("  {} of {} metrics", regressions, c.rows.size())).end();
    else
        canvas.put("no regression", Style::Green).put(fmt::format("  in {} metrics", c.rows.size())).end();
    std::string all;
    for (const compare::Verdict verdict : {compare::Verdict::Worse, compare::Verdict::Changed, compare::Verdict::Better,
                                           compare::Verdict::Same, compare::Verdict::Inconclusive}) {
        if (verdict_count(c, verdict) > 0)
            all += fmt::format("{}{} {}", all.empty() ? "" : ", ", verdict_count(c, verdict), verdict_word(verdict));
    }
    canvas.paragraph(all, 1);
}

void draw_head(const Comparison& c, Canvas& canvas)
{
    canvas.put("flyball compare", Style::Bold);
    canvas
        .put(fmt::format(": A {}, B {}; {:g} % confidence", runs_of(c.a_runs, c.a_slices),
                         runs_of(c.b_runs, c.b_slices), c.confidence * 100))
        .end();
    canvas.paragraph(squeeze(harmless(c.a_name), canvas.width() - 3), 0, "A: ", Style::Dim);
    canvas.paragraph(squeeze(harmless(c.b_name), canvas.width() - 3), 0, "B: ", Style::Dim);
    canvas.blank();
    draw_verdict(c, canvas);
    for (const std::string& note : c.notes)
        canvas.paragraph(harmless(note), 1, "! ", Style::Yellow);
}

// Nothing to see: the same number in every run.
bool is_constant(const Row& row)
{
    return row.verdict == compare::Verdict::Same && !row.p && row.difference == 0;
}

std::string interval_text(const Row& row)
{
    if (row.change_interval)
        return changed_by(row.change_interval->low) + " .. " + changed_by(row.change_interval->high);
    if (row.interval)
        return compared_value(row.unit, row.interval->low) + " .. " + compared_value(row.unit, row.interval->high);
    return "-";
}

std::string threshold_text(const Row& row)
{
    return row.threshold.relative ? fmt::format("{:.3g}%", row.threshold.value * 100)
                                  : compared_value(row.unit, row.threshold.value);
}

bool same_thresholds(const Comparison& c)
{
    return std::ranges::all_of(c.rows, [&](const Row& row) {
        return row.threshold.value == c.rows.front().threshold.value &&
               row.threshold.relative == c.rows.front().threshold.relative;
    });
}

void add_row(const Row& row, bool limit, Table& table)
{
    const std::string change = row.change            ? changed_by(*row.change)
                               : row.difference == 0 ? "0"
                                                     : compared_value(row.unit, row.difference);
    const std::string p = !row.p_family            ? "-"
                          : *row.p_family < 0.0001 ? "<.0001"
                                                   : fmt::format("{:.4f}", *row.p_family);
    std::vector<Cell> cells{harmless(row.key.name),
                            compared_value(row.unit, row.a),
                            compared_value(row.unit, row.b),
                            change,
                            interval_text(row),
                            p};
    if (limit)
        cells.emplace_back(threshold_text(row));
    cells.emplace_back(std::string(verdict_word(row.verdict)), row_style(row));
    table.row(std::move(cells));
}

// Reasons that many rows share are told once.
void draw_reasons(const std::vector<const Row*>& rows, Canvas& canvas)
{
    std::map<std::string, std::string> names;
    std::vector<std::string> order;
    for (const Row* row : rows) {
        if (row->reason.empty())
            continue;
        std::string& list = names[row->reason];
        if (list.empty())
            order.push_back(row->reason);
        list += (list.empty() ? "" : ", ") + row->key.name;
    }
    for (const std::string& reason : order)
        canvas.paragraph(fmt::format("{}: {}", harmless(names[reason]), harmless(reason)), 2, "", Style::Dim);
}

void draw_group(const std::string& title, const std::vector<const Row*>& rows, bool limit, Canvas& canvas)
{
    canvas.blank();
    if (!title.empty())
        canvas.line(squeeze(harmless(title), canvas.width()), Style::Bold);
    std::vector<Table::Column> columns{{"metric", Side::Left, true}, {"A"}, {"B"}, {"change"}, {"interval"}, {"p"}};
    if (limit)
        columns.push_back({"limit"});
    columns.push_back({"verdict", Side::Left});
    Table table(std::move(columns));
    for (const Row* row : rows)
        add_row(*row, limit, table);
    table.draw(canvas);
    draw_reasons(rows, canvas);
}

void draw_rows(const Comparison& c, bool all, Canvas& canvas)
{
    std::vector<std::string> order;
    std::map<std::string, std::vector<const Row*>> groups;
    std::size_t constant = 0;
    for (const Row& row : c.rows) {
        if (!all && is_constant(row)) {
            ++constant;
            continue;
        }
        if (!groups.contains(row.key.cgroup))
            order.push_back(row.key.cgroup);
        groups[row.key.cgroup].push_back(&row);
    }
    for (const std::string& group : order)
        draw_group(group, groups[group], !same_thresholds(c), canvas);
    canvas.blank();
    if (constant > 0)
        canvas.paragraph(fmt::format("{} more with the same value in every run: --all.", constant), 0, "", Style::Dim);
    const std::string limit = same_thresholds(c) && !c.rows.empty()
                                  ? fmt::format("A change of up to {} counts for none.", threshold_text(c.rows.front()))
                                  : "limit: a change up to it counts for none.";
    canvas.paragraph("A, B: medians of the runs. " + limit +
                         " p: by Holm over all metrics; interval: of each metric by itself.",
                     0, "", Style::Dim);
}

void draw_missing(const std::vector<std::string>& names, std::string_view side, Canvas& canvas)
{
    constexpr std::size_t kMost = 5;
    if (names.empty())
        return;
    std::string text;
    for (std::size_t i = 0; i < std::min(kMost, names.size()); ++i)
        text += (i == 0 ? "" : ", ") + harmless(names[i]);
    if (names.size() > kMost)
        text += fmt::format(" and {} more", names.size() - kMost);
    canvas.paragraph(text, 0, fmt::format("only in {}: ", side), Style::Dim);
}

}  // namespace

std::string render_compare_text(const Comparison& comparison, const CompareTextOptions& options)
{
    Canvas canvas(options.width, options.color);
    draw_head(comparison, canvas);
    draw_rows(comparison, options.all, canvas);
    draw_missing(comparison.only_a, "A", canvas);
    draw_missing(comparison.only_b, "B", canvas);
    const std::size_t shown = options.all ? comparison.distributions.size()
                                          : std::min(options.distributions, comparison.distributions.size());
    for (std::size_t i = 0; i < shown; ++i)
        text_distribution(comparison.distributions[i], canvas);
    if (shown < comparison.distributions.size())
        canvas.paragraph(fmt::format("distributions not shown, which are closer together: {} (--all)",
                                     comparison.distributions.size() - shown),
                         0, "", Style::Dim);
    return canvas.take();
}

}  // namespace flyball::report
