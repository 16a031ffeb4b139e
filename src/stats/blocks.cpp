// SPDX-License-Identifier: Apache-2.0
// Estimates from blocks of one series, and Student's distribution for their few degrees of freedom.
#include "flyball/stats/beta.hpp"
#include "flyball/stats/two_sample.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace flyball::stats {
namespace {

// Fewer batches than this say too little of each other.
constexpr std::size_t kLeastBatches = 8;
// From so many values on there is something to join when neighbours are alike; below it they are only counted out.
constexpr std::size_t kLeastJoined = 20;
// Below so many nothing can be seen of it.
constexpr std::size_t kLeastSeen = 10;
// A thousandth away from 1 the variance of a series of first order is still a number; more is not to be told from a
// trend.
constexpr double kMostAlike = 0.95;

std::vector<double> batch_medians(std::span<const double> series, std::size_t size)
{
    std::vector<double> medians;
    // What is left over at the end is no whole batch, and left out.
    for (std::size_t i = 0; i + size <= series.size(); i += size)
        medians.push_back(median(
            {series.begin() + static_cast<std::ptrdiff_t>(i), series.begin() + static_cast<std::ptrdiff_t>(i + size)}));
    return medians;
}

}  // namespace

// A&S 26.7.1 by 26.5.27.
double student_p(double t, double df)
{
    return std::isfinite(t) ? incomplete_beta(df / 2, 0.5, df / (df + t * t)) : 0;
}

double student_quantile(double confidence, double df)
{
    double low = 0, high = 1;
    while (student_p(high, df) > 1 - confidence && high < 1e300)
        high *= 2;
    for (int i = 0; i < 200; ++i) {
        const double middle = std::midpoint(low, high);
        (student_p(middle, df) > 1 - confidence ? low : high) = middle;
    }
    return high;
}

double autocorrelation(std::span<const double> series)
{
    if (series.size() < 3)
        return 0;
    const auto n = static_cast<double>(series.size());
    const double mean = std::accumulate(series.begin(), series.end(), 0.0) / n;
    double squares = 0, products = 0;
    for (std::size_t i = 0; i < series.size(); ++i) {
        squares += (series[i] - mean) * (series[i] - mean);
        if (i > 0)
            products += (series[i] - mean) * (series[i - 1] - mean);
    }
    return squares > 0 ? products / squares : 0;
}

Blocks jackknife(double whole, std::span<const double> left_out)
{
    const auto k = static_cast<double>(left_out.size());
    const double mean = std::accumulate(left_out.begin(), left_out.end(), 0.0) / k;
    double squares = 0;
    for (const double value : left_out)
        squares += (value - mean) * (value - mean);
    // The pseudo-value k whole - (k - 1) left_out is a line through left_out: it has the same autocorrelation.
    const double r = std::clamp(autocorrelation(left_out), 0.0, kMostAlike);
    const double variance = (k - 1) / k * squares * (1 + r) / (1 - r);
    return {whole, std::sqrt(variance), r, left_out.size()};
}

std::optional<Difference> difference(const Blocks& a, const Blocks& b, double confidence)
{
    const double va = a.standard_error * a.standard_error, vb = b.standard_error * b.standard_error;
    if (!(va + vb > 0) || a.count < 2 || b.count < 2)
        return std::nullopt;
    // Welch and Satterthwaite.
    const double df = (va + vb) * (va + vb) /
                      (va * va / static_cast<double>(a.count - 1) + vb * vb / static_cast<double>(b.count - 1));
    const double error = std::sqrt(va + vb);
    Difference result;
    result.estimate = b.estimate - a.estimate;
    const double radius = student_quantile(confidence, df) * error;
    result.interval = {result.estimate - radius, result.estimate + radius};
    result.p = student_p(result.estimate / error, df);
    return result;
}

Interval difference_interval(double a, Interval of_a, double b, Interval of_b)
{
    return {b - a - std::hypot(b - of_b.low, of_a.high - a), b - a + std::hypot(of_b.high - b, a - of_a.low)};
}

double widened_p(double p, double widen)
{
    // The normal deviate of p, by bisection: two-sided, erfc(z / sqrt(2)) = p.
    double low = 0, high = 40;
    for (int i = 0; i < 100; ++i) {
        const double middle = std::midpoint(low, high);
        (std::erfc(middle / std::numbers::sqrt2) > p ? low : high) = middle;
    }
    return std::erfc(low / widen / std::numbers::sqrt2);
}

Interval widened(Interval interval, double estimate, double widen)
{
    return {estimate - widen * (estimate - interval.low), estimate + widen * (interval.high - estimate)};
}

Batches batches(std::span<const double> series)
{
    Batches result{{series.begin(), series.end()}, 1, 1};
    for (;;) {
        const std::size_t count = result.values.size();
        const auto n = static_cast<double>(count);
        const double r = autocorrelation(result.values);
        // r of independent values is about -1/n, with a deviation of 1/sqrt(n) (Kendall and Stuart, 48.3).
        constexpr double kOnceInTwenty = 1.645, kOnceInAHundred = 2.326;
        const double z = count >= kLeastJoined ? kOnceInTwenty : kOnceInAHundred;
        if (count < kLeastSeen || r <= z / std::sqrt(n) - 1 / n)
            return result;
        // So far apart in a series of first order, that a tenth is left. r comes out too small by (1 + 3 r) / n.
        const double unbiased = std::clamp(r + (1 + 3 * r) / n, 0.1, 0.99);
        const double apart = std::max(2.0, std::ceil(std::log(0.1) / std::log(unbiased)));
        const std::size_t size = result.size * static_cast<std::size_t>(apart);
        if (series.size() / size < kLeastBatches) {
            result.widen = std::sqrt((1 + unbiased) / (1 - unbiased));
            return result;
        }
        result.size = size;
        result.values = batch_medians(series, result.size);
    }
}

}  // namespace flyball::stats
