// SPDX-License-Identifier: Apache-2.0
// Every kind of event, and what it feeds.
#include "flyball/profile/accumulator.hpp"
#include "make.hpp"
#include "support/catch.hpp"

#include <random>

using namespace flyball::profile;
using namespace flyball::profile::test;

namespace {

const std::vector<KnownCgroup> kKnown{{0, 1, "/"}, {0, 10, "/a"}, {0, 11, "/a/b"}, {0, 12, "/c"}};

Snapshot run(std::vector<fb_event> events, Closing closing = {})
{
    Accumulator accumulator(v2_meta(), kKnown);
    while (!events.empty()) {
        const std::size_t n = std::min<std::size_t>(events.size(), FB_BATCH_EVENTS);
        send(accumulator, {events.begin(), events.begin() + static_cast<std::ptrdiff_t>(n)}, 1);
        events.erase(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(n));
    }
    return std::move(accumulator).finish(std::move(closing));
}

fb_switch make_switch(std::uint64_t prev, std::uint64_t next, std::uint32_t flags)
{
    fb_switch e{};
    e.hdr = header(FB_EV_SWITCH, FB_P_SWITCH, next);
    e.prev_cgroup_id = prev;
    e.slice_ns = 100;
    e.wait_ns = 7;
    e.flags = static_cast<std::uint16_t>(flags);
    return e;
}

fb_rq make_rq(std::uint32_t op, std::uint64_t queue_ns, std::uint32_t bytes = 4096)
{
    fb_rq e{};
    e.hdr = header(FB_EV_RQ, FB_P_RQ, 10);
    e.queue_ns = queue_ns;
    e.device_ns = 1000;
    e.dev = 8 << 20;
    e.bytes = bytes;
    e.op = op;
    return e;
}

fb_stall make_stall(std::uint32_t kind)
{
    fb_stall e{};
    e.hdr = header(FB_EV_STALL, FB_P_HIGH, 10);
    e.kind = kind;
    e.duration_ns = 50 + kind;
    e.amount = 9;
    return e;
}

}  // namespace

TEST_CASE("switch: slice to the one that leaves, wait to the one that comes")
{
    const Snapshot s = run({event(make_switch(10, 12, FB_SW_PREV_SLICE | FB_SW_NEXT_WAIT))});
    CHECK(sum_of(s, "/a", FB_M_CPU_SLICE) == 100);
    CHECK(find(s, "/a")->of(FB_M_CPU_WAIT).empty());
    CHECK(sum_of(s, "/c", FB_M_CPU_WAIT) == 7);
    CHECK(find(s, "/c")->of(FB_M_CPU_SLICE).empty());
}

TEST_CASE("switch: what is not known is not counted")
{
    CHECK(run({event(make_switch(10, 12, 0))}).cgroups.empty());
    CHECK(run({event(make_switch(10, 12, FB_SW_PREV_SLICE | FB_SW_PREV_IDLE | FB_SW_PREV_RUNNABLE))}).cgroups.empty());
}

TEST_CASE("switch: preempted or throttled, not both")
{
    const Snapshot s = run({event(make_switch(10, 12, FB_SW_PREV_RUNNABLE)),
                            event(make_switch(10, 12, FB_SW_PREV_RUNNABLE | FB_SW_PREV_THROTTLED))});
    CHECK(find(s, "/a")->count_of(FB_M_PREEMPTIONS) == Count{1, 1, 1});
    CHECK(find(s, "/a")->count_of(FB_M_THROTTLED_SWITCHES) == Count{1, 1, 1});
}

TEST_CASE("switch: wake-ups and migrations since the last run")
{
    fb_switch e = make_switch(10, 12, 0);
    e.wakeups = 3;
    e.migrations = 255;
    const Snapshot s = run({event(e)});
    CHECK(find(s, "/c")->count_of(FB_M_WAKEUPS) == Count{3, 3, 3});
    CHECK(find(s, "/c")->count_of(FB_M_MIGRATIONS) == Count{255, 255, 255});
}

