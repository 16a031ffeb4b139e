// SPDX-License-Identifier: Apache-2.0
#include "cells.hpp"
#include "compare.hpp"
#include "compare_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace flyball::report {
namespace {

using compare::Bin;
using compare::DistributionRow;

constexpr std::size_t kLeastSideBar = 8;
// More empty bins than this in a row are one line of dots.
constexpr std::size_t kGapBins = 3;

std::string interval_text(const DistributionRow& row, const std::optional<compare::Interval>& interval)
{
    if (!interval)
        return "-";
    return compared_value(row.unit, interval->low) + ".." + compared_value(row.unit, interval->high);
}

void draw_quantiles(const DistributionRow& row, Canvas& canvas)
{
    Table table({{"", Side::Left}, {"A"}, {"interval"}, {"B"}, {"interval"}, {"B - A"}, {"interval"}});
    for (const compare::QuantileRow& q : row.quantiles)
        table.row({quantile_name(q.q), compared_value(row.unit, q.a), interval_text(row, q.of_a),
                   compared_value(row.unit, q.b), interval_text(row, q.of_b), compared_value(row.unit, q.b - q.a),
                   interval_text(row, q.difference)});
    table.draw(canvas);
}

bool is_empty(const Bin& bin)
{
    return bin.a == 0 && bin.b == 0;
}

std::string bin_label(const DistributionRow& row, const Bin& bin)
{
    return fmt::format("{} ..", compared_value(row.unit, bin.low));
}

void draw_bin(const Bin& bin, const std::string& label, double most, std::size_t bar, Canvas& canvas)
{
    canvas.put(" " + label);
    for (const auto& [share, style, mark] :
         {std::tuple{bin.a, Style::Cyan, 'A'}, std::tuple{bin.b, Style::Yellow, 'B'}}) {
        const auto filled = std::min(bar, static_cast<std::size_t>(share / most * static_cast<double>(bar) + 0.5));
        canvas.put(fmt::format(" {:>5.1f}% ", share * 100))
            .put(std::string(filled, mark), style)
            .put(std::string(bar - filled, ' '));
    }
    canvas.end();
}

void draw_bins(const DistributionRow& row, Canvas& canvas)
{
    std::size_t width = 0;
    double most = 0;
    for (const Bin& bin : row.bins) {
        width = std::max(width, display_width(bin_label(row, bin)));
        most = std::max({most, bin.a, bin.b});
    }
    if (most <= 0)
        return;
    const std::size_t used = 1 + width + 2 * 8;
    const std::size_t bar = std::max(kLeastSideBar, canvas.width() > used ? (canvas.width() - used) / 2 : 0);
    for (auto bin = row.bins.begin(); bin != row.bins.end(); ++bin) {
        const auto next = std::find_if_not(bin, row.bins.end(), is_empty);
        if (static_cast<std::size_t>(next - bin) > kGapBins && next != row.bins.end()) {
            canvas.line(" " + pad_left("...", width), Style::Dim);
            bin = next;
        }
        draw_bin(*bin, pad_left(bin_label(row, *bin), width), most, bar, canvas);
    }
}

}  // namespace

void text_distribution(const DistributionRow& row, Canvas& canvas)
{
    canvas.blank();
    canvas.put(harmless(row.key.name), Style::Bold);
    if (!row.key.cgroup.empty())
        canvas.put(" of " + squeeze(harmless(row.key.cgroup),
                                    canvas.width() - 4 - std::min<std::size_t>(40, row.key.name.size())));
    canvas.end();
    canvas.paragraph(
        fmt::format("{} samples of A, {} of B. The shares at or below one value differ by up to {:.1f} points, at {} "
                    "(Kolmogorov-Smirnov); to turn one into the other, samples move by {} on average (Wasserstein).",
                    row.n_a, row.n_b, row.ks * 100, compared_value(row.unit, row.ks_at),
                    compared_value(row.unit, row.moved)),
        1, "", Style::Dim);
    draw_quantiles(row, canvas);
    draw_bins(row, canvas);
}

}  // namespace flyball::report
