// SPDX-License-Identifier: Apache-2.0
#include "flyball/stats/trend.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <random>
#include <vector>

using namespace flyball::stats;

TEST_CASE("Theil-Sen: the slope of a line, also when a quarter of the points lie")
{
    std::vector<double> x, y;
    for (int i = 0; i < 40; ++i) {
        x.push_back(i * 0.5);
        y.push_back(7 + 3 * x.back() + (i % 4 == 0 ? 1000 : 0));
    }
    const auto trend = theil_sen(x, y, 0.95);
    REQUIRE(trend);
    CHECK(trend->slope == Approx(3).margin(0.01));
    CHECK(trend->interval.contains(3));
}

TEST_CASE("Theil-Sen: the interval's ranks by hand, for the series of Sen 1968")
{
    // Seven points, 21 slopes. Var(S) = 7 * 6 * 19 / 18 = 44.33, for 93 % 1.812 * 6.658 = 12.06: ranks 4.47 and 17.53,
    // outwards 4 and 18. The fourth slope is 26/7 (of t = 3 and 10), the fourth from above 35/8 (of 4 and 12).
    const std::vector<double> t{1, 2, 3, 4, 10, 12, 18}, y{9, 15, 19, 20, 45, 55, 78};
    const auto trend = theil_sen(t, y, 0.93);
    REQUIRE(trend);
    CHECK(trend->slope == Approx(4.0));
    CHECK(trend->interval.low == Approx(26.0 / 7));
    CHECK(trend->interval.high == Approx(35.0 / 8));
}

TEST_CASE("Theil-Sen: its interval covers as it promises, with noise that has heavy tails")
{
    std::mt19937_64 random(3);
    std::student_t_distribution<double> draw(2);
    constexpr int kTrials = 1000;
    for (const std::size_t n : {12U, 40U}) {
        int covered = 0;
        for (int trial = 0; trial < kTrials; ++trial) {
            std::vector<double> x, y;
            for (std::size_t i = 0; i < n; ++i) {
                x.push_back(static_cast<double>(i));
                y.push_back(0.2 * x.back() + draw(random));
            }
            covered += theil_sen(x, y, 0.95)->interval.contains(0.2) ? 1 : 0;
        }
        INFO(n << " points: " << covered);
        CHECK(covered >= 935);
        CHECK(covered <= 985);  // nor is it wide for nothing
    }
}

TEST_CASE("Theil-Sen: equal values have a slope of zero, and few points none")
{
    const std::vector<double> x{0, 1, 2, 3, 4, 5, 6, 7}, flat(8, 5.0);
    CHECK(theil_sen(x, flat, 0.95)->slope == 0);
    CHECK(theil_sen(x, flat, 0.95)->interval.contains(0));
    CHECK_FALSE(theil_sen(std::vector<double>{0, 1, 2}, std::vector<double>{0, 1, 2}, 0.95));
    CHECK_FALSE(theil_sen(x, std::vector<double>{1, 2}, 0.95));
    CHECK_FALSE(theil_sen({}, {}, 0.95));
}