TEST_CASE("held: by whom")
{
    fb_held e{};
    e.hdr = header(FB_EV_HELD, FB_P_THROTTLE, 11);
    e.held_ns = 40;
    e.throttler_id = 10;
    fb_held unknown = e;
    unknown.throttler_id = 0;
    fb_held nameless = e;
    nameless.throttler_id = 77;
    const Snapshot s = run({event(e), event(e), event(unknown), event(nameless)});
    CHECK(sum_of(s, "/a/b", FB_M_CPU_THROTTLED_WAIT) == 160);
    CHECK(find(s, "/a/b")->held_by_ns == std::map<std::string, std::uint64_t>{{"/a", 80}, {"?", 40}, {"?0:77", 40}});
    CHECK(find(s, "?0:77") == nullptr);  // it has no data of its own
}

TEST_CASE("throttle: own by CPU, inherited apart")
{
    fb_throttle e{};
    e.hdr = header(FB_EV_THROTTLE, FB_P_THROTTLE, 10);
    e.kind = FB_THROTTLE_OWN;
    e.duration_ns = 30;
    e.cpu = 3;  // ended by another CPU
    fb_throttle inherited = e;
    inherited.kind = FB_THROTTLE_INHERITED;
    inherited.duration_ns = 31;
    fb_throttle strange = e;
    strange.kind = 9;
    const Snapshot s = run({event(e), event(e), event(inherited), event(strange)});
    const CgroupProfile* a = find(s, "/a");
    CHECK(a->of(FB_M_THROTTLE_OWN).sum64() == 60);
    CHECK(a->of(FB_M_THROTTLE_INHERITED).sum64() == 31);
    CHECK(a->throttle_by_cpu == std::map<std::uint32_t, Count>{{3, Count{2, 60, 30}}});
    CHECK(s.loss.unknown_records == 1);
}

TEST_CASE("charge: taken, stalled, refused")
{
    fb_charge refused{};
    refused.hdr = header(FB_EV_CHARGE, FB_P_CHARGE, 10);
    refused.bytes = 8192;
    refused.stall_ns = 5;
    refused.ret = -12;
    fb_charge stalled = refused;
    stalled.ret = 0;
    const Snapshot s = run({charge(10, 4096), event(refused), event(stalled)});
    const CgroupProfile* a = find(s, "/a");
    CHECK(a->of(FB_M_MEM_CHARGE).count() == 2);
    CHECK(a->of(FB_M_MEM_CHARGE).sum64() == 12288);
    CHECK(a->of(FB_M_MEM_CHARGE_STALL).sum64() == 5);
    CHECK(a->count_of(FB_M_CHARGE_FAILED) == Count{1, 8192, 8192});
}

TEST_CASE("stall: each kind its metric")
{
    const Snapshot s =
        run({event(make_stall(FB_STALL_HIGH)), event(make_stall(FB_STALL_RECLAIM)), event(make_stall(FB_STALL_REFAULT)),
             event(make_stall(FB_STALL_GLOBAL)), event(make_stall(99))});
    const CgroupProfile* a = find(s, "/a");
    CHECK(a->of(FB_M_MEM_HIGH).sum64() == 51);
    CHECK(a->of(FB_M_MEM_RECLAIM).sum64() == 52);
    CHECK(a->of(FB_M_MEM_REFAULT).sum64() == 53);
    CHECK(a->of(FB_M_MEM_GLOBAL_RECLAIM).sum64() == 54);
    CHECK(a->count_of(FB_M_RECLAIMED_PAGES) == Count{1, 9, 9});
    CHECK(s.loss.unknown_records == 1);
}

TEST_CASE("bio: sizes by direction; the one that nobody owns")
{
    const Snapshot s =
        run({bio(10, FB_OP_READ, 1), bio(10, FB_OP_WRITE, 2), bio(10, FB_OP_DISCARD, 3), bio(0, FB_OP_FLUSH, 0)});
    CHECK(sum_of(s, "/a", FB_M_IO_SIZE_READ) == 1);
    CHECK(sum_of(s, "/a", FB_M_IO_SIZE_WRITE) == 2);
    CHECK(find(s, "/a")->count_of(FB_M_IO_SIZE_OTHER) == Count{1, 3, 3});
    CHECK(find(s, "(none)")->count_of(FB_M_IO_SIZE_OTHER) == Count{1, 0, 0});
}

