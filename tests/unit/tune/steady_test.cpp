// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/steady.hpp"
#include "simulated_subject.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <map>
#include <random>
#include <vector>

using namespace flyball::tune;

namespace {

template <class Level>
std::vector<double> noisy(std::size_t n, double noise, std::uint64_t seed, Level level)
{
    std::mt19937_64 random(seed);
    std::normal_distribution<double> draw(0, 1);
    std::vector<double> values(n);
    for (std::size_t i = 0; i < n; ++i)
        values[i] = level(static_cast<double>(i)) * (1 + noise * draw(random));
    return values;
}

template <class Level>
std::map<Course, int> classes(std::size_t n, double noise, Level level)
{
    std::map<Course, int> counts;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        const auto values = noisy(n, noise, seed, level);
        const Steadiness found = steadiness(values);
        ++counts[found.course];
        CHECK(settled_from(values) == (found.steady() ? std::optional(found.steady_from) : std::nullopt));
    }
    return counts;
}

}  // namespace

TEST_CASE("steady: a flat series is flat, whatever its noise")
{
    for (const double noise : {0.0, 0.02, 0.1, 0.3}) {
        INFO(noise);
        const auto counts = classes(40, noise, [](double) { return 50.0; });
        CHECK(counts.at(Course::Flat) >= 190);
    }
}

TEST_CASE("steady: warm-up is found where it ends")
{
    const auto step = [](double i) { return i < 12 ? 60.0 : 100.0; };
    CHECK(classes(40, 0.05, step).at(Course::WarmUp) >= 190);
    int near = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        const auto found = steadiness(noisy(40, 0.05, seed, step));
        near += std::abs(static_cast<double>(found.steady_from) - 12) <= 1 ? 1 : 0;
    }
    CHECK(near >= 190);
    // As caches warm: 1 - exp(-t / 4) has settled within 5 % after 12.
    int settled = 0, early = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        const auto found =
            steadiness(noisy(60, 0.02, seed, [](double i) { return 100 * (1 - 0.9 * std::exp(-i / 4)); }));
        settled += found.course == Course::WarmUp ? 1 : 0;
        early += found.steady_from < 6 ? 1 : 0;  // a fifth is missing there
    }
    CHECK(settled >= 180);
    CHECK(early == 0);
}

TEST_CASE("steady: slower is not warm, and what never settles is not steady")
{
    CHECK(classes(40, 0.05, [](double i) { return i < 15 ? 100.0 : 70.0; }).at(Course::Slowdown) >= 185);
    CHECK(classes(40, 0.03, [](double i) { return 100 + 3 * i; }).at(Course::Growing) >= 190);
    CHECK(classes(40, 0.03, [](double i) { return 100 - 2 * i; }).at(Course::Falling) >= 190);
    // Still climbing when we look: the last values are no level.
    auto counts = classes(20, 0.02, [](double i) { return i < 16 ? 50.0 : 100.0; });
    CHECK(counts[Course::Flat] + counts[Course::WarmUp] == 0);
    // Levels that come and go, longer than what is averaged.
    counts = classes(48, 0.02, [](double i) { return static_cast<int>(i / 6) % 2 == 0 ? 100.0 : 60.0; });
    CHECK(counts[Course::Unsteady] >= 190);
}

TEST_CASE("steady: differences that do not matter are one level, and few values say nothing")
{
    CHECK(classes(40, 0.001, [](double i) { return i < 20 ? 100.0 : 102.0; }).at(Course::Flat) == 200);
    CHECK(steadiness({}).course == Course::TooShort);
    CHECK(steadiness(std::vector<double>(7, 1.0)).course == Course::TooShort);
    CHECK(steadiness(std::vector<double>(8, 0.0)).course == Course::Flat);
    CHECK(name(Course::WarmUp) == "warm_up");
}

TEST_CASE("steady: one waits as long as it takes, and not for ever")
{
    const Score rate = [](const Window& window) { return window.performance.rate; };
    flyball::test::SimulatedSubject warms(5);
    warms.rate = [](const auto&, double at_s) { return at_s < 20 ? 40.0 : 100.0; };
    auto warmed = wait_until_steady(warms, rate);
    REQUIRE(warmed);
    CHECK(warmed->steadiness.steady());
    CHECK(warmed->waited_ns <= 60'000'000'000);

    flyball::test::SimulatedSubject grows(5);
    grows.noise = 0.01;
    grows.rate = [](const auto&, double at_s) { return 10 + at_s; };
    warmed = wait_until_steady(grows, rate);
    REQUIRE(warmed);
    CHECK(warmed->steadiness.course == Course::Growing);
    CHECK(warmed->waited_ns == 120'000'000'000);

    flyball::test::SimulatedSubject silent(5);
    silent.tells_rate = false;
    warmed = wait_until_steady(silent, rate);
    REQUIRE(warmed);
    CHECK(warmed->steadiness.course == Course::TooShort);
    CHECK(warmed->without_score == 60);

    flyball::test::SimulatedSubject stopped(5);
    stopped.stops_at_s = 4;
    CHECK(wait_until_steady(stopped, rate).error().kind == flyball::ErrorKind::Stopped);
}
