// SPDX-License-Identifier: Apache-2.0
#include "quota_script.hpp"
#include "support/catch.hpp"

using namespace flyball::ledger;
using namespace flyball::ledger::quota_test;
using flyball::test::ContainsSubstring;

TEST_CASE("quota: a spinner asks for one CPU in each period", "[ledger][quota]")
{
    Script script;
    spin(script, {100, kProd}, kProd, 20 * kMs, 40);
    const auto findings = script.play(40 * kPeriod, limit(20));
    REQUIRE(findings.size() == 1);
    const QuotaFinding& found = findings[0];
    CHECK(found.path == "/prod");
    CHECK(found.quota_ns == 20 * kMs);
    CHECK(found.period_ns == kPeriod);
    CHECK(found.episodes == 40);
    CHECK(found.throttled_ns == 40 * 80 * kMs);
    CHECK(found.held_ns == 39 * 80 * kMs);
    CHECK(found.by_cpu == std::map<std::uint32_t, std::uint64_t>{{0, 40 * 80 * kMs}});
    REQUIRE(found.worst.size() == 8);
    CHECK(found.worst[0].duration_ns == 80 * kMs);
    CHECK(found.worst[0].begin_ns == 20 * kMs);
    CHECK(found.worst[0].held_tasks == 1);
    REQUIRE(found.spenders.size() == 1);
    CHECK(found.spenders[0].path == "/prod");
    CHECK(found.spenders[0].ns == 40 * 20 * kMs);
    CHECK(found.spenders[0].tasks == std::vector<TaskShare>{{100, "task100", 40 * 20 * kMs}});
    // The hold after the last episode is not told any more.
    CHECK(periods_at(found, 1.0) == 39);
    CHECK(periods_at(found, 0.2) == 1);
    CHECK(found.enough_quota_ns == 100 * kMs);  // 99.2 ms avoid 99 % of 80 ms; in steps of 1 ms
    CHECK_FALSE(found.enough_burst_ns);
    CHECK_THAT(found.note, ContainsSubstring("an upper bound: "));
    CHECK_THAT(found.note, ContainsSubstring("no burst is enough") && ContainsSubstring("0.20"));
}

TEST_CASE("quota: two threads on two CPUs ask for two", "[ledger][quota]")
{
    Script script;
    spin(script, {100, kProd, 0}, kProd, 10 * kMs, 40);
    spin(script, {101, kProd, 1}, kProd, 10 * kMs, 40);
    SECTION("of two online")
    {
        const auto found = script.play(40 * kPeriod, limit(20)).at(0);
        CHECK(found.episodes == 80);
        CHECK(found.spenders.at(0).ns == 40 * 20 * kMs);
        CHECK(found.spenders.at(0).by_cpu.at(1) == 40 * 10 * kMs);
        CHECK(periods_at(found, 2.0) == 39);
        CHECK(found.enough_quota_ns == 199 * kMs);  // 198.2 ms avoid 99 % of 180 ms
    }
    SECTION("of one: no more than there is")
    {
        const auto found = script.play(40 * kPeriod, limit(20), 1).at(0);
        CHECK(periods_at(found, 1.0) == 39);
        CHECK(found.enough_quota_ns == 100 * kMs);
    }
}

TEST_CASE("quota: work that a hold put off is counted once, where it was due", "[ledger][quota]")
{
    // 30 ms of work under 20 ms: 20 now, held for 80 ms, 10 in the next period, asleep until the next round.
    Script script;
    bursts(script, {100, kProd}, kProd, 30 * kMs, 20 * kMs, 2, 20);
    const auto found = script.play(40 * kPeriod, limit(20)).at(0);
    CHECK(found.episodes == 20);
    CHECK(found.held_ns == 20 * 80 * kMs);
    CHECK(found.spenders.at(0).ns == 20 * 20 * kMs);  // the other 10 ms are followed by no episode
    CHECK(periods_at(found, 0.3) == 20);
    CHECK(found.demand.at(0).periods == 20);  // idle
    CHECK(found.enough_quota_ns == 30 * kMs);
    CHECK(found.enough_burst_ns == 10 * kMs);
    CHECK(found.note.empty());
}

TEST_CASE("quota: a task that a quota never lets finish looks like one without end", "[ledger][quota]")
{
    // 30 ms every 100 ms, and late rounds follow at once: under 20 ms it never sleeps again. The estimate is
    // the upper bound, as documented.
    Script script;
    spin(script, {100, kProd}, kProd, 20 * kMs, 40);
    CHECK(script.play(40 * kPeriod, limit(20)).at(0).enough_quota_ns == 100 * kMs);
}