TEST_CASE("rq: queue, device and total")
{
    const Snapshot s = run({event(make_rq(FB_OP_READ, 500)), event(make_rq(FB_OP_WRITE, FB_UNKNOWN_NS)),
                            event(make_rq(FB_OP_FLUSH, 20, 0))});
    const CgroupProfile* a = find(s, "/a");
    CHECK(a->of(FB_M_IO_QUEUE_READ).sum64() == 500);
    CHECK(a->of(FB_M_IO_DEVICE_READ).sum64() == 1000);
    CHECK(a->of(FB_M_IO_TOTAL_READ).sum64() == 1500);
    CHECK(a->of(FB_M_IO_QUEUE_WRITE).empty());
    CHECK(a->of(FB_M_IO_DEVICE_WRITE).sum64() == 1000);
    CHECK(a->of(FB_M_IO_TOTAL_WRITE).sum64() == 1000);
    CHECK(a->of(FB_M_IO_DEVICE_OTHER).sum64() == 1000);
    CHECK(a->count_of(FB_M_IO_ERRORS) == Count{});
    REQUIRE(a->io_device_by_class.size() == 3);
    CHECK(a->io_device_by_class.contains({8 << 20, FB_OP_READ, 12}));
    CHECK(a->io_device_by_class.contains({8 << 20, FB_OP_FLUSH, 0}));
}

TEST_CASE("rq: errors, and size classes at their edges")
{
    fb_rq failed = make_rq(FB_OP_READ, 1, 4095);
    failed.error = -5;
    fb_rq huge = make_rq(FB_OP_READ, 1, ~0U);
    const Snapshot s = run({event(failed), event(huge)});
    CHECK(find(s, "/a")->count_of(FB_M_IO_ERRORS) == Count{1, 1, 1});
    CHECK(find(s, "/a")->io_device_by_class.contains({8 << 20, FB_OP_READ, 11}));
    CHECK(find(s, "/a")->io_device_by_class.contains({8 << 20, FB_OP_READ, 31}));
}

TEST_CASE("task: forks, exits, refusals, the peak")
{
    fb_task exit{};
    exit.hdr = header(FB_EV_TASK, FB_P_EXIT, 10);
    exit.kind = FB_TASK_EXIT;
    exit.pids_current = 2;
    fb_task refused = exit;
    refused.kind = FB_TASK_REFUSED;
    refused.pids_current = FB_UNKNOWN_PIDS;
    const Snapshot s = run({fork(10, 3), fork(10, FB_UNKNOWN_PIDS), event(exit), event(refused)});
    const CgroupProfile* a = find(s, "/a");
    CHECK(a->count_of(FB_M_FORKS) == Count{2, 2, 1});
    CHECK(a->count_of(FB_M_EXITS) == Count{1, 1, 1});
    CHECK(a->count_of(FB_M_FORKS_REFUSED) == Count{1, 1, 1});
    CHECK(a->count_of(FB_M_PIDS_PEAK) == Count{0, 0, 3});
}

TEST_CASE("accumulator: unknown events are counted, not fatal")
{
    fb_event strange{};
    strange.hdr = header(FB_EV_MAX + 3, 200, 10);
    Accumulator accumulator(v2_meta(), kKnown);
    send(accumulator, {strange, selftest(10, 5)});
    fb_hdr later = header(FB_EV_CONTROL_MAX, FB_P_CGROUP, 1);
    control(accumulator, later);
    fb_oom_group cut = policy(0, 0, 0, 0);
    accumulator.on_control(std::as_bytes(std::span(&cut, 1)).first(24));  // shorter than it must be
    accumulator.on_control({});
    CHECK(accumulator.received() == 4);
    const Snapshot s = std::move(accumulator).finish({});
    CHECK(s.loss.unknown_records == 4);
    CHECK(sum_of(s, "/a", FB_M_SELFTEST) == 5);
}

TEST_CASE("accumulator: ids that differ only in their upper half are two cgroups")
{
    constexpr std::uint64_t kHigh = (1ULL << 32) + 10;
    Accumulator accumulator(v2_meta(), {{0, 10, "/low"}, {0, kHigh, "/high"}});
    send(accumulator, {wait(10, 1), wait(kHigh, 2), wait((2ULL << 32) + 10, 4)});
    const Snapshot s = std::move(accumulator).finish({});
    CHECK(sum_of(s, "/low", FB_M_CPU_WAIT) == 1);
    CHECK(sum_of(s, "/high", FB_M_CPU_WAIT) == 2);
    CHECK(sum_of(s, "?0:8589934602", FB_M_CPU_WAIT) == 4);
}

