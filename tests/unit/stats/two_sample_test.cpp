// SPDX-License-Identifier: Apache-2.0
// Against every way to deal the values out (brute force), against simulation, and against values worked out by hand.
#include "flyball/stats/two_sample.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

using namespace flyball::stats;

namespace {

// U counted pair by pair, halves for ties.
double u_of(const std::vector<double>& a, const std::vector<double>& b)
{
    double u = 0;
    for (const double x : a) {
        for (const double y : b)
            u += x > y ? 1 : x == y ? 0.5 : 0;
    }
    return u;
}

// Every choice of m of the pooled values, by bit masks.
double brute_force_p(const std::vector<double>& a, const std::vector<double>& b)
{
    std::vector<double> pool = a;
    pool.insert(pool.end(), b.begin(), b.end());
    const double mean = static_cast<double>(a.size() * b.size()) / 2;
    const double seen = std::abs(u_of(a, b) - mean);
    double all = 0, far = 0;
    for (unsigned mask = 0; mask < 1U << pool.size(); ++mask) {
        if (static_cast<std::size_t>(std::popcount(mask)) != a.size())
            continue;
        std::vector<double> x, y;
        for (std::size_t i = 0; i < pool.size(); ++i)
            ((mask >> i) % 2 == 1 ? x : y).push_back(pool[i]);
        ++all;
        far += std::abs(u_of(x, y) - mean) >= seen - 1e-9 ? 1 : 0;
    }
    return far / all;
}

std::vector<double> differences(const std::vector<double>& a, const std::vector<double>& b)
{
    std::vector<double> all;
    for (const double x : a) {
        for (const double y : b)
            all.push_back(y - x);
    }
    std::ranges::sort(all);
    return all;
}

// Below how many ranks 2 P(U <= c - 1) stays within 1 - confidence, by enumeration.
std::size_t brute_force_rank(std::size_t m, std::size_t n, double confidence)
{
    std::vector<double> count(m * n + 1);
    double all = 0;
    for (unsigned mask = 0; mask < 1U << (m + n); ++mask) {
        if (static_cast<std::size_t>(std::popcount(mask)) != m)
            continue;
        std::size_t u = 0, below = 0;
        for (std::size_t i = 0; i < m + n; ++i)
            (mask >> i) % 2 == 1 ? u += below : ++below;
        ++count[u];
        ++all;
    }
    double sum = 0;
    std::size_t c = 0;
    while (sum + count[c] <= all * (1 - confidence) / 2 + 1e-9)
        sum += count[c++];
    return c;
}

}  // namespace

TEST_CASE("two samples: exact p is that of every way to deal the values out")
{
    std::mt19937_64 random(3);
    for (const bool ties : {false, true}) {
        for (int trial = 0; trial < 60; ++trial) {
            std::vector<double> a(2 + random() % 5), b(2 + random() % 5);
            for (auto* group : {&a, &b}) {
                for (double& value : *group)
                    value = ties ? static_cast<double>(random() % 4) : static_cast<double>(random() % 1000000) / 7;
            }
            INFO("sizes " << a.size() << " " << b.size() << ", ties " << ties);
            CHECK(mann_whitney_p(a, b) == Approx(brute_force_p(a, b)).epsilon(1e-9));
        }
    }
}

TEST_CASE("two samples: how few can never be significant")
{
    const std::vector<double> low3{1, 2, 3}, high3{4, 5, 6}, low4{1, 2, 3, 4}, high4{5, 6, 7, 8};
    CHECK(mann_whitney_p(low3, high3) == Approx(0.1));       // 2 / C(6, 3)
    CHECK(mann_whitney_p(low4, high4) == Approx(2.0 / 70));  // 2 / C(8, 4)
    CHECK(least_mann_whitney_p(3, 3) == Approx(0.1));
    CHECK(least_mann_whitney_p(4, 4) == Approx(2.0 / 70));
    CHECK(least_runs(0.05) == 4);
    CHECK(least_runs(0.01) == 5);  // 2 / 252
    CHECK(least_runs(0.05 / 1000) == 9);
    CHECK_FALSE(hodges_lehmann(low3, high3, 0.95).interval);
    CHECK(hodges_lehmann(low4, high4, 0.95).interval);
    CHECK(mann_whitney_p({}, low3) == 1);
    const std::vector<double> same{5, 5, 5, 5, 5};
    CHECK(mann_whitney_p(same, same) == 1);
}