TEST_CASE("quota: bursts whose mean fits", "[ledger][quota]")
{
    Script script;
    SECTION("a burst is enough")
    {
        bursts(script, {100, kProd}, kProd, 80 * kMs, 50 * kMs, 4, 10);
        const auto found = script.play(40 * kPeriod, limit(50)).at(0);
        CHECK(periods_at(found, 0.8) == 10);
        CHECK(found.enough_quota_ns == 80 * kMs);
        CHECK(found.enough_burst_ns == 30 * kMs);
        CHECK(found.note.empty());
    }
    SECTION("the kernel does not take the burst that would be")
    {
        bursts(script, {100, kProd}, kProd, 80 * kMs, 20 * kMs, 4, 10);
        const auto found = script.play(40 * kPeriod, limit(20)).at(0);
        CHECK(found.episodes == 30);
        CHECK(periods_at(found, 0.8) == 10);
        // 60, 40 and 20 ms are left after the periods: 1 ms of these 120 is within the hundredth.
        CHECK(found.enough_quota_ns == 79 * kMs);
        CHECK_FALSE(found.enough_burst_ns);
        CHECK_THAT(found.note, ContainsSubstring("a burst of 59.0 ms would be enough"));
    }
}

TEST_CASE("quota: who spent the parent's", "[ledger][quota]")
{
    Script script;
    constexpr std::uint64_t kBatchNs = 36'600'000, kShopNs = 23'400'000;  // of 60 ms: 61 % and 39 %
    spin(script, {100, kBatch, 0}, kProd, kBatchNs, 50);
    spin(script, {200, kShop, 1}, kProd, kShopNs, 50);
    for (std::uint64_t i = 0; i < 50; ++i) {
        script.run({300, kOther, 1}, i * kPeriod + 30 * kMs, i * kPeriod + 90 * kMs, Script::Sleeps);
        script.episode(kBatch, 0, i * kPeriod + kBatchNs, (i + 1) * kPeriod, FB_THROTTLE_INHERITED);
    }
    const auto findings = script.play(50 * kPeriod, limit(60));
    REQUIRE(findings.size() == 1);  // what is inherited is nobody's own
    const auto& spenders = findings[0].spenders;
    REQUIRE(spenders.size() == 2);
    CHECK(spenders[0].path == "/prod/batch");
    CHECK(spenders[0].ns == 50 * kBatchNs);
    CHECK(spenders[1].path == "/prod/shop");
    CHECK(spenders[1].ns == 50 * kShopNs);
    CHECK(findings[0].held_ns == 49 * (200 * kMs - 60 * kMs));
    CHECK(findings[0].enough_quota_ns == 199 * kMs);  // 198.6 ms avoid 99 % of 140 ms
}

TEST_CASE("quota: limits on two levels are kept apart", "[ledger][quota]")
{
    // The batch job has 30 ms of its own, its parent 90 ms; the shop spins on the other CPU.
    Script script;
    spin(script, {100, kBatch, 0}, kBatch, 30 * kMs, 40);
    spin(script, {200, kShop, 1}, kProd, 60 * kMs, 40);
    const auto findings = script.play(40 * kPeriod, limit(30));
    REQUIRE(findings.size() == 2);
    CHECK(findings[0].path == "/prod/batch");  // it lost more
    CHECK(findings[0].held_ns == 39 * 70 * kMs);
    CHECK(findings[0].enough_quota_ns == 100 * kMs);
    CHECK(findings[0].spenders.size() == 1);
    CHECK(findings[1].path == "/prod");
    CHECK(findings[1].held_ns == 39 * 40 * kMs);
    REQUIRE(findings[1].spenders.size() == 2);
    CHECK(findings[1].spenders[0].path == "/prod/shop");
    CHECK(findings[1].spenders[0].ns == 40 * 60 * kMs);
    CHECK(findings[1].spenders[1].ns == 40 * 30 * kMs);
    // What the batch job's own limit holds is not asked of the parent: 1 CPU and the 0.3 that it lets
    // through.
    CHECK(periods_at(findings[1], 1.3) == 39);
}