TEST_CASE("loss: both sides joined, by program and CPU")
{
    Accumulator accumulator(v2_meta(), kKnown);
    send(accumulator, {wait(10, 1), wait(10, 2), charge(10, 1)}, 0, 5);
    send(accumulator, {wait(10, 1)}, 1, 0);
    control(accumulator, cgroup(FB_CG_MKDIR, 20, "/n"));
    Closing closing;
    closing.programs = {{FB_P_SWITCH, 0, 5, 999, 2, 1, 0},
                        {FB_P_SWITCH, 1, 1, 0, 0, 0, 0},
                        {FB_P_RQ, 0, 0, 0, 0, 0, 4},
                        {FB_P_HIGH, 0, 0, 0, 0, 0, 0}};
    closing.recursion_misses = {{"on_switch", 3}};
    const Snapshot s = std::move(accumulator).finish(std::move(closing));
    REQUIRE(s.loss.programs.size() == 5);
    CHECK(s.loss.programs[0] == ProgramLoss{FB_P_SWITCH, 0, 5, 2, 2, 1, 0});
    CHECK(s.loss.programs[0].balances());
    CHECK(s.loss.programs[1] == ProgramLoss{FB_P_SWITCH, 1, 1, 1, 0, 0, 0});
    CHECK(s.loss.programs[2] == ProgramLoss{FB_P_CHARGE, 0, 0, 1, 0, 0, 0});
    CHECK_FALSE(s.loss.programs[2].balances());
    CHECK(s.loss.programs[3] == ProgramLoss{FB_P_RQ, 0, 0, 0, 0, 0, 4});
    CHECK(s.loss.programs[4] == ProgramLoss{FB_P_CGROUP, 0, 0, 1, 0, 0, 0});
    CHECK(s.loss.recursion_misses.at("on_switch") == 3);
    CHECK(s.loss.sequence_gaps == 0);
}

TEST_CASE("loss: gaps in a CPU's batches; single records stand outside")
{
    Accumulator accumulator(v2_meta(), kKnown);
    for (const std::uint64_t seq : {4ULL, 5ULL, ~0ULL, 6ULL, 9ULL, 10ULL})
        send(accumulator, {wait(10, 1)}, 0, seq);
    send(accumulator, {wait(10, 1)}, 1, 0);
    send(accumulator, {wait(10, 1)}, 1, 2);
    CHECK(std::move(accumulator).finish({}).loss.sequence_gaps == 3);
}

TEST_CASE("fold: a folded run equals an unfolded one")
{
    std::mt19937_64 random(4);
    std::vector<fb_event> all, sent;
    Closing closing;
    for (int i = 0; i < 2000; ++i) {
        const std::uint64_t id = 10 + random() % 4;  // 13 has no name
        const std::uint64_t value = random() >> (20 + random() % 44);
        const bool folded = random() % 3 == 0;
        switch (random() % 4) {
        case 0:
            all.push_back(wait(id, value));
            if (folded)
                fold(closing.folded, id, FB_M_CPU_WAIT, value);
            break;
        case 1:
            all.push_back(charge(id, static_cast<std::int64_t>(value)));
            if (folded)
                fold(closing.folded, id, FB_M_MEM_CHARGE, value);
            break;
        case 2:
            all.push_back(bio(id, FB_OP_OTHER, static_cast<std::uint32_t>(value)));
            if (folded)
                fold_count(closing.folded, id, FB_M_IO_SIZE_OTHER, static_cast<std::uint32_t>(value), 1);
            break;
        default:
            all.push_back(fork(id, static_cast<std::uint32_t>(value)));
            if (folded) {
                fold_count(closing.folded, id, FB_M_FORKS, 1, 1);
                fold_count(closing.folded, id, FB_M_PIDS_PEAK, static_cast<std::uint32_t>(value), 1);
            }
        }
        if (!folded)
            sent.push_back(all.back());
    }
    const Snapshot plain = run(all), folded = run(sent, std::move(closing));
    REQUIRE(plain.cgroups.size() == 4);
    CHECK(folded.cgroups == plain.cgroups);
}

