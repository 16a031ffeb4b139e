// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/steady.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace flyball::tune {
namespace {

// A change has to be worth so many ln n of squared standard deviations: a mean and a place are what it adds.
constexpr double kPenalty = 4;
constexpr std::size_t kLeastSegment = 3;

double upper_median(std::vector<double> values)
{
    const auto half = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, half);
    return *half;
}

// Of the noise, from differences of neighbours, which a change of level does not inflate: 1.4826 * MAD is the standard
// deviation of a normal distribution, and a difference has the square root of two of it.
double noise_of(std::span<const double> values)
{
    std::vector<double> differences;
    for (std::size_t i = 1; i < values.size(); ++i)
        differences.push_back(std::abs(values[i] - values[i - 1]));
    return 1.4826 * upper_median(std::move(differences)) / std::sqrt(2.0);
}

class Sums {
public:
    explicit Sums(std::span<const double> values) : sum_(values.size() + 1), squares_(values.size() + 1)
    {
        for (std::size_t i = 0; i < values.size(); ++i) {
            sum_[i + 1] = sum_[i] + values[i];
            squares_[i + 1] = squares_[i] + values[i] * values[i];
        }
    }
    [[nodiscard]] double mean(std::size_t from, std::size_t to) const
    {
        return (sum_[to] - sum_[from]) / static_cast<double>(to - from);
    }
    // Squared distance from the mean.
    [[nodiscard]] double cost(std::size_t from, std::size_t to) const
    {
        const double sum = sum_[to] - sum_[from];
        return std::max(squares_[to] - squares_[from] - sum * sum / static_cast<double>(to - from), 0.0);
    }

private:
    std::vector<double> sum_, squares_;
};

// best[t]: the least cost of the first t values, `from[t]` where their last segment begins.
std::vector<std::size_t> change_points(const Sums& sums, std::size_t n, double penalty)
{
    std::vector<double> best(n + 1, std::numeric_limits<double>::infinity());
    std::vector<std::size_t> from(n + 1, 0);
    best[0] = -penalty;
    for (std::size_t t = kLeastSegment; t <= n; ++t) {
        for (std::size_t s = 0; s + kLeastSegment <= t; ++s) {
            const double cost = best[s] + sums.cost(s, t) + penalty;
            if (cost < best[t]) {
                best[t] = cost;
                from[t] = s;
            }
        }
    }
    std::vector<std::size_t> changes;
    for (std::size_t t = from[n]; t > 0; t = from[t])
        changes.push_back(t);
    std::ranges::reverse(changes);
    return changes;
}

// Where the last level begins: segments before it count as the same as long as their means do not differ by much.
std::size_t last_level(const Sums& sums, const std::vector<std::size_t>& changes, std::size_t n, double tolerance)
{
    std::size_t begin = changes.empty() ? 0 : changes.back();
    const double level = sums.mean(begin, n);
    for (std::size_t i = changes.size(); i > 0; --i) {
        const std::size_t from = i >= 2 ? changes[i - 2] : 0;
        if (std::abs(sums.mean(from, changes[i - 1]) - level) > tolerance * std::abs(level))
            break;
        begin = from;
    }
    return begin;
}

struct Levels {
    Sums sums;
    std::vector<std::size_t> changes;
    std::size_t last;  // begins here
};

// nullopt: too short.
std::optional<Levels> levels_of(std::span<const double> values, const SteadyOptions& options)
{
    const std::size_t n = values.size();
    if (n < std::max<std::size_t>(options.least_flat, 2 * kLeastSegment))
        return std::nullopt;
    Sums sums(values);
    // Without any noise every rounding error would be a change: a fifth of the tolerance is the least that counts.
    const double level = std::abs(upper_median({values.begin(), values.end()}));
    const double noise = std::max({noise_of(values), options.tolerance / 5 * level, 1e-12});
    auto changes = change_points(sums, n, kPenalty * noise * noise * std::log(static_cast<double>(n)));
    const std::size_t last = last_level(sums, changes, n, options.tolerance);
    return Levels{std::move(sums), std::move(changes), last};
}

bool long_enough(std::size_t length, std::size_t n, const SteadyOptions& options)
{
    return length >= std::max(options.least_flat, n / 3);
}

