// SPDX-License-Identifier: Apache-2.0
#include "flyball/stats/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace flyball::stats {
namespace {

// P(X = k), k = 0 ... n, of a binomial: by logarithms, since n may be large.
std::vector<double> binomial(std::size_t n, double q)
{
    std::vector<double> p(n + 1);
    const double lq = std::log(q), lr = std::log1p(-q), all = std::lgamma(static_cast<double>(n) + 1);
    for (std::size_t k = 0; k <= n; ++k) {
        const auto kd = static_cast<double>(k), rest = static_cast<double>(n - k);
        p[k] = std::exp(all - std::lgamma(kd + 1) - std::lgamma(rest + 1) + kd * lq + rest * lr);
    }
    return p;
}

}  // namespace

// [X(i), X(j)] covers with P(i <= B < j), B binomial(n, q). Equal tails, each no more than half of what is left.
std::optional<Interval> quantile_interval(std::span<const double> samples, double q, double confidence)
{
    const std::size_t n = samples.size();
    if (n < least_samples(q, confidence))
        return std::nullopt;
    const std::vector<double> p = binomial(n, q);
    const double tail = (1 - confidence) / 2;
    // The largest i >= 1 with P(B < i) <= tail, the smallest j <= n with P(B >= j) <= tail.
    std::size_t low = 0;
    for (double sum = 0; low < n; ++low) {
        sum += p[low];
        if (sum > tail)
            break;
    }
    std::size_t high = n + 1;
    for (double sum = 0; high > 0; --high) {
        sum += p[high - 1];
        if (sum > tail)
            break;
    }
    if (low < 1 || high > n)
        return std::nullopt;
    return Interval{samples[low - 1], samples[high - 1]};
}

double median_of_sorted(std::span<const double> ascending)
{
    const std::size_t half = ascending.size() / 2;
    return ascending.size() % 2 == 1 ? ascending[half] : std::midpoint(ascending[half - 1], ascending[half]);
}

double median(std::vector<double> values)
{
    std::ranges::sort(values);
    return median_of_sorted(values);
}

std::size_t least_samples(double q, double confidence)
{
    // All below or all above it must be unlikely: q^n and (1 - q)^n within the tail.
    const double tail = (1 - confidence) / 2;
    const double n = std::max(std::log(tail) / std::log(q), std::log(tail) / std::log1p(-q));
    return static_cast<std::size_t>(std::ceil(n - 1e-9));
}

double upper_bound_of_none(std::size_t trials, double confidence)
{
    return trials == 0 ? 1 : 1 - std::pow(1 - confidence, 1 / static_cast<double>(trials));
}

// The mixture's variance that makes the interval narrowest at n: Howard et al., section 3.5, by their approximation
// rho = (-2 ln(alpha) + ln(-2 ln(alpha)) + 1) / n, here as the number of samples it is worth.
ConfidenceSequence::ConfidenceSequence(double alpha, double tuned_for)
    : alpha_(alpha), rho_(tuned_for / (-2 * std::log(alpha) + std::log(-2 * std::log(alpha)) + 1))
{
}

void ConfidenceSequence::add(double sample)
{
    ++n_;
    const double from = sample - mean_;
    mean_ += from / static_cast<double>(n_);
    squares_ += from * (sample - mean_);
}

std::optional<Interval> ConfidenceSequence::interval() const
{
    if (n_ < kLeastForSpread)
        return std::nullopt;
    const auto n = static_cast<double>(n_);
    const double deviation = std::sqrt(squares_ / (n - 1));
    // So many standard errors for a deviation that is known. It is estimated: Student's quantile instead of the normal
    // one, by the first term of the Cornish-Fisher expansion, z + (z^3 + z) / (4 (n - 1)).
    const double z = std::sqrt((n + rho_) / n * std::log((n + rho_) / (rho_ * alpha_ * alpha_)));
    const double radius = deviation / std::sqrt(n) * (z + (z * z * z + z) / (4 * (n - 1)));
    return Interval{mean_ - radius, mean_ + radius};
}

NonInferiority::NonInferiority(double floor, double alpha, std::size_t most_pairs)
    : floor_(floor), most_pairs_(most_pairs), sequence_(alpha, static_cast<double>(most_pairs) / 2)
{
}

void NonInferiority::add_pair(double a, double b)
{
    if (a > 0 && b > 0)
        sequence_.add(std::log(b / a));
}

NonInferiority::Answer NonInferiority::answer() const
{
    const auto interval = sequence_.interval();
    if (!interval)
        return Answer::Undecided;
    if (interval->low > std::log(floor_))
        return Answer::Accepted;
    return interval->high < std::log(floor_) ? Answer::Rejected : Answer::Undecided;
}

std::optional<Interval> NonInferiority::ratio() const
{
    const auto interval = sequence_.interval();
    if (!interval)
        return std::nullopt;
    return Interval{std::exp(interval->low), std::exp(interval->high)};
}

}  // namespace flyball::stats
