// SPDX-License-Identifier: Apache-2.0
#include "grid.hpp"

#include "cells.hpp"
#include "flyball/base/strings.hpp"

#include <algorithm>
#include <numeric>

namespace flyball::report {
namespace {

constexpr std::size_t kGridIndent = 1, kGridGap = 2;
constexpr std::size_t kLeastWidth = 8;

std::size_t natural_width(std::string_view text)
{
    std::size_t widest = 0;
    for (const std::string_view line : split(text, '\n'))
        widest = std::max(widest, display_width(line));
    return widest;
}

std::vector<std::string> lines_of(std::string_view text, std::size_t width)
{
    std::vector<std::string> lines;
    for (const std::string_view part : split(text, '\n')) {
        for (std::string& line : wrap(part, width))
            lines.push_back(std::move(line));
    }
    return lines;
}

}  // namespace

void Grid::row(std::vector<Cell> cells)
{
    cells.resize(columns_.size(), Cell(""));
    rows_.push_back({std::move(cells), {}});
}

void Grid::remark(std::string text)
{
    if (!rows_.empty() && !text.empty())
        rows_.back().remarks.push_back(std::move(text));
}

std::vector<std::size_t> Grid::widths(std::size_t room) const
{
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t width = display_width(columns_[i].title);
        for (const Row& row : rows_)
            width = std::max(width, natural_width(row.cells[i].text));
        widths.push_back(width);
    }
    std::size_t total = std::accumulate(widths.begin(), widths.end(), kGridIndent + kGridGap * (widths.size() - 1));
    // One column at a time off the widest.
    for (; total > room; --total) {
        const auto widest = std::ranges::max_element(widths);
        if (*widest <= kLeastWidth)
            break;
        --*widest;
    }
    return widths;
}

void Grid::draw_row(const std::vector<Cell>& cells, const std::vector<std::size_t>& widths, Canvas& canvas) const
{
    std::vector<std::vector<std::string>> lines;
    std::size_t height = 0;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        lines.push_back(lines_of(cells[i].text, widths[i]));
        height = std::max(height, lines.back().size());
    }
    for (std::size_t y = 0; y < height; ++y) {
        canvas.put(std::string(kGridIndent, ' '));
        for (std::size_t i = 0; i < cells.size(); ++i) {
            const std::string text = y < lines[i].size() ? lines[i][y] : "";
            const std::string fill(widths[i] - std::min(widths[i], display_width(text)), ' ');
            const bool left = columns_[i].side == Side::Left;
            canvas.put(i > 0 ? std::string(kGridGap, ' ') : "").put(left ? "" : fill);
            canvas.put(text, cells[i].style).put(left ? fill : "");
        }
        canvas.end();
    }
}

void Grid::draw(Canvas& canvas) const
{
    const std::vector<std::size_t> widths = this->widths(canvas.width());
    if (std::ranges::any_of(columns_, [](const Column& column) { return !column.title.empty(); })) {
        std::vector<Cell> titles;
        for (const Column& column : columns_)
            titles.emplace_back(column.title, Style::Dim);
        draw_row(titles, widths, canvas);
    }
    for (const Row& row : rows_) {
        draw_row(row.cells, widths, canvas);
        for (const std::string& remark : row.remarks)
            canvas.paragraph(remark, kGridIndent + 2);
    }
}

}  // namespace flyball::report
