// SPDX-License-Identifier: Apache-2.0
// What ranks tell about two groups.
#include "flyball/stats/two_sample.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

namespace flyball::stats {
namespace {

std::vector<double> sorted(std::span<const double> values)
{
    std::vector<double> copy(values.begin(), values.end());
    std::ranges::sort(copy);
    return copy;
}

double normal_tail(double z)
{
    return std::erfc(z / std::sqrt(2.0)) / 2;
}

struct Ranks {
    std::vector<std::uint32_t>
        twice;  // twice the rank of each pooled value, ascending: with ties a rank may end in a half
    std::uint64_t twice_sum_a = 0;
    double ties = 0;  // sum of t^3 - t over groups of t equal values
};

Ranks rank(std::span<const double> a, std::span<const double> b)
{
    std::vector<std::pair<double, bool>> pool;  // value, of A
    for (const double value : a)
        pool.emplace_back(value, true);
    for (const double value : b)
        pool.emplace_back(value, false);
    std::ranges::sort(pool, {}, &std::pair<double, bool>::first);
    Ranks ranks;
    for (std::size_t i = 0; i < pool.size();) {
        std::size_t end = i;
        while (end < pool.size() && pool[end].first == pool[i].first)
            ++end;
        for (std::size_t k = i; k < end; ++k) {
            ranks.twice.push_back(static_cast<std::uint32_t>(i + 1 + end));
            ranks.twice_sum_a += pool[k].second ? i + 1 + end : 0;
        }
        const auto t = static_cast<double>(end - i);
        ranks.ties += t * t * t - t;
        i = end;
    }
    return ranks;
}

// ways[s]: of the ways to choose m of these ascending numbers, the share that sums to s. Divided as it goes, so that no
// count grows beyond what a double holds: choosing k of the first i is weighed by 1 / C(N, k).
std::vector<double> sum_shares(const std::vector<std::uint32_t>& numbers, std::size_t m)
{
    std::vector<std::size_t> first(numbers.size() + 1);  // first[i]: the sum of the i smallest
    std::partial_sum(numbers.begin(), numbers.end(), first.begin() + 1, std::plus<std::size_t>());
    const std::size_t top = first[numbers.size()] - first[numbers.size() - m];
    std::vector<std::vector<double>> ways(m + 1, std::vector<double>(top + 1, 0));
    ways[0][0] = 1;
    const auto all = static_cast<double>(numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        for (std::size_t k = std::min(m, i + 1); k-- > 0;) {
            // C(N, k) / C(N, k + 1)
            const double weight = (static_cast<double>(k) + 1) / (all - static_cast<double>(k));
            // k of the first i: no less than the smallest of them, no more than the largest.
            for (std::size_t sum = first[k]; sum <= first[i] - first[i - k]; ++sum)
                ways[k + 1][sum + numbers[i]] += ways[k][sum] * weight;
        }
    }
    return std::move(ways[m]);
}

// Of m of the ranks 1 ... m + n. The same few sizes come again and again, in trial after trial and cell after cell.
const std::vector<double>& rank_sum_shares(std::size_t m, std::size_t n)
{
    thread_local std::map<std::pair<std::size_t, std::size_t>, std::vector<double>> known;
    std::vector<double>& shares = known[{m, n}];
    if (shares.empty()) {
        std::vector<std::uint32_t> ranks(m + n);
        std::iota(ranks.begin(), ranks.end(), 1U);
        shares = sum_shares(ranks, m);
    }
    return shares;
}

double exact_p(const Ranks& ranks, std::size_t m, std::size_t n)
{
    const bool tied = ranks.ties > 0;
    const std::vector<double> shares = tied ? sum_shares(ranks.twice, m) : rank_sum_shares(m, n);
    const double unit = tied ? 1 : 2;                        // of shares, in `twice`
    const auto mean = static_cast<double>(m * (m + n + 1));  // of twice the sum
    const double seen = std::abs(static_cast<double>(ranks.twice_sum_a) - mean);
    double p = 0;
    for (std::size_t sum = 0; sum < shares.size(); ++sum) {
        if (std::abs(unit * static_cast<double>(sum) - mean) >= seen - 0.5)
            p += shares[sum];
    }
    return std::min(1.0, p);
}

// P(U <= c), c = 0 ... m n, of values that are all different.
std::vector<double> u_distribution(std::size_t m, std::size_t n)
{
    const std::vector<double>& shares = rank_sum_shares(m, n);
    const std::size_t least = m * (m + 1) / 2;
    std::vector<double> below(m * n + 1);
    double sum = 0;
    for (std::size_t u = 0; u <= m * n; ++u)
        below[u] = sum += shares[least + u];
    return below;
}

// The interval runs from the c-th smallest difference to the c-th largest; 0: there is none. P(U <= c - 1) <= tail.
std::uint64_t interval_rank(std::size_t m, std::size_t n, double tail)
{
    if (m + n <= kExactRanks) {
        const std::vector<double> below = u_distribution(m, n);
        // A product of shares is off by some 1e-13: a tail that is hit exactly counts as hit.
        const auto first = std::ranges::find_if(below, [&](double p) { return p > tail * (1 + 1e-9); });
        return static_cast<std::uint64_t>(first - below.begin());
    }
    const auto md = static_cast<double>(m), nd = static_cast<double>(n);
    double low = 0, high = 40;  // z of the tail, by bisection
    for (int i = 0; i < 100; ++i)
        (normal_tail((low + high) / 2) > tail ? low : high) = (low + high) / 2;
    const double c = md * nd / 2 - high * std::sqrt(md * nd * (md + nd + 1) / 12);
    return c < 1 ? 0 : static_cast<std::uint64_t>(c);
}

// Doubles in the order of their values, as integers.
std::int64_t ordered(double value)
{
    const auto bits = std::bit_cast<std::int64_t>(value + 0.0);
    return bits >= 0 ? bits : std::numeric_limits<std::int64_t>::min() - bits;
}
double from_ordered(std::int64_t order)
{
    return std::bit_cast<double>(order >= 0 ? order : std::numeric_limits<std::int64_t>::min() - order);
}

// The k-th smallest (from 1) of all m n differences, without writing them down: how many are at most x takes m + n
// steps, and x is halved in over the doubles there are.
double kth_difference(const std::vector<double>& a, const std::vector<double>& b, std::uint64_t k)
{
    const auto at_most = [&](double x) {
        std::uint64_t count = 0;
        std::size_t j = 0;  // b[0 ... j) - a[i] <= x; grows with a[i]
        for (const double value : a) {
            while (j < b.size() && b[j] - value <= x)
                ++j;
            count += j;
        }
        return count;
    };
    std::int64_t low = ordered(b.front() - a.back()), high = ordered(b.back() - a.front());
    while (low < high) {
        const std::int64_t middle = std::midpoint(low, high);  // rounds towards low
        if (at_most(from_ordered(middle)) >= k)
            high = middle;
        else
            low = middle + 1;
    }
    return from_ordered(low);
}

}  // namespace

double mann_whitney_p(std::span<const double> a, std::span<const double> b)
{
    const std::size_t m = a.size(), n = b.size();
    if (m == 0 || n == 0)
        return 1;
    const Ranks ranks = rank(a, b);
    if (m + n <= kExactRanks)
        return exact_p(ranks, m, n);
    const auto md = static_cast<double>(m), nd = static_cast<double>(n), all = md + nd;
    const double variance = md * nd / 12 * (all + 1 - ranks.ties / (all * (all - 1)));
    if (variance <= 0)
        return 1;
    const double from_mean = std::abs(static_cast<double>(ranks.twice_sum_a) - md * (all + 1)) / 2;
    return std::min(1.0, 2 * normal_tail(std::max(0.0, from_mean - 0.5) / std::sqrt(variance)));
}

double least_mann_whitney_p(std::size_t m, std::size_t n)
{
    const auto md = static_cast<double>(m), nd = static_cast<double>(n);
    return std::min(1.0, 2 * std::exp(std::lgamma(md + 1) + std::lgamma(nd + 1) - std::lgamma(md + nd + 1)));
}

std::size_t least_runs(double alpha)
{
    std::size_t n = 1;
    while (n < 1000 && least_mann_whitney_p(n, n) > alpha * (1 + 1e-9))
        ++n;
    return n;
}

Shift hodges_lehmann(std::span<const double> a, std::span<const double> b, double confidence)
{
    const std::vector<double> x = sorted(a), y = sorted(b);
    const std::uint64_t pairs = static_cast<std::uint64_t>(x.size()) * y.size();
    Shift shift;
    const double upper = kth_difference(x, y, pairs / 2 + 1);
    shift.estimate = pairs % 2 == 1 ? upper : std::midpoint(kth_difference(x, y, pairs / 2), upper);
    const std::uint64_t rank = interval_rank(x.size(), y.size(), (1 - confidence) / 2);
    if (rank > 0)
        shift.interval = Interval{kth_difference(x, y, rank), kth_difference(x, y, pairs + 1 - rank)};
    return shift;
}

std::optional<Shift> hodges_lehmann_ratio(std::span<const double> a, std::span<const double> b, double confidence)
{
    const auto positive = [](double value) { return value > 0; };
    if (!std::ranges::all_of(a, positive) || !std::ranges::all_of(b, positive))
        return std::nullopt;
    std::vector<double> x(a.size()), y(b.size());
    const auto logarithm = [](double value) { return std::log(value); };
    std::ranges::transform(a, x.begin(), logarithm);
    std::ranges::transform(b, y.begin(), logarithm);
    Shift shift = hodges_lehmann(x, y, confidence);
    shift.estimate = std::exp(shift.estimate);
    if (shift.interval)
        shift.interval = Interval{std::exp(shift.interval->low), std::exp(shift.interval->high)};
    return shift;
}

std::vector<double> holm(std::span<const double> p)
{
    std::vector<std::size_t> order(p.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return p[i]; });
    std::vector<double> adjusted(p.size());
    double most = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
        most = std::max(most, std::min(1.0, p[order[i]] * static_cast<double>(p.size() - i)));
        adjusted[order[i]] = most;
    }
    return adjusted;
}

}  // namespace flyball::stats
