// SPDX-License-Identifier: Apache-2.0
// Lines of a known width, with or without colour. Colour never changes what is where.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace flyball::report {

enum class Style { Plain, Bold, Dim, Red, Yellow, Green, Cyan };

class Canvas {
public:
    Canvas(int width, bool color);

    [[nodiscard]] std::size_t width() const { return width_; }

    void blank();
    void line(std::string_view text, Style style = Style::Plain);
    // A line put together from pieces.
    Canvas& put(std::string_view text, Style style = Style::Plain);
    void end();

    // "TITLE  remark", after a blank line.
    void heading(std::string_view title, std::string_view remark = {});
    // Wrapped, each line indented; the first one begins with LEAD.
    void paragraph(std::string_view text, std::size_t indent = 0, std::string_view lead = {},
                   Style style = Style::Plain);

    [[nodiscard]] std::string take() { return std::move(out_); }

private:
    std::size_t width_;
    bool color_;
    std::string out_;
};

struct Cell {
    std::string text;
    Style style = Style::Plain;
    Cell(std::string t, Style s = Style::Plain) : text(std::move(t)), style(s) {}
    Cell(const char* t, Style s = Style::Plain) : text(t), style(s) {}
};

enum class Side { Left, Right };

// Columns as wide as what is in them. Where that is too much, those that may shrink are squeezed.
class Table {
public:
    struct Column {
        std::string title;
        Side side = Side::Right;
        bool shrinks = false;
    };

    explicit Table(std::vector<Column> columns, std::size_t indent = 1) : columns_(std::move(columns)), indent_(indent)
    {
    }

    void row(std::vector<Cell> cells);
    // Under the row before it, over the whole width.
    void remark(std::string text);
    [[nodiscard]] bool empty() const { return rows_.empty(); }
    void draw(Canvas& canvas) const;

private:
    struct Row {
        std::vector<Cell> cells;
        std::string remark;
    };
    [[nodiscard]] std::vector<std::size_t> widths(std::size_t room) const;

    std::vector<Column> columns_;
    std::size_t indent_;
    std::vector<Row> rows_;
};

}  // namespace flyball::report