TEST_CASE("two samples: the normal approximation meets the exact p where one takes over from the other")
{
    std::mt19937_64 random(5);
    std::normal_distribution<double> draw(0, 1);
    for (int trial = 0; trial < 20; ++trial) {
        std::vector<double> a(30), b(30);
        for (double& value : a)
            value = std::round(draw(random) * 4);
        for (double& value : b)
            value = std::round((draw(random) + 0.4) * 4);
        const double exact = mann_whitney_p(a, b);
        // One more value on each side, in the middle, goes by the approximation: close to the exact one.
        std::vector<double> c = a, d = b;
        c.push_back(0.8);
        d.push_back(0.8);
        INFO("exact " << exact << ", approximated " << mann_whitney_p(c, d));
        CHECK(std::abs(mann_whitney_p(c, d) - exact) < 0.02 + 0.15 * exact);
    }
}

TEST_CASE("two samples: shift and interval are the order statistics of all differences")
{
    std::mt19937_64 random(8);
    for (int trial = 0; trial < 40; ++trial) {
        std::vector<double> a(4 + random() % 5), b(4 + random() % 5);
        for (auto* group : {&a, &b}) {
            for (double& value : *group)
                value = static_cast<double>(static_cast<std::int64_t>(random() % 2001) - 1000) / 8;
        }
        const std::vector<double> all = differences(a, b);
        const std::size_t n = all.size();
        const Shift shift = hodges_lehmann(a, b, 0.95);
        CHECK(shift.estimate == Approx(n % 2 == 1 ? all[n / 2] : (all[n / 2 - 1] + all[n / 2]) / 2).margin(1e-12));
        const std::size_t c = brute_force_rank(a.size(), b.size(), 0.95);
        REQUIRE((c > 0) == shift.interval.has_value());
        if (shift.interval) {
            CHECK(shift.interval->low == all[c - 1]);
            CHECK(shift.interval->high == all[n - c]);
        }
    }
}

TEST_CASE("two samples: the interval covers as it promises")
{
    std::mt19937_64 random(21);
    std::lognormal_distribution<double> skewed(0, 1);
    std::student_t_distribution<double> heavy(2);
    struct Size {
        std::size_t m, n;
    };
    for (const Size size : {Size{4, 4}, Size{7, 5}, Size{12, 20}, Size{50, 40}}) {
        for (const bool heavy_tailed : {false, true}) {
            int covered = 0;
            constexpr int kTrials = 1000;
            for (int trial = 0; trial < kTrials; ++trial) {
                std::vector<double> a(size.m), b(size.n);
                for (double& value : a)
                    value = heavy_tailed ? heavy(random) : skewed(random);
                for (double& value : b)
                    value = 3 + (heavy_tailed ? heavy(random) : skewed(random));
                covered += hodges_lehmann(a, b, 0.95).interval->contains(3) ? 1 : 0;
            }
            INFO(size.m << " against " << size.n << ": " << covered << " of " << kTrials);
            CHECK(covered >= 935);  // 950 less two deviations
        }
    }
}

TEST_CASE("two samples: a ratio is a shift of logarithms, and excludes 1 when the shift excludes 0")
{
    const std::vector<double> a{10, 11, 12, 13, 14}, b{20, 22, 24, 26, 28};
    const auto ratio = hodges_lehmann_ratio(a, b, 0.95);
    REQUIRE(ratio);
    CHECK(ratio->estimate == Approx(2.0).epsilon(0.01));
    CHECK(ratio->interval->low > 1);
    CHECK(hodges_lehmann(a, b, 0.95).interval->low > 0);
    CHECK_FALSE(hodges_lehmann_ratio(std::vector<double>{0, 1}, b, 0.95));
}

TEST_CASE("Holm: by hand")
{
    const std::vector<double> p{0.01, 0.04, 0.03, 0.005};
    const std::vector<double> adjusted = holm(p);
    CHECK(adjusted[0] == Approx(0.03));
    CHECK(adjusted[1] == Approx(0.06));
    CHECK(adjusted[2] == Approx(0.06));
    CHECK(adjusted[3] == Approx(0.02));
    CHECK(holm(std::vector<double>{0.9, 0.8})[0] == 1);
    CHECK(holm({}).empty());
}

TEST_CASE("Student: closed forms for 1, 2 and 4 degrees of freedom, the normal for many")
{
    for (const double t : {0.1, 0.7, 1.0, 2.5, 9.0}) {
        CHECK(student_p(t, 1) == Approx(1 - 2 * std::atan(t) / std::acos(-1.0)).epsilon(1e-10));
        CHECK(student_p(t, 2) == Approx(1 - t / std::sqrt(2 + t * t)).epsilon(1e-10));
        CHECK(student_p(-t, 2) == student_p(t, 2));
        const double s = t / std::sqrt(4 + t * t);  // A&S 26.7.4
        CHECK(student_p(t, 4) == Approx(1 - s * (1 + 0.5 * (1 - s * s))).epsilon(1e-9));
        CHECK(student_p(t, 1e7) == Approx(std::erfc(t / std::sqrt(2.0))).epsilon(1e-3));  // t^4 / 4e7 for the largest
    }
    CHECK(student_quantile(0.95, 1) == Approx(12.7062).epsilon(1e-4));
    CHECK(student_quantile(0.95, 19) == Approx(2.0930).epsilon(1e-4));
    CHECK(student_quantile(0.99, 2) == Approx(9.9248).epsilon(1e-4));
}