TEST_CASE("fold: an entry that is no metric is counted as unknown")
{
    Closing closing;
    fold(closing.folded, 10, FB_M_CPU_WAIT, 5);
    for (const unsigned metric : {0U, unsigned{FB_M_HIST_MAX}, unsigned{FB_M_MAX}, 0xffffU}) {
        closing.folded.push_back({{10, static_cast<std::uint16_t>(metric), FB_FOLD_TOTAL, 0}, {1, 1, 1, 1}});
    }
    closing.folded.push_back({{10, FB_M_CPU_WAIT, FB_HIST_BUCKETS, 0}, {1, 0, 0, 0}});
    closing.folded.push_back({{10, FB_M_FORKS, 3, 0}, {1, 0, 0, 0}});
    const Snapshot s = run({}, std::move(closing));
    CHECK(s.loss.unknown_records == 6);
    CHECK(find(s, "/a")->of(FB_M_CPU_WAIT).bucket_total() == 1);
}

TEST_CASE("finish: tasks that lived through the window")
{
    const auto task = [](std::uint32_t tid, std::uint64_t start, std::uint64_t base) {
        fb_task_record r{};
        r.tid = tid;
        r.start_ns = start;
        r.cpu_cgroup_id = 11;
        r.run_delay_ns = base + 1;
        r.wait_ns = base + 2;
        r.throttled_ns = base + 3;
        r.run_ns = base + 4;
        r.sum_exec_ns = base + 5;
        std::memcpy(r.comm, "0123456789abcdef", 16);  // no room for the NUL
        return r;
    };
    Closing closing;
    closing.tasks_first = {task(7, 100, 0), task(8, 100, 0), task(5, 100, 0), task(4, 1, 90)};
    closing.tasks_last = {task(7, 100, 50), task(8, 200, 50), task(5, 100, 60), task(9, 1, 0), task(4, 1, 10)};
    closing.end_ns = 17;
    closing.warnings = {"late"};
    const Snapshot s = run({}, std::move(closing));
    REQUIRE(s.tasks.size() == 3);  // tid 8 was reused, 9 is new
    CHECK(s.tasks[0].tid == 4);
    CHECK(s.tasks[0].our_wait_ns == 0);  // never below zero
    CHECK(s.tasks[1] == TaskWindow{5, "0123456789abcdef", "/a/b", 60, 0, 60, 60, 60, 60});
    CHECK(s.tasks[2].tid == 7);
    CHECK(s.meta.end_ns == 17);
    CHECK(s.meta.warnings == std::vector<std::string>{"late"});
}

TEST_CASE("finish: filters select cgroups, counters, tasks and OOM kills")
{
    Meta meta = v2_meta();
    meta.filters = {"/a"};
    Accumulator accumulator(meta, kKnown);
    send(accumulator, {wait(10, 1), wait(11, 1), wait(12, 1), wait(99, 1), bio(0, FB_OP_FLUSH, 0)});
    control(accumulator, decision(12, 1, 5));
    control(accumulator, decision(11, 2 * kSecond, 6));
    Closing closing;
    closing.counters = {{"/c", {}, {}, false}, {"/a", {}, {}, false}};
    fb_task_record task{};
    task.tid = 3;
    task.cpu_cgroup_id = 12;
    closing.tasks_first = closing.tasks_last = {task};
    const Snapshot s = std::move(accumulator).finish(std::move(closing));
    REQUIRE(s.cgroups.size() == 2);
    CHECK(s.cgroups[1].path == "/a/b");
    CHECK(s.counters.size() == 1);
    CHECK(s.tasks.empty());
    REQUIRE(s.ooms.size() == 1);
    CHECK(s.ooms[0].domain == "/a/b");
}

TEST_CASE("finish: a cgroup without data stays only with counters or a life")
{
    Accumulator accumulator(v2_meta(), kKnown);
    control(accumulator, cgroup(FB_CG_MKDIR, 30, "/new"));
    Closing closing;
    closing.counters = {{"/c", {}, {}, false}};
    const Snapshot s = std::move(accumulator).finish(std::move(closing));
    REQUIRE(s.cgroups.size() == 2);
    CHECK(s.cgroups[0].path == "/c");
    CHECK(s.cgroups[1].path == "/new");
    CHECK(s.cgroups[1].life == Life::Created);
}
