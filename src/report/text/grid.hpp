// SPDX-License-Identifier: Apache-2.0
// A table whose cells are sentences as well: what is too wide goes on below, within its column.
#pragma once

#include "canvas.hpp"

#include <string>
#include <vector>

namespace flyball::report {

class Grid {
public:
    struct Column {
        std::string title;
        Side side = Side::Left;
    };

    explicit Grid(std::vector<Column> columns) : columns_(std::move(columns)) {}

    // A newline in a cell begins a line of it.
    void row(std::vector<Cell> cells);
    // Under the row before it, over the whole width; several, each from a line of its own.
    void remark(std::string text);
    [[nodiscard]] bool empty() const { return rows_.empty(); }
    void draw(Canvas& canvas) const;

private:
    struct Row {
        std::vector<Cell> cells;
        std::vector<std::string> remarks;
    };
    [[nodiscard]] std::vector<std::size_t> widths(std::size_t room) const;
    void draw_row(const std::vector<Cell>& cells, const std::vector<std::size_t>& widths, Canvas& canvas) const;

    std::vector<Column> columns_;
    std::vector<Row> rows_;
};

}  // namespace flyball::report