TEST_CASE("quota: tasks throttled one by one, told by sched_switch", "[ledger][quota]")
{
    // Each is held when it returns to user space, up to 2 ms after the quota is spent, and the end is seen
    // when it runs again, 0 to 3 ms after the refill.
    Script script;
    constexpr std::uint64_t kPeriods = 60;
    std::uint64_t late = 0;
    for (std::uint64_t i = 0; i < kPeriods; ++i) {
        const std::uint64_t begin = i * kPeriod + late, quota_end = i * kPeriod + 20 * kMs + (i % 3) * kMs;
        const std::uint64_t held = (i + 1) * kPeriod - quota_end, next = (i * 7 % 4) * kMs;
        const std::uint64_t before = i * kPeriod - ((i - 1) * kPeriod + 20 * kMs + ((i - 1) % 3) * kMs);
        script.run({100, kBatch}, begin, quota_end, Script::Throttled,
                   i == 0 ? Script::In{} : Script::In{.held_ns = before, .throttler = kProd, .wait_ns = late});
        // source 1: the kernel's length, but dated by the switch-in
        script.episode(kProd, 0, (i + 1) * kPeriod + next - held, (i + 1) * kPeriod + next);
        late = next;
    }
    const auto found = script.play(kPeriods * kPeriod, limit(20)).at(0);
    CHECK(found.episodes == kPeriods);
    REQUIRE(found.spenders.size() == 1);
    // Each period's run is found, but for the first ms of those that come before the inferred refill.
    CHECK(found.spenders[0].ns <= kPeriods * 22 * kMs);
    CHECK(found.spenders[0].ns >= kPeriods * 18 * kMs);
    REQUIRE(found.enough_quota_ns);
    CHECK(*found.enough_quota_ns >= 97 * kMs);
    CHECK(*found.enough_quota_ns <= 100 * kMs);
}

TEST_CASE("quota: short sleeps do not end a task's appetite", "[ledger][quota]")
{
    // Runs 4 ms, waits 1 ms for a lock, runs again: 80 % of the time that it may.
    Script script;
    const Thread task{100, kProd};
    for (std::uint64_t i = 0; i < 40; ++i) {
        const std::uint64_t at = i * kPeriod;
        for (std::uint64_t j = 0; j < 5; ++j) {
            Script::In in;
            if (i > 0 && j == 0)
                in = {.held_ns = 76 * kMs, .throttler = kProd, .wait_ns = 0};
            script.run(task, at + j * 5 * kMs, at + j * 5 * kMs + 4 * kMs, j == 4 ? Script::Throttled : Script::Sleeps,
                       in);
        }
        script.episode(kProd, 0, at + 24 * kMs, at + kPeriod);
    }
    const auto found = script.play(40 * kPeriod, limit(20)).at(0);
    CHECK(*found.enough_quota_ns >= 80 * kMs);
    CHECK(*found.enough_quota_ns <= 86 * kMs);
}

TEST_CASE("quota: what was not recorded is estimated, and said", "[ledger][quota]")
{
    Script script;
    SECTION("100 ms")
    {
        spin(script, {100, kProd}, kProd, 20 * kMs, 40);
        const auto found = script.play(40 * kPeriod, {}).at(0);
        CHECK_FALSE(found.quota_ns);
        CHECK_FALSE(found.period_ns);
        CHECK(found.enough_quota_ns == 100 * kMs);
        CHECK_THAT(found.note, ContainsSubstring("taken as 20.0 ms in 100 ms"));
    }
    SECTION("20 ms, from the rhythm of the episodes")
    {
        spin(script, {100, kProd}, kProd, 5 * kMs, 200, 20 * kMs);
        const auto found = script.play(200 * 20 * kMs, {}).at(0);
        CHECK(found.enough_quota_ns == 20 * kMs);
        CHECK_THAT(found.note, ContainsSubstring("taken as 5.00 ms in 20.0 ms"));
    }
    SECTION("a limit that changed")
    {
        spin(script, {100, kProd}, kProd, 20 * kMs, 40);
        CpuLimit changed = limit(20);
        changed.changed = true;
        CHECK_THAT(script.play(40 * kPeriod, changed).at(0).note, ContainsSubstring("was changed"));
    }
    SECTION("a limit that no kernel takes")
    {
        spin(script, {100, kProd}, kProd, 20 * kMs, 40);
        CpuLimit odd;
        odd.period_ns = 1;
        odd.quota_ns = 0;
        CHECK(script.play(40 * kPeriod, odd).at(0).enough_quota_ns == 100 * kMs);
    }
}

