// SPDX-License-Identifier: Apache-2.0
// The matrices of victims and aggressors, and the tasks behind their worst cells.
#include "cells.hpp"
#include "explain.hpp"
#include "flyball/base/units.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

// One unit for all cells, so that they can be compared by eye.
Cell seconds_cell(std::uint64_t ns, Style style = Style::Plain)
{
    constexpr double kSecond = 1e9;
    if (ns == 0)
        return {"-", Style::Dim};
    const double value = static_cast<double>(ns) / kSecond;
    return {fmt::format("{:.{}f}", value, value < 100 ? 3 : value < 1000 ? 2 : value < 10'000 ? 1 : 0), style};
}

// "a", "b", ... of the columns: paths are too long for titles.
std::string letter(std::size_t column)
{
    constexpr std::size_t kLetters = 26;
    const std::string last(1, static_cast<char>('a' + column % kLetters));
    return column < kLetters ? last : letter(column / kLetters - 1) + last;
}

std::string shown(std::string_view path)
{
    return path == "?" ? "not known" : harmless(path);
}

// A row's own column is marked by its letter: who is a victim may be an aggressor too.
std::string row_name(const Matrix& matrix, const std::string& path)
{
    const auto column = std::ranges::find(matrix.columns, path);
    const std::string name = shown(path);
    if (column == matrix.columns.end())
        return name;
    return fmt::format("{} ({})", name, letter(static_cast<std::size_t>(column - matrix.columns.begin())));
}

void draw(const Matrix& matrix, std::string_view corner, Canvas& canvas)
{
    const auto any = [&](auto&& of) {
        return of(matrix.others) > 0 || std::ranges::any_of(matrix.rows, [&](const auto& r) { return of(r) > 0; });
    };
    const bool others = any([](const Matrix::Row& row) { return row.others_ns; });
    const bool unknown = any([](const Matrix::Row& row) { return row.unknown_ns; });
    std::vector<Table::Column> columns{{std::string(corner), Side::Left, true}, {"sum"}};
    for (std::size_t i = 0; i < matrix.columns.size(); ++i)
        columns.push_back({letter(i)});
    if (others)
        columns.push_back({"others"});
    if (unknown)
        columns.push_back({"unknown"});
    Table table(std::move(columns));
    const auto add = [&](const std::string& name, const Matrix::Row& row) {
        std::vector<Cell> cells{name, seconds_cell(row.sum_ns, Style::Bold)};
        const std::uint64_t worst = row.cells.empty() ? 0 : std::ranges::max(row.cells);
        for (const std::uint64_t ns : row.cells)
            cells.push_back(seconds_cell(ns, ns == worst ? Style::Red : Style::Plain));
        if (others)
            cells.push_back(seconds_cell(row.others_ns));
        if (unknown)
            cells.push_back(seconds_cell(row.unknown_ns));
        table.row(std::move(cells));
    };
    for (const Matrix::Row& row : matrix.rows)
        add(row_name(matrix, row.path), row);
    if (matrix.more_rows > 0)
        add(fmt::format("{} other{}", matrix.more_rows, matrix.more_rows == 1 ? "" : "s"), matrix.others);
    table.draw(canvas);
    for (std::size_t i = 0; i < matrix.columns.size(); ++i)
        canvas.line(" " + letter(i) + "  " + squeeze(shown(matrix.columns[i]), canvas.width() - 4), Style::Dim);
}

std::string tasks_of(const ledger::Blame& blame)
{
    constexpr std::size_t kTasks = 3;
    std::string text;
    for (std::size_t i = 0; i < std::min(blame.tasks.size(), kTasks); ++i)
        text += fmt::format("{}{} (tid {}) {}", i == 0 ? ": " : ", ", harmless(blame.tasks[i].comm), blame.tasks[i].tid,
                            format_ns(blame.tasks[i].ns));
    return text;
}

}  // namespace

void text_interference(const Explanation& e, Canvas& canvas)
{
    if (e.displaced.empty())
        return;
    canvas.heading("INTERFERENCE", "seconds that tasks of the row waited while those of the column ran");
    draw(e.displaced, "waited", canvas);
    const ShortNames names(e.paths);
    canvas.blank();
    for (const Encounter& encounter : e.encounters) {
        const std::string cpus = cpu_ranges(encounter.blame.by_cpu);
        canvas.paragraph(fmt::format("{} waited {} for {}{}{}", harmless(names.of(encounter.victim)),
                                     format_ns(encounter.blame.ns), harmless(names.of(encounter.blame.path)),
                                     cpus.empty() ? "" : " on " + cpus, tasks_of(encounter.blame)),
                         1, "- ");
    }
}

void text_io(const Explanation& e, Canvas& canvas)
{
    if (e.io.empty())
        return;
    canvas.heading("I/O QUEUES", "seconds that requests of the row were queued while those of the column were served");
    draw(e.io, "queued", canvas);
}

}  // namespace flyball::report
