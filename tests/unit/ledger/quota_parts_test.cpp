// SPDX-License-Identifier: Apache-2.0
// Hierarchy, the rhythm of refills, demand and the model, each alone.
#include "../../../src/ledger/quota_model.hpp"
#include "quota_script.hpp"
#include "support/catch.hpp"

#include <array>
#include <map>
#include <random>
#include <vector>

using namespace flyball::ledger;
using namespace flyball::ledger::quota_test;
using flyball::profile::test::cgroup;

namespace {

Demand sum(const DemandGrid& grid)
{
    Demand all;
    for (const Demand& demand : grid.bins) {
        all.work_ns += demand.work_ns;
        all.appetite_ns += demand.appetite_ns;
    }
    return all;
}

}  // namespace

TEST_CASE("hierarchy: parents from paths and from records", "[ledger]")
{
    Hierarchy tree(4, std::vector<flyball::profile::KnownCgroup>{
                          {4, 1, "/"}, {4, 2, "/a"}, {4, 3, "/a/c"}, {0, 2, "/a/c"}, {0, 9, "/z"}});
    CHECK(tree.inside(3, 3));
    CHECK(tree.inside(3, 2));
    CHECK(tree.inside(3, 1));
    CHECK_FALSE(tree.inside(2, 3));
    CHECK_FALSE(tree.inside(9, 1));  // of another hierarchy

    const std::uint64_t version = tree.version();
    fb_cgroup made = cgroup(FB_CG_MKDIR, 5, "/a/c/d", 4);
    made.parent_id = 3;
    tree.on_cgroup(made);
    CHECK(tree.inside(5, 2));
    CHECK(tree.version() > version);
    made.hierarchy = 0;
    made.hdr.cgroup_id = 6;
    tree.on_cgroup(made);
    CHECK_FALSE(tree.inside(6, 3));

    std::vector<std::uint64_t> above;
    tree.upwards(5, [&](std::uint64_t id) {
        above.push_back(id);
        return id != 2;
    });
    CHECK(above == std::vector<std::uint64_t>{5, 3, 2});
    tree.add(1, 5);  // nonsense: a ring
    CHECK(tree.inside(2, 5));
    CHECK_FALSE(tree.inside(2, 77));
}

