// SPDX-License-Identifier: Apache-2.0
#include "flyball/stats/trend.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace flyball::stats {
namespace {

// The standard normal quantile, by Newton's method on erfc; it is asked for between 0.5 and 0.9999.
double normal_quantile(double p)
{
    constexpr double kTwoPi = 6.283185307179586;
    double z = 0;
    double step = 1;
    for (int i = 0; i < 60 && std::abs(step) > 1e-15; ++i) {
        step = (0.5 * std::erfc(-z / std::sqrt(2.0)) - p) * std::sqrt(kTwoPi) * std::exp(z * z / 2);
        z -= step;
    }
    return z;
}

// Var(S) of Kendall's statistic, with equal values of y taken account of (Kendall, Rank Correlation Methods, 4.9).
double kendall_variance(std::span<const double> y)
{
    const auto part = [](double n) { return n * (n - 1) * (2 * n + 5); };
    std::vector<double> sorted(y.begin(), y.end());
    std::ranges::sort(sorted);
    double sum = part(static_cast<double>(sorted.size()));
    for (auto from = sorted.begin(); from != sorted.end();) {
        const auto to = std::upper_bound(from, sorted.end(), *from);
        sum -= part(static_cast<double>(to - from));
        from = to;
    }
    return sum / 18;
}

}  // namespace

std::optional<Trend> theil_sen(std::span<const double> x, std::span<const double> y, double confidence)
{
    if (x.size() != y.size())
        return std::nullopt;
    std::vector<double> slopes;
    slopes.reserve(x.size() * x.size() / 2);
    for (std::size_t i = 0; i < x.size(); ++i) {
        for (std::size_t j = i + 1; j < x.size(); ++j) {
            if (x[i] != x[j])
                slopes.push_back((y[j] - y[i]) / (x[j] - x[i]));
        }
    }
    const auto n = static_cast<double>(slopes.size());
    const double reach = normal_quantile(0.5 + confidence / 2) * std::sqrt(kendall_variance(y));
    // Ranks (n - c) / 2 and (n + c) / 2 + 1, counted from one and rounded outwards.
    const double low = std::floor((n - reach) / 2), high = std::ceil((n + reach) / 2);
    if (low < 1 || high >= n)
        return std::nullopt;
    // Three ranks of n are wanted, each right of the one before: to sort all would take four times as long.
    auto rank = [&slopes, from = slopes.begin()](std::size_t index) mutable {
        const auto at = slopes.begin() + static_cast<std::ptrdiff_t>(index);
        std::ranges::nth_element(from, at, slopes.end());
        from = at;
        return *at;
    };
    const std::size_t middle = slopes.size() / 2;
    const double lowest = rank(static_cast<std::size_t>(low) - 1);
    const double below = rank((slopes.size() - 1) / 2), above = rank(middle);
    const double highest = rank(static_cast<std::size_t>(high));
    return Trend{std::midpoint(below, above), {lowest, highest}};
}

}  // namespace flyball::stats