std::optional<stats::Trend> slope_of(std::span<const double> values, double confidence)
{
    std::vector<double> places(values.size());
    std::iota(places.begin(), places.end(), 0.0);
    return stats::theil_sen(places, values, confidence);
}

// A slope that is surely one, and that over the stretch moves more than what levels may differ by.
bool matters(const std::optional<stats::Trend>& slope, std::size_t length, double level, double tolerance)
{
    return slope && !slope->interval.contains(0) &&
           std::abs(slope->slope) * static_cast<double>(length) > tolerance * std::abs(level);
}

// Do the levels from this place on go one way only? To change points a ramp is a stair.
bool one_way(const Sums& sums, const std::vector<std::size_t>& changes, std::size_t from, std::size_t n, bool up)
{
    std::vector<std::size_t> edges{0};
    edges.insert(edges.end(), changes.begin(), changes.end());
    edges.push_back(n);
    for (std::size_t i = 2; i < edges.size(); ++i) {
        const double step = sums.mean(edges[i - 1], edges[i]) - sums.mean(edges[i - 2], edges[i - 1]);
        if (edges[i - 1] > from && (step > 0) != up)
            return false;
    }
    return true;
}

// What has been rising all the time, and in its last half too, has not settled.
std::optional<Course> drifting(std::span<const double> values, const Sums& sums,
                               const std::vector<std::size_t>& changes, const SteadyOptions& options)
{
    const std::size_t n = values.size(), length = std::max(options.least_flat, n / 2);
    const auto end = slope_of(values.last(length), options.confidence);
    if (!matters(end, length, sums.mean(n - length, n), options.tolerance) ||
        !one_way(sums, changes, n - length, n, end->slope > 0))
        return std::nullopt;
    // That of all the values takes four times as long, and is asked for last.
    const auto all = slope_of(values, options.confidence);
    if (!all || all->slope * end->slope <= 0)
        return std::nullopt;
    return end->slope > 0 ? Course::Growing : Course::Falling;
}

}  // namespace

std::string_view name(Course course)
{
    constexpr std::array<std::string_view, 7> kNames{"too_short", "flat",    "warm_up", "slowdown",
                                                     "growing",   "falling", "unsteady"};
    return kNames.at(static_cast<std::size_t>(course));
}

Steadiness steadiness(std::span<const double> values, const SteadyOptions& options)
{
    Steadiness result;
    auto levels = levels_of(values, options);
    if (!levels)
        return result;
    const Sums& sums = levels->sums;
    const std::size_t n = values.size(), length = n - levels->last;
    result.changes = std::move(levels->changes);
    result.steady_from = levels->last;
    result.level = sums.mean(result.steady_from, n);
    result.slope = slope_of(values.last(length), options.confidence);

    if (long_enough(length, n, options) && !matters(result.slope, length, result.level, options.tolerance)) {
        if (result.steady_from == 0)
            result.course = Course::Flat;
        else
            result.course = sums.mean(0, result.steady_from) < result.level ? Course::WarmUp : Course::Slowdown;
        return result;
    }
    result.course = drifting(values, sums, result.changes, options).value_or(Course::Unsteady);
    return result;
}

std::optional<std::size_t> settled_from(std::span<const double> values, const SteadyOptions& options)
{
    const auto levels = levels_of(values, options);
    const std::size_t n = values.size(), length = levels ? n - levels->last : 0;
    if (!long_enough(length, n, options) || matters(slope_of(values.last(length), options.confidence), length,
                                                    levels->sums.mean(levels->last, n), options.tolerance))
        return std::nullopt;
    return levels->last;
}

Result<Warmed> wait_until_steady(Subject& subject, const Score& score, const WarmUpOptions& options)
{
    Warmed warmed;
    subject.say("waiting for a steady state");
    while (warmed.waited_ns + options.window_ns <= options.longest_ns) {
        auto window = subject.run(options.window_ns);
        if (!window)
            return std::unexpected(std::move(window.error()));
        warmed.waited_ns += window->span_ns();
        if (const auto value = score(*window))
            warmed.values.push_back(*value);
        else
            ++warmed.without_score;
        warmed.steadiness = steadiness(warmed.values, options.steady);
        if (warmed.steadiness.steady())
            break;
    }
    return warmed;
}

}  // namespace flyball::tune
