// SPDX-License-Identifier: Apache-2.0
// Instants against closed forms: counts, the integral of the rate, and what a Poisson process has to look like.
#include "flyball/load/schedule.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"

#include <array>
#include <cmath>
#include <vector>

using namespace flyball::load;
using flyball::test::kSecond;

namespace {

std::vector<Arrival> all_of(Schedule schedule)
{
    std::vector<Arrival> arrivals;
    while (const auto arrival = schedule.next())
        arrivals.push_back(*arrival);
    return arrivals;
}

Segment steady(double rate, std::uint64_t seconds)
{
    return {.label = "", .from_rate = rate, .to_rate = rate, .length_ns = seconds * kSecond};
}

}  // namespace

TEST_CASE("fixed arrivals are a period apart, from zero, and none too many", "[load]")
{
    const auto arrivals = all_of(Schedule({steady(8, 3)}, Arrivals::Fixed));
    REQUIRE(arrivals.size() == 24);
    for (std::size_t i = 0; i < arrivals.size(); ++i) {
        CHECK(arrivals[i].at_ns == i * kSecond / 8);
        CHECK(arrivals[i].number == i);
        CHECK(arrivals[i].rate == 8);
    }
}

TEST_CASE("segments follow one another without a gap or a request twice", "[load]")
{
    const auto arrivals = all_of(Schedule({steady(10, 2), steady(0, 1), steady(40, 2)}, Arrivals::Fixed));
    REQUIRE(arrivals.size() == 20 + 80);
    CHECK(arrivals[19].at_ns == 1'900'000'000);
    CHECK(arrivals[19].segment == 0);
    CHECK(arrivals[20].at_ns == 3 * kSecond);
    CHECK(arrivals[20].segment == 2);
    CHECK(arrivals.back().at_ns == 5 * kSecond - kSecond / 40);
}

TEST_CASE("a ramp's k-th request is where the integral of the rate is k", "[load]")
{
    for (const auto& [from, to] : {std::pair{0.0, 100.0}, {100.0, 0.0}, {10.0, 1000.0}, {50.0, 50.0000001}}) {
        const double length = 20;
        const auto arrivals = all_of(
            Schedule({{.label = "", .from_rate = from, .to_rate = to, .length_ns = 20 * kSecond}}, Arrivals::Fixed));
        INFO(from << " to " << to);
        CHECK(static_cast<double>(arrivals.size()) == Approx((from + to) / 2 * length).margin(1));
        for (const Arrival& arrival : arrivals) {
            const double t = static_cast<double>(arrival.at_ns) * 1e-9;
            const double integral = from * t + (to - from) * t * t / (2 * length);
            CHECK(integral == Approx(static_cast<double>(arrival.number)).margin(1e-4));
            CHECK(arrival.rate == Approx(from + (to - from) * t / length).margin(1e-6));
        }
    }
}

TEST_CASE("Poisson arrivals: exponential gaps, and counts whose variance is their mean", "[load]")
{
    const auto arrivals = all_of(Schedule({steady(200, 500)}, Arrivals::Poisson, 7));
    const auto n = static_cast<double>(arrivals.size());
    CHECK(n == Approx(100'000).margin(5 * std::sqrt(100'000.0)));
    double sum = 0, squares = 0;
    for (std::size_t i = 1; i < arrivals.size(); ++i) {
        const double gap = static_cast<double>(arrivals[i].at_ns - arrivals[i - 1].at_ns) * 1e-9;
        sum += gap;
        squares += gap * gap;
    }
    // E X = 1/r, E X^2 = 2/r^2.
    CHECK(sum / n == Approx(1.0 / 200).epsilon(0.02));
    CHECK(squares / n == Approx(2.0 / (200 * 200)).epsilon(0.03));
    std::vector<double> counts(500, 0);
    for (const Arrival& arrival : arrivals)
        ++counts[arrival.at_ns / kSecond];
    double variance = 0;
    for (const double count : counts)
        variance += (count - 200) * (count - 200) / 500;
    CHECK(variance == Approx(200).epsilon(0.2));  // a standard deviation is 6 %
}

TEST_CASE("Poisson arrivals on a ramp are dense where the rate is high", "[load]")
{
    const auto arrivals = all_of(
        Schedule({{.label = "", .from_rate = 0, .to_rate = 900, .length_ns = 100 * kSecond}}, Arrivals::Poisson, 3));
    std::array<double, 3> thirds{};
    for (const Arrival& arrival : arrivals)
        ++thirds[std::min<std::size_t>(2, arrival.at_ns * 3 / (100 * kSecond))];
    CHECK(thirds[0] == Approx(5000).margin(400));  // 1 : 3 : 5
    CHECK(thirds[1] == Approx(15000).margin(600));
    CHECK(thirds[2] == Approx(25000).margin(800));
}

TEST_CASE("the same seed gives the same instants, another one others", "[load]")
{
    const auto at = [](std::uint64_t seed) {
        return all_of(Schedule({steady(100, 1)}, Arrivals::Poisson, seed)).at(10).at_ns;
    };
    CHECK(at(5) == at(5));
    CHECK(at(5) != at(6));
}
