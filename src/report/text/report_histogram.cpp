// SPDX-License-Identifier: Apache-2.0
#include "cells.hpp"
#include "report_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace flyball::report {
namespace {

constexpr std::size_t kHistogramIndent = 1;
constexpr std::size_t kLeastBar = 10;
// More empty rows than this in a row are one line of dots.
constexpr std::size_t kGapRows = 3;

std::string spelled_bound(Unit unit, std::uint64_t value)
{
    const bool power = std::has_single_bit(value);
    // [4 KiB, 8 KiB), not [4.00 KiB, 8.00 KiB): powers of two are exact in bytes.
    if (unit != Unit::Bytes || !power)
        return spelled(unit, value);
    std::string text = spelled(unit, value);
    const std::size_t dot = text.find('.');
    if (dot != std::string::npos)
        text.erase(dot, text.find(' ') - dot);
    return text;
}

std::string label(Unit unit, const Log2Row& row)
{
    if (row.low == row.high)
        return fmt::format("[{}]", spelled(unit, row.low));
    const bool last = row.high == ~std::uint64_t{0};
    return fmt::format("[{}, {})", spelled_bound(unit, row.low), last ? "..." : spelled_bound(unit, row.high + 1));
}

}  // namespace

std::vector<Log2Row> log2_rows(const std::vector<profile::Histogram::Bucket>& buckets)
{
    std::vector<Log2Row> rows;
    const auto row_of = [](std::uint64_t value) -> std::size_t {
        return static_cast<std::size_t>(std::bit_width(value));
    };
    if (buckets.empty())
        return rows;
    const std::size_t first = row_of(buckets.front().low), last = row_of(buckets.back().low);
    for (std::size_t width = first; width <= last; ++width) {
        const std::uint64_t low = width == 0 ? 0 : std::uint64_t{1} << (width - 1);
        rows.push_back({low, width == 0 ? 0 : low + (low - 1), 0});
    }
    for (const auto& bucket : buckets)
        rows[row_of(bucket.low) - first].count += bucket.count;
    return rows;
}

void text_histogram(const MetricStats& stats, Canvas& canvas)
{
    const std::vector<Log2Row> rows = log2_rows(stats.buckets);
    if (rows.empty())
        return;
    const Unit unit = stats.metric->unit;
    std::size_t label_width = 0, count_width = 6;
    std::uint64_t most = 0;
    for (const Log2Row& row : rows) {
        label_width = std::max(label_width, display_width(label(unit, row)));
        count_width = std::max(count_width, std::to_string(row.count).size());
        most = std::max(most, row.count);
    }
    const std::size_t used = kHistogramIndent + label_width + 1 + count_width + 1 + 2;
    const std::size_t bar = canvas.width() > used + kLeastBar ? canvas.width() - used : kLeastBar;
    canvas.blank();
    canvas.put(std::string(kHistogramIndent, ' ')).put(stats.metric->name, Style::Bold);
    canvas.put(fmt::format("  {}", stats.metric->title), Style::Dim).end();
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto next = std::find_if(rows.begin() + static_cast<std::ptrdiff_t>(i), rows.end(),
                                       [](const Log2Row& row) { return row.count > 0; });
        const auto empty = static_cast<std::size_t>(next - rows.begin()) - i;
        if (empty > kGapRows) {
            canvas.line(std::string(kHistogramIndent, ' ') + pad_left("...", label_width), Style::Dim);
            i += empty - 1;
            continue;
        }
        const Log2Row& row = rows[i];
        const auto filled = static_cast<std::size_t>(static_cast<double>(row.count) / static_cast<double>(most) *
                                                     static_cast<double>(bar));
        canvas.put(std::string(kHistogramIndent, ' ') + pad_right(label(unit, row), label_width));
        canvas.put(fmt::format(" {:>{}} |", row.count, count_width));
        canvas.put(std::string(filled, '@'), Style::Cyan).put(std::string(bar - filled, ' ')).put("|").end();
    }
}

}  // namespace flyball::report