TEST_CASE("quota: throttled though no period asked for more", "[ledger][quota]")
{
    Script script;
    for (std::uint64_t i = 0; i < 10; ++i) {
        const std::uint64_t at = i * 4 * kPeriod;
        script.run({100, kProd}, at, at + 10 * kMs, Script::Throttled);
        script.episode(kProd, 0, at + 10 * kMs, at + kPeriod);
        script.run({100, kProd}, at + kPeriod, at + kPeriod + 5 * kMs, Script::Sleeps,
                   {.held_ns = 90 * kMs, .throttler = kProd, .wait_ns = 0});
    }
    const auto found = script.play(40 * kPeriod, limit(20)).at(0);
    CHECK_FALSE(found.enough_quota_ns);
    CHECK_FALSE(found.enough_burst_ns);
    CHECK_THAT(found.note, ContainsSubstring("no period asked for more"));
}

TEST_CASE("quota: a throttler that was not told is the nearest one that throttles", "[ledger][quota]")
{
    Script script;
    script.run({100, kBatch}, 0, 20 * kMs, Script::Throttled);
    script.episode(kProd, 0, 20 * kMs, kPeriod);
    script.run({100, kBatch}, kPeriod, kPeriod + kMs, Script::Sleeps,
               {.held_ns = 80 * kMs, .throttler = 0, .wait_ns = 0});
    script.run({300, kOther}, 2 * kPeriod, 2 * kPeriod + kMs, Script::Sleeps,
               {.held_ns = 80 * kMs, .throttler = 0, .wait_ns = 0});
    const auto findings = script.play(4 * kPeriod, limit(20));
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].held_ns == 80 * kMs);
}

TEST_CASE("quota: a long run keeps its last periods, and all of them in the histogram", "[ledger][quota]")
{
    constexpr std::uint64_t kPeriods = 70'000;  // more than DemandSeries keeps
    Script script;
    spin(script, {100, kProd}, kProd, 20 * kMs, kPeriods);
    const auto found = script.play(kPeriods * kPeriod, limit(20)).at(0);
    CHECK(found.episodes == kPeriods);
    CHECK(found.spenders.at(0).ns == kPeriods * 20 * kMs);
    CHECK(periods_at(found, 1.0) >= kPeriods - 5);
    CHECK(found.enough_quota_ns == 100 * kMs);
    CHECK_THAT(found.note, ContainsSubstring("the run was long"));
}

TEST_CASE("quota: records that make no sense do no harm", "[ledger][quota]")
{
    Hierarchy hierarchy = sample_hierarchy();
    Quotas quotas(hierarchy, 2);
    for (const std::uint64_t at : {std::uint64_t{0}, std::uint64_t{5}, kStart, kStart * 1000, ~std::uint64_t{0}}) {
        for (const std::uint64_t length : {std::uint64_t{0}, kMs, at, ~std::uint64_t{0}}) {
            Script::In in{.held_ns = length, .throttler = kProd, .wait_ns = length};
            fb_throttle throttle{};
            throttle.hdr = flyball::profile::test::header(FB_EV_THROTTLE, FB_P_THROTTLE, kProd, at);
            throttle.duration_ns = length;
            throttle.kind = FB_THROTTLE_OWN;
            throttle.cpu = ~0U;
            quotas.on_throttle(throttle);
            fb_held held{};
            held.hdr = flyball::profile::test::header(FB_EV_HELD, FB_P_SWITCH, kBatch, at);
            held.throttler_id = in.throttler;
            held.held_ns = length;
            held.tid = 7;
            quotas.on_held(held);
            fb_switch change{};
            change.hdr = flyball::profile::test::header(FB_EV_SWITCH, FB_P_SWITCH, kBatch, at);
            change.next_tid = change.prev_tid = 7;
            change.prev_cgroup_id = kBatch;
            change.slice_ns = change.wait_ns = length;
            change.irq_ns = ~0U;
            change.flags = FB_SW_PREV_SLICE | FB_SW_NEXT_WAIT | FB_SW_NEXT_HELD;
            quotas.on_switch(change);
        }
    }
    QuotaContext context;
    context.end_ns = kStart;
    context.names.path = [](std::uint64_t) { return "/x"; };
    context.names.comm = [](std::uint32_t) { return "?"; };
    context.limit_of = [](std::string_view) { return CpuLimit{}; };
    CHECK(std::move(quotas).finish(context).size() == 1);
}
