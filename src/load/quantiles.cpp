// SPDX-License-Identifier: Apache-2.0
#include "flyball/load/quantiles.hpp"

#include "flyball/stats/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace flyball::load {
namespace {

double log_pmf(std::uint64_t n, double q, std::uint64_t k)
{
    const auto nd = static_cast<double>(n), kd = static_cast<double>(k);
    return std::lgamma(nd + 1) - std::lgamma(kd + 1) - std::lgamma(nd - kd + 1) + kd * std::log(q) +
           (nd - kd) * std::log1p(-q);
}

// What lies further from the mean than this has a probability that no sum of doubles notices.
double reach(std::uint64_t n, double q)
{
    constexpr double kDeviations = 9, kMore = 20;
    return kDeviations * std::sqrt(static_cast<double>(n) * q * (1 - q)) + kMore;
}

// The largest i, at most n, with P(B < i) <= tail, B binomial(n, q).
std::uint64_t rank_below(std::uint64_t n, double q, double tail)
{
    const double mean = static_cast<double>(n) * q;
    auto rank = static_cast<std::uint64_t>(std::max(0.0, std::floor(mean - reach(n, q))));
    for (double sum = 0; rank < n; ++rank) {
        sum += std::exp(log_pmf(n, q, rank));
        if (sum > tail)
            break;
    }
    return rank;
}

double at_rank(const profile::Histogram& histogram, std::uint64_t rank)
{
    if (rank > histogram.count())
        return std::numeric_limits<double>::infinity();
    return static_cast<double>(
        histogram.quantile((static_cast<double>(rank) - 0.5) / static_cast<double>(histogram.count())));
}

}  // namespace

std::optional<Ranks> quantile_ranks(std::uint64_t n, double q, double confidence)
{
    if (n < stats::least_samples(q, confidence))
        return std::nullopt;
    const double tail = (1 - confidence) / 2, mean = static_cast<double>(n) * q;
    // The largest i with P(B < i) <= tail, the smallest j with P(B >= j) <= tail.
    const std::uint64_t low = rank_below(n, q, tail);
    const auto last = std::min(n, static_cast<std::uint64_t>(std::ceil(mean + reach(n, q))));
    std::uint64_t high = last + 1;
    for (double sum = 0; high > 0; --high) {
        sum += std::exp(log_pmf(n, q, high - 1));
        if (sum > tail)
            break;
    }
    if (low < 1 || high > n)
        return std::nullopt;
    return Ranks{.low = low, .high = high};
}

Quantile quantile_of(const profile::Histogram& histogram, std::uint64_t endless, double q)
{
    Quantile quantile{.q = q,
                      .samples = histogram.count() + endless,
                      .needed = stats::least_samples(q, kConfidence),
                      .value = {},
                      .low = {},
                      .high = {},
                      .at_least = {}};
    if (const std::uint64_t least = rank_below(quantile.samples, q, 1 - kConfidence); least > 0)
        quantile.at_least = at_rank(histogram, least);
    const auto ranks = quantile_ranks(quantile.samples, q);
    if (!ranks)
        return quantile;
    const auto rank = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(quantile.samples) - 1e-9));
    quantile.value = at_rank(histogram, rank);
    quantile.low = at_rank(histogram, ranks->low);
    quantile.high = at_rank(histogram, ranks->high);
    return quantile;
}

}  // namespace flyball::load
