// SPDX-License-Identifier: Apache-2.0
// Envelopes and frontiers against demands whose least quota can be said by hand, and against a bucket that is played
// through.
#include "flyball/tune/demand.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"

#include <algorithm>
#include <random>

using namespace flyball::tune;
using flyball::test::kMs;

namespace {

// `busy` of every `period` steps, one CPU.
std::vector<std::uint64_t> bursts(std::size_t busy, std::size_t period, std::size_t steps)
{
    std::vector<std::uint64_t> demand(steps, 0);
    for (std::size_t i = 0; i < steps; ++i)
        demand[i] = i % period < busy ? kMs : 0;
    return demand;
}

// A bucket that is filled at the start of each period and holds `burst` more: does it ever hold the demand back?
bool holds_back(const std::vector<std::uint64_t>& demand, std::size_t period, const QuotaBurst& limit,
                std::size_t phase)
{
    std::uint64_t left = limit.quota_ns + limit.burst_ns;
    for (std::size_t i = 0; i < demand.size(); ++i) {
        if ((i + phase) % period == 0)
            left = std::min(left + limit.quota_ns, limit.quota_ns + limit.burst_ns);
        if (demand[i] > left)
            return true;
        left -= demand[i];
    }
    return false;
}

}  // namespace

TEST_CASE("envelope: the largest demand of any window")
{
    const auto demand = bursts(40, 200, 4000);  // 40 ms every 200 ms
    const Envelope envelope(demand, kMs, 1000);
    CHECK(envelope.most_ns(1) == 1 * kMs);
    CHECK(envelope.most_ns(40) == 40 * kMs);
    CHECK(envelope.most_ns(100) == 40 * kMs);
    CHECK(envelope.most_ns(200) == 40 * kMs);
    CHECK(envelope.most_ns(240) == 80 * kMs);
    CHECK(envelope.mean_share() == Approx(0.2));
}

TEST_CASE("frontier: 40 ms every 200 ms, by hand")
{
    const Envelope envelope(bursts(40, 200, 4000), kMs, 1000);
    // A window of k periods of 100 ms holds 40, 40, 80, 80, 120 ms: 20 ms a period need a burst of 20 ms.
    const auto points = frontier(envelope, 100 * kMs, kMs, 0);
    REQUIRE(points.size() == 21);
    CHECK(points.front() == QuotaBurst{20 * kMs, 20 * kMs});
    CHECK(points[1] == QuotaBurst{21 * kMs, 19 * kMs});
    CHECK(points[5] == QuotaBurst{25 * kMs, 15 * kMs});
    CHECK(points.back() == QuotaBurst{40 * kMs, 0});
    CHECK(burst_needed_ns(envelope, 100 * kMs, 19 * kMs, 0) == ~std::uint64_t{0});
}

TEST_CASE("frontier: no point ever holds the demand back, whatever the phase; one step less does")
{
    std::mt19937_64 random(5);
    for (int round = 0; round < 20; ++round) {
        std::vector<std::uint64_t> demand(3000);
        for (std::uint64_t& step : demand)
            step = random() % 7 == 0 ? random() % (2 * kMs) : random() % (kMs / 10);
        const Envelope envelope(demand, kMs, demand.size());
        for (const std::size_t period : {20U, 100U}) {
            const auto points = frontier(envelope, period * kMs, kMs / 2, 0);
            REQUIRE(!points.empty());
            CHECK(points.back().burst_ns == 0);
            for (const QuotaBurst& point : points) {
                for (std::size_t phase = 0; phase < period; phase += 3)
                    REQUIRE_FALSE(holds_back(demand, period, point, phase));
            }
            // The last one is sharp: the largest window is one period long and meets a phase that fits it.
            QuotaBurst less = points.back();
            less.quota_ns -= kMs;
            bool ever = false;
            for (std::size_t phase = 0; phase < period; ++phase)
                ever |= holds_back(demand, period, less, phase);
            CHECK(ever);
        }
    }
}

TEST_CASE("frontier: slack is for what runs over; nothing asked for needs nothing")
{
    const Envelope envelope(bursts(40, 200, 4000), kMs, 1000);
    CHECK(burst_needed_ns(envelope, 100 * kMs, 30 * kMs, 5 * kMs) == 15 * kMs);
    CHECK(burst_needed_ns(envelope, 100 * kMs, 40 * kMs, 5 * kMs) == 0);
    CHECK(frontier(Envelope(std::vector<std::uint64_t>(100, 0), kMs, 100), 100 * kMs, kMs, 0).empty());
    CHECK(frontier(Envelope({}, kMs, 100), 100 * kMs, kMs, 0).empty());
}
