// SPDX-License-Identifier: Apache-2.0
#include "flyball/load/quantiles.hpp"
#include "flyball/stats/statistics.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <numeric>
#include <vector>

using namespace flyball;
using namespace flyball::load;

TEST_CASE("ranks are those that the whole binomial gives", "[load]")
{
    for (const double q : {0.5, 0.9, 0.99, 0.999})
        for (const std::size_t n : {5UL, 6UL, 40UL, 367UL, 368UL, 1000UL, 3686UL, 3687UL, 20000UL}) {
            std::vector<double> ranks(n);
            std::iota(ranks.begin(), ranks.end(), 1.0);
            const auto expected = stats::quantile_interval(ranks, q, 0.95);
            const auto found = quantile_ranks(n, q, 0.95);
            INFO("q " << q << ", n " << n);
            REQUIRE(found.has_value() == expected.has_value());
            if (found) {
                CHECK(static_cast<double>(found->low) == expected->low);
                CHECK(static_cast<double>(found->high) == expected->high);
            }
        }
}

TEST_CASE("what a quantile is surely no less than is wrong as rarely as it promises", "[load]")
{
    // The rank is the largest with P(B < rank) <= 5 %, B binomial(n, q): of 1 ... n it is its own value.
    const auto binomial_below = [](std::size_t n, double q, std::size_t rank) {
        double sum = 0;
        for (std::size_t k = 0; k < rank; ++k)
            sum += std::exp(std::lgamma(double(n) + 1) - std::lgamma(double(k) + 1) - std::lgamma(double(n - k) + 1) +
                            double(k) * std::log(q) + double(n - k) * std::log1p(-q));
        return sum;
    };
    for (const double q : {0.5, 0.9, 0.99})
        for (const std::size_t n : {2UL, 5UL, 29UL, 45UL}) {
            profile::Histogram histogram;
            for (std::uint64_t i = 1; i <= n; ++i)
                histogram.add(i);
            INFO("q " << q << ", n " << n);
            const auto found = quantile_of(histogram, 0, q).at_least;
            const auto rank = static_cast<std::size_t>(found.value_or(0));
            CHECK(binomial_below(n, q, rank) <= 0.05);
            CHECK((rank == n || binomial_below(n, q, rank + 1) > 0.05));
        }
    CHECK_FALSE(quantile_of({}, 0, 0.5).at_least);
}

TEST_CASE("a billion samples are no problem, and give a narrow interval around the rank", "[load]")
{
    const auto found = quantile_ranks(1'000'000'000, 0.99, 0.95);
    REQUIRE(found);
    const double deviation = std::sqrt(1e9 * 0.99 * 0.01);
    CHECK(990'000'000.0 - static_cast<double>(found->low) == Approx(1.96 * deviation).epsilon(0.01));
    CHECK(static_cast<double>(found->high) - 990'000'000.0 == Approx(1.96 * deviation).epsilon(0.01));
}

TEST_CASE("too few samples are said, with how many are needed", "[load]")
{
    profile::Histogram histogram;
    histogram.add(1000, 367);
    CHECK_FALSE(quantile_of(histogram, 0, 0.99).value);
    CHECK(quantile_of(histogram, 0, 0.99).needed == 368);
    CHECK(quantile_of(histogram, 0, 0.99).samples == 367);
    histogram.add(1000);
    CHECK(quantile_of(histogram, 0, 0.99).value == 1000);
    CHECK_FALSE(quantile_of(histogram, 0, 0.999).value);
}

TEST_CASE("what did not end in time is slower than all", "[load]")
{
    profile::Histogram histogram;
    histogram.add(1000, 970);
    const Quantile p50 = quantile_of(histogram, 30, 0.5), p99 = quantile_of(histogram, 30, 0.99);
    CHECK(p50.value == 1000);
    CHECK(p50.samples == 1000);
    CHECK(std::isinf(p99.value.value()));
    // 3 % did not: p96's interval reaches into them, its estimate does not.
    const Quantile p96 = quantile_of(histogram, 30, 0.96);
    CHECK(p96.value == 1000);
    CHECK(std::isinf(p96.high.value()));
    CHECK(p96.low == 1000);
}