TEST_CASE("ticks: the phase is where the ends are dense, not where they stray", "[ledger][quota]")
{
    Ticks ticks;
    for (std::uint64_t i = 0; i < 60; ++i) {
        const std::uint64_t tick = kStart + i * kPeriod;
        ticks.add(tick + 30'000 + i % 5 * 10'000, 70 * kMs);
        ticks.add(tick + 120'000, 70 * kMs);  // the other CPU
        if (i % 4 == 0)
            ticks.add(tick + (20 + i % 23) * kMs, kMs);  // the slack timer
    }
    CHECK(ticks.period_ns() == kPeriod);
    CHECK(ticks.phase_ns(kPeriod) == (kStart + 30'000) % kPeriod);
    CHECK(ticks.refill_before(kStart + 5 * kPeriod + 50 * kMs) == kStart + 5 * kPeriod + 30'000);
    CHECK(ticks.fit(kPeriod) > 0.7);
}

TEST_CASE("ticks: the period, from the distances", "[ledger][quota]")
{
    const auto period = [](std::vector<std::uint64_t> gaps_ms, std::uint64_t throttled_ms) {
        Ticks ticks;
        std::uint64_t at = kStart;
        for (int i = 0; i < 40; ++i) {
            ticks.add(at, throttled_ms * kMs);
            at += gaps_ms[static_cast<std::size_t>(i) % gaps_ms.size()] * kMs;
        }
        return ticks.period_ns() / kMs;
    };
    CHECK(period({100}, 80) == 100);
    CHECK(period({400, 100, 300}, 50) == 100);
    CHECK(period({50, 100, 150}, 20) == 50);
    CHECK(period({10, 30, 20}, 5) == 10);
    CHECK(period({250, 500}, 150) == 250);
    CHECK(period({1000}, 900) == 1000);
    CHECK(period({137, 71, 93}, 20) == 100);  // no rhythm: the default
    CHECK(Ticks{}.period_ns() == 100 * kMs);
    CHECK(Ticks{}.phase_ns(kPeriod) == 0);
    CHECK(Ticks{}.fit(kPeriod) == 1);
}

TEST_CASE("ticks: what is kept in order tells the same as the last 128 alone", "[ledger][quota]")
{
    std::mt19937_64 random(5);
    const auto below = [&](std::uint64_t n) { return random() % n; };
    Ticks ticks;
    std::vector<std::array<std::uint64_t, 3>> told;  // end, throttled on one CPU, on another
    std::map<std::uint64_t, int> periods;
    std::uint64_t at = kStart, period = 0;
    for (int i = 0; i < 3000; ++i) {
        if (i % 300 == 0)
            period = std::array<std::uint64_t, 5>{100, 10, 250, 40, 1000}[below(5)] * kMs;
        // Most on the grid, some in no rhythm; none so near to the one before that it would be taken for the same.
        const std::uint64_t refill = at - at % period + (1 + below(3)) * period;
        at = std::max(at + kMs, refill + (below(4) == 0 ? below(period) : below(50'000)));
        told.push_back({at, below(period), below(period)});
        ticks.add(at, told.back()[1]);
        ticks.add(at + 10'000, told.back()[2]);
        ++periods[ticks.period_ns()];
        if (i % 37 != 0)
            continue;
        Ticks last;
        for (std::size_t k = told.size() - std::min<std::size_t>(told.size(), 128); k < told.size(); ++k) {
            last.add(told[k][0], told[k][1]);
            last.add(told[k][0] + 10'000, told[k][2]);
        }
        REQUIRE(ticks.period_ns() == last.period_ns());
        REQUIRE(ticks.refill_before(at) == last.refill_before(at));
        REQUIRE(at - ticks.refill_before(at) == (at - last.phase_ns(last.period_ns())) % last.period_ns());
    }
    CHECK(periods.size() >= 3);
}

TEST_CASE("demand: coarser bins lose nothing", "[ledger][quota]")
{
    Ticks ticks;
    ticks.add(kStart, 50 * kMs);
    DemandSeries series(kStart);
    Demand expected;
    // 400 s: through all three widths, with work that lies before the first edge.
    series.add(kStart - 30 * kMs, kStart + 20 * kMs, 50 * kMs, DemandSeries::Kind::Work, ticks);
    expected.work_ns += 50 * kMs;
    for (std::uint64_t i = 1; i < 4000; ++i) {
        const std::uint64_t at = kStart + i * kPeriod;
        series.add(at, at + 20 * kMs, 20 * kMs - 1, DemandSeries::Kind::Work, ticks);
        series.add(at + 20 * kMs, at + kPeriod, 80 * kMs, DemandSeries::Kind::Appetite, ticks);
        expected.work_ns += 20 * kMs - 1;
        expected.appetite_ns += 80 * kMs;
    }
    const DemandGrid grid = series.by_period(kPeriod, kStart % kPeriod);
    CHECK(grid.width_ns == kPeriod);
    CHECK(sum(grid) == expected);
    CHECK(grid.bins.at(0) == Demand{30 * kMs, 0});
    CHECK(grid.bins.at(1) == Demand{20 * kMs, 0});
    for (std::size_t i = 2; i <= 4000; ++i)
        REQUIRE(grid.bins.at(i) == Demand{20 * kMs - 1, 80 * kMs});
    // Finer than what is kept is not to be had.
    CHECK(series.by_period(10 * kMs, 0).width_ns == kPeriod);
    CHECK(series.evicted().empty());
}

TEST_CASE("model: what a quota keeps back", "[ledger][quota]")
{
    constexpr std::uint64_t kCapacity = 2 * kPeriod;
    const auto kept = [](std::vector<Demand> periods, Bucket bucket) {
        return kept_back(periods, bucket, kCapacity) / kMs;
    };
    // Work waits until it is done: 60, 40, 20, 0 ms are left after each period.
    CHECK(kept({{80 * kMs, 0}, {}, {}, {}}, {20 * kMs, 0}) == 120);
    // Appetite does not.
    CHECK(kept({{0, 80 * kMs}, {}, {}, {}}, {20 * kMs, 0}) == 60);
    // Half of each is left: the 30 ms of work, 10 of them for another period.
    CHECK(kept({{60 * kMs, 60 * kMs}, {}, {}}, {60 * kMs, 0}) == 60);
    CHECK(kept({{80 * kMs, 0}}, {50 * kMs, 30 * kMs}) == 0);
    // The bucket is full at first, then fills by what is left over.
    CHECK(kept({{80 * kMs, 0}, {30 * kMs, 0}, {80 * kMs, 0}}, {50 * kMs, 30 * kMs}) == 10);
    CHECK(kept({{80 * kMs, 0}, {}, {80 * kMs, 0}}, {50 * kMs, 30 * kMs}) == 0);
    // What CPUs are missing for is not the quota's fault.
    CHECK(kept({{500 * kMs, 0}, {}, {}}, {200 * kMs, 0}) == 0);
    CHECK(kept({}, {}) == 0);
}

TEST_CASE("model: the histogram has round edges", "[ledger][quota]")
{
    CHECK(demand_bins({}).empty());
    const auto one = demand_bins({{0, 3}, {20, 4}, {100, 5}});
    REQUIRE(one.size() == 20);
    CHECK(one[0].cpus == flyball::test::Approx(0.05));
    CHECK(one[0].periods == 3);
    CHECK(one[3].periods == 4);
    CHECK(one[19].cpus == flyball::test::Approx(1.0));
    CHECK(one[19].periods == 5);
    const auto many = demand_bins({{101, 1}, {6'400, 2}});
    CHECK(many.size() == 13);  // of 5 CPUs
    CHECK(many.back().cpus == flyball::test::Approx(65));
    CHECK(many[0].periods == 1);
    CHECK(demand_bins({{210, 1}}).size() == 11);  // of 0.2
}

TEST_CASE("limits: from the kernel's files at both ends", "[ledger][quota]")
{
    flyball::profile::CounterWindow window;
    CHECK_FALSE(cpu_limit_of(window).quota_ns);
    window.first.emplace().cpu_period_ns = kPeriod;
    window.first->cpu_quota_ns = 20 * kMs;
    window.first->cpu_burst_ns = 5 * kMs;
    CHECK(cpu_limit_of(window).quota_ns == 20 * kMs);
    window.last = window.first;
    CHECK_FALSE(cpu_limit_of(window).changed);
    CHECK(cpu_limit_of(window).burst_ns == 5 * kMs);
    window.last->cpu_quota_ns = 30 * kMs;
    CHECK(cpu_limit_of(window).quota_ns == 30 * kMs);
    CHECK(cpu_limit_of(window).changed);
    window.last->cpu_quota_ns.reset();
    CHECK(cpu_limit_of(window).quota_ns == 20 * kMs);
    CHECK(cpu_limit_of(window).changed);
}