TEST_CASE("jackknife: of a mean it is the mean's own standard error")
{
    std::mt19937_64 random(2);
    std::normal_distribution<double> draw(5, 3);
    std::vector<double> values(24);
    for (double& value : values)
        value = draw(random);
    // In an order that has no positive autocorrelation: large and small in turn.
    std::ranges::sort(values);
    std::vector<double> mixed;
    for (std::size_t i = 0; i < 12; ++i) {
        mixed.push_back(values[i]);
        mixed.push_back(values[23 - i]);
    }
    const double sum = std::accumulate(mixed.begin(), mixed.end(), 0.0), mean = sum / 24;
    std::vector<double> left_out;
    double squares = 0;
    for (const double value : mixed) {
        left_out.push_back((sum - value) / 23);
        squares += (value - mean) * (value - mean);
    }
    const Blocks blocks = jackknife(mean, left_out);
    CHECK(blocks.standard_error == Approx(std::sqrt(squares / 23 / 24)));
    CHECK(blocks.autocorrelation == 0);
    // Sorted, the same values say less.
    std::ranges::sort(left_out);
    CHECK(jackknife(mean, left_out).standard_error > 2 * blocks.standard_error);
}

TEST_CASE("Welch: the interval covers as it promises, with unequal spread and number")
{
    std::mt19937_64 random(13);
    std::normal_distribution<double> narrow(10, 1), wide(12, 4);
    int covered = 0;
    constexpr int kTrials = 1500;
    const auto mean_of = [&](std::size_t n, auto& draw) {
        std::vector<double> values(n), left_out;
        for (double& value : values)
            value = draw(random);
        const double sum = std::accumulate(values.begin(), values.end(), 0.0);
        for (const double value : values)
            left_out.push_back((sum - value) / static_cast<double>(n - 1));
        return jackknife(sum / static_cast<double>(n), left_out);
    };
    for (int trial = 0; trial < kTrials; ++trial)
        covered += difference(mean_of(20, narrow), mean_of(10, wide), 0.95)->interval.contains(2) ? 1 : 0;
    INFO(covered << " of " << kTrials);
    CHECK(covered >= kTrials * 0.935);
    CHECK_FALSE(difference({1, 0, 0, 5}, {2, 0, 0, 5}, 0.95));
}

TEST_CASE("batches: neighbours that are alike are joined, others are left alone")
{
    std::mt19937_64 random(17);
    std::normal_distribution<double> draw(0, 1);
    int joined_alone = 0, joined_alike = 0;
    for (int trial = 0; trial < 300; ++trial) {
        std::vector<double> alone(200), alike(200);
        double state = 0;
        for (std::size_t i = 0; i < 200; ++i) {
            alone[i] = draw(random);
            alike[i] = state = 0.8 * state + draw(random);
        }
        joined_alone += batches(alone).size > 1 ? 1 : 0;
        const Batches found = batches(alike);
        joined_alike += found.size >= 4 || found.widen > 1.5 ? 1 : 0;
    }
    CHECK(joined_alone <= 26);  // one in twenty is meant: 15, with a deviation of 4
    CHECK(joined_alike >= 297);
    std::vector<double> sorted(15);
    std::iota(sorted.begin(), sorted.end(), 0.0);
    CHECK(batches(sorted).widen > 2);
    CHECK(batches(std::vector<double>{1, 2, 3}).widen == 1);
    CHECK(autocorrelation(std::vector<double>(50, 7.0)) == 0);
}

TEST_CASE("an interval for a difference from two of their own: symmetrical ones add up in squares")
{
    const Interval d = difference_interval(10, {7, 13}, 20, {16, 24});
    CHECK(d.low == Approx(10 - 5));
    CHECK(d.high == Approx(10 + 5));
}

TEST_CASE("widened: p and interval are those of a statistic with a larger deviation")
{
    // Normal deviates of 5 % and of its half.
    CHECK(widened_p(0.05, 1) == Approx(0.05));
    CHECK(widened_p(0.05, 1.959964 / 0.979982) == Approx(0.3271).margin(1e-4));
    CHECK(widened_p(1, 3) == Approx(1));
    const Interval wide = widened({.low = 8, .high = 13}, 10, 2);
    CHECK(wide.low == 6);
    CHECK(wide.high == 16);
}
