// SPDX-License-Identifier: Apache-2.0
#include "canvas.hpp"

#include "cells.hpp"

#include <algorithm>

namespace flyball::report {
namespace {

constexpr std::size_t kGap = 1;  // between columns
constexpr std::size_t kLeastShrunk = 6;

std::string_view escape(Style style)
{
    switch (style) {
    case Style::Plain:
        return "";
    case Style::Bold:
        return "\x1b[1m";
    case Style::Dim:
        return "\x1b[2m";
    case Style::Red:
        return "\x1b[1;31m";
    case Style::Yellow:
        return "\x1b[33m";
    case Style::Green:
        return "\x1b[32m";
    case Style::Cyan:
        return "\x1b[36m";
    }
    return "";
}

}  // namespace

Canvas::Canvas(int width, bool color) : width_(static_cast<std::size_t>(std::clamp(width, 60, 1000))), color_(color) {}

void Canvas::blank()
{
    out_ += '\n';
}

Canvas& Canvas::put(std::string_view text, Style style)
{
    if (color_ && style != Style::Plain && !text.empty()) {
        out_ += escape(style);
        out_ += text;
        out_ += "\x1b[0m";
    } else {
        out_ += text;
    }
    return *this;
}

void Canvas::end()
{
    // Blanks at the end of a line are noise in diffs and golden files.
    while (!out_.empty() && out_.back() == ' ')
        out_.pop_back();
    out_ += '\n';
}

void Canvas::line(std::string_view text, Style style)
{
    put(text, style).end();
}

void Canvas::heading(std::string_view title, std::string_view remark)
{
    blank();
    const std::size_t room = width_ - std::min(width_, display_width(title) + 2);
    put(title, Style::Bold);
    if (remark.empty())
        return end();
    const std::vector<std::string> lines = wrap(remark, room);
    put("  ").put(lines.front(), Style::Dim).end();
    for (std::size_t i = 1; i < lines.size(); ++i) {
        put(std::string(display_width(title) + 2, ' ')).put(lines[i], Style::Dim).end();
    }
}

void Canvas::paragraph(std::string_view text, std::size_t indent, std::string_view lead, Style style)
{
    const std::size_t hang = indent + display_width(lead);
    const std::vector<std::string> lines = wrap(text, width_ - std::min(width_ - 1, hang));
    for (std::size_t i = 0; i < lines.size(); ++i) {
        put(std::string(i == 0 ? indent : hang, ' '));
        if (i == 0)
            put(lead, style);
        put(lines[i], style).end();
    }
}

void Table::row(std::vector<Cell> cells)
{
    cells.resize(columns_.size(), Cell(""));
    rows_.push_back({std::move(cells), {}});
}

void Table::remark(std::string text)
{
    if (!rows_.empty())
        rows_.back().remark = std::move(text);
}

std::vector<std::size_t> Table::widths(std::size_t room) const
{
    std::vector<std::size_t> widths;
    std::size_t total = indent_ + kGap * (columns_.size() - 1);
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t width = display_width(columns_[i].title);
        for (const Row& row : rows_)
            width = std::max(width, display_width(row.cells[i].text));
        widths.push_back(width);
        total += width;
    }
    // One column at a time off the widest that may shrink.
    while (total > room) {
        std::size_t* widest = nullptr;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            if (!columns_[i].shrinks || widths[i] <= kLeastShrunk)
                continue;
            if (widest == nullptr || widths[i] > *widest)
                widest = &widths[i];
        }
        if (widest == nullptr)
            break;
        --*widest;
        --total;
    }
    return widths;
}

void Table::draw(Canvas& canvas) const
{
    const std::vector<std::size_t> width = widths(canvas.width());
    const auto draw_row = [&](auto text_of, auto style_of) {
        canvas.put(std::string(indent_, ' '));
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const std::string text = squeeze(text_of(i), width[i]);
            const bool left = columns_[i].side == Side::Left;
            if (i > 0)
                canvas.put(std::string(kGap, ' '));
            const std::string fill(width[i] - std::min(width[i], display_width(text)), ' ');
            if (!left)
                canvas.put(fill);
            canvas.put(text, style_of(i));
            if (left && i + 1 < columns_.size())
                canvas.put(fill);
        }
        canvas.end();
    };
    const bool titled = std::ranges::any_of(columns_, [](const Column& c) { return !c.title.empty(); });
    if (titled)
        draw_row([&](std::size_t i) { return columns_[i].title; }, [](std::size_t) { return Style::Dim; });
    for (const Row& row : rows_) {
        draw_row([&](std::size_t i) { return row.cells[i].text; }, [&](std::size_t i) { return row.cells[i].style; });
        if (!row.remark.empty())
            canvas.paragraph(row.remark, indent_ + 2, "", Style::Dim);
    }
}

}  // namespace flyball::report
