// SPDX-License-Identifier: Apache-2.0
// The scheduler's events of known loads, and the demand that must come out.
#include "flyball/tune/demand_trace.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"

#include <array>
#include <cstring>
#include <numeric>
#include <set>
#include <utility>

using namespace flyball;
using namespace flyball::tune;
using flyball::test::kMs;

namespace {

constexpr std::uint64_t kOurs = 100, kChild = 101, kOther = 7;
constexpr std::uint32_t kIdle = 0;

cgroup::Layout layout()
{
    cgroup::Layout all;
    all.hierarchy_of = {{"cpu", 3}, {"pids", 4}};
    return all;
}

SubtreeIds ids()
{
    const std::vector<profile::KnownCgroup> known{{3, kOurs, "/ours"},
                                                  {3, kChild, "/ours/child"},
                                                  {3, kOther, "/oursnot"},
                                                  {4, 50, "/ours"},
                                                  {4, 51, "/ours/child"}};
    return {layout(), known, "/ours"};
}

template <class Body>
fb_event event_of(const Body& body)
{
    fb_event event;
    static_assert(sizeof body == sizeof event);
    std::memcpy(&event, &body, sizeof event);
    return event;
}

struct Play {
    SubtreeIds subtree = ids();
    DemandCollector collector{subtree, 0, 3};

    fb_switch blank(std::uint64_t at_ns, std::uint16_t cpu)
    {
        fb_switch body{};
        body.hdr = {
            .type = FB_EV_SWITCH, .size = sizeof body, .cpu = cpu, .prog = FB_P_SWITCH, .ts_ns = at_ns, .cgroup_id = 0};
        return body;
    }
    void on(std::uint64_t at_ns, std::uint32_t tid, std::uint64_t wait_ns = 0, bool woken = true, std::uint16_t cpu = 0,
            std::uint64_t cgroup = kOurs)
    {
        fb_switch body = blank(at_ns, cpu);
        body.hdr.cgroup_id = cgroup;
        body.next_tid = tid;
        body.prev_tid = kIdle;
        body.wait_ns = wait_ns;
        body.flags = static_cast<std::uint16_t>(FB_SW_PREV_IDLE | FB_SW_NEXT_WAIT | (woken ? FB_SW_NEXT_WOKEN : 0));
        collector.on_event(event_of(body));
    }
    void off(std::uint64_t at_ns, std::uint32_t tid, std::uint64_t slice_ns, bool runnable = false,
             std::uint32_t irq_ns = 0, std::uint16_t cpu = 0, std::uint64_t cgroup = kOurs)
    {
        fb_switch body = blank(at_ns, cpu);
        body.prev_cgroup_id = cgroup;
        body.prev_tid = tid;
        body.next_tid = kIdle;
        body.slice_ns = slice_ns;
        body.irq_ns = irq_ns;
        body.flags =
            static_cast<std::uint16_t>(FB_SW_NEXT_IDLE | FB_SW_PREV_SLICE | (runnable ? FB_SW_PREV_RUNNABLE : 0));
        collector.on_event(event_of(body));
    }
    void held(std::uint64_t until_ns, std::uint32_t tid, std::uint64_t held_ns)
    {
        fb_held body{};
        body.hdr = {.type = FB_EV_HELD,
                    .size = sizeof body,
                    .cpu = 0,
                    .prog = FB_P_SWITCH,
                    .ts_ns = until_ns,
                    .cgroup_id = kOurs};
        body.held_ns = held_ns;
        body.held_until_ns = until_ns;
        body.tid = tid;
        collector.on_event(event_of(body));
    }
    void task(std::uint64_t at_ns, std::uint16_t kind, std::uint32_t tid, std::uint64_t cgroup, std::uint32_t now)
    {
        fb_task body{};
        body.hdr = {
            .type = FB_EV_TASK, .size = sizeof body, .cpu = 0, .prog = FB_P_FORK, .ts_ns = at_ns, .cgroup_id = cgroup};
        body.kind = kind;
        body.tid = tid;
        body.pids_current = now;
        collector.on_event(event_of(body));
    }
};

std::uint64_t displaced_ns(Play& play, std::uint64_t at_ns)
{
    return play.collector.take(at_ns).displaced_ns;
}

std::uint64_t sum(const std::vector<std::uint64_t>& all)
{
    return std::accumulate(all.begin(), all.end(), std::uint64_t{0});
}

}  // namespace

TEST_CASE("demand: a slice lies over the steps in which it ran, and nobody else's does")
{
    Play play;
    play.on(10 * kMs + kMs / 2, 5, kMs / 4);
    play.off(13 * kMs, 5, 5 * kMs / 2);
    play.on(14 * kMs, 6, 0, true, 1, kOther);
    play.off(16 * kMs, 6, 2 * kMs, false, 0, 1, kOther);
    const DemandTrace trace = play.collector.take(20 * kMs);
    REQUIRE(trace.demand_ns.size() == 20);
    CHECK(trace.demand_ns[10] == kMs / 2);
    CHECK(trace.demand_ns[11] == kMs);
    CHECK(trace.demand_ns[12] == kMs);
    CHECK(sum(trace.demand_ns) == 5 * kMs / 2);
    CHECK(trace.run_ns == 5 * kMs / 2);
    REQUIRE(trace.jobs.size() == 1);
    CHECK(trace.jobs[0].begin_ns == 10 * kMs + kMs / 4);
    CHECK(trace.jobs[0].cpu_ns == 5 * kMs / 2);
    CHECK(trace.jobs[0].wait_ns == kMs / 4);
    CHECK(trace.most_running == 1);
}

TEST_CASE("demand: what cpu.max held back is asked for when it was, not when it was done")
{
    Play play;
    // 4 ms of work from 10 ms on: 2 ms, held for 6 ms, 2 ms more.
    play.on(10 * kMs, 5);
    play.off(12 * kMs, 5, 2 * kMs, true);
    play.held(18 * kMs, 5, 6 * kMs);
    play.on(18 * kMs, 5, 0, false);
    play.off(20 * kMs, 5, 2 * kMs);
    const DemandTrace trace = play.collector.take(30 * kMs);
    for (std::size_t step = 10; step < 14; ++step)
        CHECK(trace.demand_ns[step] == kMs);
    CHECK(sum(trace.demand_ns) == 4 * kMs);
    REQUIRE(trace.jobs.size() == 1);
    CHECK(trace.jobs[0].held_ns == 6 * kMs);
    CHECK(trace.held_ns == 6 * kMs);
}

TEST_CASE("demand: who never sleeps has demand where he was held")
{
    Play play;
    // 20 ms of every 100 ms for three seconds, held in between, never asleep.
    play.on(0, 5);
    for (std::uint64_t period = 0; period < 30; ++period) {
        const std::uint64_t at = period * 100 * kMs;
        if (period > 0) {
            play.held(at, 5, 80 * kMs);
            play.on(at, 5, 0, false);
        }
        play.off(at + 20 * kMs, 5, 20 * kMs, true);
    }
    const DemandTrace trace = play.collector.take(2900 * kMs);
    // After the first second it is one CPU, all of the time.
    for (std::size_t step = 1200; step < 2800; ++step)
        CHECK(trace.demand_ns[step] == kMs);
    CHECK(trace.endless_ns > 0);
    CHECK(trace.jobs.empty());
}

TEST_CASE("demand: interrupts are not on the quota's bill")
{
    Play play;
    play.on(10 * kMs, 5);
    play.off(14 * kMs, 5, 4 * kMs, false, 1 * kMs);
    CHECK(sum(play.collector.take(20 * kMs).demand_ns) == 3 * kMs);
}

TEST_CASE("demand: a window ends amid a slice, and the next begins there")
{
    Play play;
    play.on(10 * kMs, 5);
    const DemandTrace first = play.collector.take(15 * kMs);
    CHECK(sum(first.demand_ns) == 5 * kMs);
    play.off(17 * kMs, 5, 7 * kMs);
    const DemandTrace second = play.collector.take(20 * kMs);
    CHECK(sum(second.demand_ns) == 2 * kMs);
    CHECK(second.demand_ns.size() == 5);
    CHECK(second.most_running == 1);
    REQUIRE(second.jobs.size() == 1);
    CHECK(second.jobs[0].cpu_ns == 7 * kMs);
}

TEST_CASE("demand: a task that was running when this began counts from the beginning on")
{
    Play play;
    play.off(3 * kMs, 5, 10 * kMs);
    CHECK(sum(play.collector.take(5 * kMs).demand_ns) == 3 * kMs);
}

TEST_CASE("demand: a lost switch-out does not run for ever")
{
    Play play;
    play.on(1 * kMs, 5);
    // The CPU runs somebody else: 5 has gone, nobody knows when.
    play.on(50 * kMs, 6, 0, true, 0, kOther);
    const DemandTrace trace = play.collector.take(100 * kMs);
    CHECK(sum(trace.demand_ns) == 0);
    play.on(110 * kMs, 8);
    play.off(111 * kMs, 8, kMs);
    CHECK(play.collector.take(200 * kMs).most_running == 1);
}

TEST_CASE("demand: cgroups made below it belong to it, those of another hierarchy do not")
{
    Play play;
    fb_cgroup made{};
    made.hdr = {.type = FB_EV_CGROUP, .size = sizeof made, .cpu = 0, .prog = FB_P_CGROUP, .ts_ns = 0, .cgroup_id = 300};
    made.op = FB_CG_MKDIR;
    made.hierarchy = 3;
    made.parent_id = kChild;
    play.subtree.on_control(std::as_bytes(std::span(&made, 1)));
    made.hierarchy = 4;
    made.hdr.cgroup_id = 301;
    play.subtree.on_control(std::as_bytes(std::span(&made, 1)));
    play.on(10 * kMs, 5, 0, true, 0, 300);
    play.off(11 * kMs, 5, kMs, false, 0, 0, 300);
    play.on(12 * kMs, 6, 0, true, 0, 301);
    play.off(13 * kMs, 6, kMs, false, 0, 0, 301);
    CHECK(sum(play.collector.take(20 * kMs).demand_ns) == kMs);
}

TEST_CASE("demand: tasks are counted at the subject, by ones below it, and by their peak in a millisecond")
{
    Play play;
    play.task(10 * kMs, FB_TASK_FORK, 20, 50, 4);
    play.task(10 * kMs + 100, FB_TASK_FORK, 21, 51, 1);
    play.task(10 * kMs + 200, FB_TASK_EXIT, 21, 51, 0);
    play.task(12 * kMs, FB_TASK_EXIT, 20, 50, 3);
    play.task(13 * kMs, FB_TASK_REFUSED, 20, 50, 3);
    const DemandTrace trace = play.collector.take(20 * kMs);
    CHECK(trace.tasks == std::vector<TaskCount>{{0, 3}, {10 * kMs, 5}, {12 * kMs, 3}});
    CHECK(trace.forks == 2);
    CHECK(trace.refused_forks == 1);
    CHECK(play.collector.take(30 * kMs).tasks == std::vector<TaskCount>{{20 * kMs, 3}});
}

TEST_CASE("demand: a task that exits is gone after its last switch")
{
    Play play;
    play.on(10 * kMs, 5);
    play.task(11 * kMs, FB_TASK_EXIT, 5, 50, 2);
    play.off(12 * kMs, 5, 2 * kMs);
    const DemandTrace trace = play.collector.take(20 * kMs);
    CHECK(sum(trace.demand_ns) == 2 * kMs);
    CHECK(trace.jobs.size() == 1);
    CHECK(play.collector.take(30 * kMs).demand_ns == std::vector<std::uint64_t>(10, 0));
}

TEST_CASE("demand: who waits behind its own siblings is not displaced by others")
{
    // Two tasks that take turns of 4 ms on one CPU, each woken while the other runs.
    Play turns;
    turns.on(10 * kMs, 1);
    for (std::uint64_t at_ms = 14, turn = 0; turn < 20; ++turn, at_ms += 4) {
        const auto from = static_cast<std::uint32_t>(turn % 2 + 1), to = static_cast<std::uint32_t>(3 - from);
        turns.off(at_ms * kMs, from, 4 * kMs);
        turns.on(at_ms * kMs, to, 4 * kMs);
    }
    CHECK(displaced_ns(turns, 100 * kMs) == 0);

    // Of 10 ms, a sibling had the CPU for 6; on another CPU it makes no difference.
    Play partly;
    partly.on(10 * kMs, 1);
    partly.off(16 * kMs, 1, 6 * kMs);
    partly.on(18 * kMs, 2, 10 * kMs);
    CHECK(displaced_ns(partly, 30 * kMs) == 4 * kMs);
    Play elsewhere;
    elsewhere.on(10 * kMs, 1, 0, true, 1);
    elsewhere.off(16 * kMs, 1, 6 * kMs, false, 0, 1);
    elsewhere.on(18 * kMs, 2, 10 * kMs);
    CHECK(displaced_ns(elsewhere, 30 * kMs) == 10 * kMs);

    // An idle CPU that wakes up is nobody; one that was idle in the end only has pulled it.
    Play idle;
    idle.on(10 * kMs, 1, kMs);
    idle.off(11 * kMs, 1, kMs);
    CHECK(displaced_ns(idle, 20 * kMs) == 0);
    idle.on(25 * kMs, 1, 2 * kMs);
    CHECK(displaced_ns(idle, 30 * kMs) == 2 * kMs);

    // A window's end within the sibling's slice changes nothing.
    Play across;
    across.on(10 * kMs, 1);
    (void)across.collector.take(14 * kMs);
    across.off(16 * kMs, 1, 6 * kMs);
    across.on(18 * kMs, 2, 10 * kMs);
    CHECK(displaced_ns(across, 30 * kMs) == 4 * kMs);
}

namespace {

constexpr std::uint64_t kLoad = 200, kUs = 1000;

struct Who {
    std::uint32_t tid;
    std::uint64_t cgroup;
    std::uint16_t kernel_thread = 0;
};
constexpr Who kNobody{0, 1}, kService{5, kOurs}, kSibling{6, kChild}, kClient{20, kLoad}, kBuild{30, kOther},
    kWorker{40, 1, 1};

// CPUs whose switches follow one another, where moves are told.
struct Cpus {
    explicit Cpus(bool load_is_known) : collector(subtree, 0, 1, load_is_known ? &load : nullptr) {}

    SubtreeIds subtree = ids();
    SubtreeIds load{layout(), std::vector<profile::KnownCgroup>{{3, kLoad, "/load"}}, "/load"};
    DemandCollector collector;
    std::array<Who, 2> on{kNobody, kNobody};
    std::set<std::uint32_t> preempted;

    void to(std::uint64_t at_ns, const Who& next, std::uint64_t wait_ns = 0, std::uint16_t cpu = 0,
            bool prev_sleeps = true, std::uint32_t irq_ns = 0)
    {
        const Who prev = std::exchange(on[cpu], next);
        const bool woken = wait_ns > 0 && preempted.erase(next.tid) == 0;
        if (!prev_sleeps)
            preempted.insert(prev.tid);
        fb_switch body{};
        body.hdr = {.type = FB_EV_SWITCH,
                    .size = sizeof body,
                    .cpu = cpu,
                    .prog = FB_P_SWITCH,
                    .ts_ns = at_ns,
                    .cgroup_id = next.cgroup};
        body.prev_cgroup_id = prev.cgroup;
        body.prev_tid = prev.tid;
        body.next_tid = next.tid;
        body.wait_ns = wait_ns;
        body.irq_ns = irq_ns;
        body.migrations = 1;
        body.flags = static_cast<std::uint16_t>(
            (prev.tid == 0 ? FB_SW_PREV_IDLE
             : prev_sleeps ? 0
                           : FB_SW_PREV_RUNNABLE) |
            (next.tid == 0 ? FB_SW_NEXT_IDLE : FB_SW_NEXT_WAIT | (woken ? FB_SW_NEXT_WOKEN : 0)) |
            (prev.kernel_thread != 0 ? FB_SW_PREV_KTHREAD : 0) | (next.kernel_thread != 0 ? FB_SW_NEXT_KTHREAD : 0));
        collector.on_event(event_of(body));
    }
    void moves(std::uint64_t at_ns, const Who& who, std::uint16_t from_cpu, std::uint16_t to_cpu)
    {
        fb_migrate body{};
        body.hdr = {.type = FB_EV_MIGRATE,
                    .size = sizeof body,
                    .cpu = to_cpu,
                    .prog = FB_P_MIGRATE,
                    .ts_ns = at_ns,
                    .cgroup_id = who.cgroup};
        body.tid = who.tid;
        body.from_cpu = from_cpu;
        body.to_cpu = to_cpu;
        collector.on_event(event_of(body));
    }
};

}  // namespace

TEST_CASE("demand: who had the CPU that a task waited for, by name; neither its load nor an idle CPU is anybody")
{
    struct Row {
        const char* what;
        bool load_is_known;
        void (*happens)(Cpus&);
        std::vector<DisplacedBy> by;
    };
    const Row rows[] = {
        {"the load that woke it",
         true,
         [](Cpus& cpus) {
             cpus.to(10 * kMs, kClient);
             cpus.to(10 * kMs + 30 * kUs, kService, 11 * kUs);
         },
         {}},
        {"a client that nobody told of",
         false,
         [](Cpus& cpus) {
             cpus.to(10 * kMs, kClient);
             cpus.to(10 * kMs + 30 * kUs, kService, 11 * kUs);
         },
         {{kLoad, 11 * kUs}}},
        {"an idle CPU, whatever it takes", true, [](Cpus& cpus) { cpus.to(10 * kMs, kService, 5 * kMs); }, {}},
        {"a sibling, then another cgroup",
         true,
         [](Cpus& cpus) {
             cpus.to(10 * kMs, kSibling);
             cpus.to(14 * kMs, kBuild);
             cpus.to(17 * kMs, kService, 5 * kMs);
         },
         {{kOther, 3 * kMs}}},
        {"kernel threads are no cgroup",
         true,
         [](Cpus& cpus) {
             cpus.to(10 * kMs, kWorker);
             cpus.to(12 * kMs, kBuild);
             cpus.to(13 * kMs, kService, 3 * kMs);
         },
         {{kByKernelThreads, 2 * kMs}, {kOther, kMs}}},
        {"behind others on one CPU, pulled to one that was idle",
         true,
         [](Cpus& cpus) {
             cpus.to(10 * kMs, kBuild, 0, 0);
             cpus.moves(16 * kMs, kService, 0, 1);
             cpus.to(16 * kMs, kService, 4 * kMs, 1);
         },
         {{kOther, 4 * kMs}}},
        {"pushed from an idle CPU to one that others have",
         true,
         [](Cpus& cpus) {
             cpus.to(5 * kMs, kService, 0, 0);
             cpus.to(6 * kMs, kNobody, 0, 0);
             cpus.to(10 * kMs, kBuild, 0, 1);
             cpus.moves(14 * kMs, kService, 0, 1);
             cpus.to(16 * kMs, kService, 4 * kMs, 1);
         },
         {{kOther, 2 * kMs}}},
        {"a switch that was lost hides who it was",
         true,
         [](Cpus& cpus) {
             cpus.to(10 * kMs, kClient);
             cpus.on[0] = kBuild;
             cpus.to(13 * kMs, kService, 2 * kMs);
         },
         {{kByUnseen, 2 * kMs}}},
        {"from before the beginning",
         true,
         [](Cpus& cpus) {
             cpus.on[0] = kBuild;
             cpus.to(3 * kMs, kService, 5 * kMs);
         },
         {{kOther, 3 * kMs}}},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        Cpus cpus(row.load_is_known);
        row.happens(cpus);
        const DemandTrace trace = cpus.collector.take(50 * kMs);
        CHECK(trace.displaced_by == row.by);
        std::uint64_t all_ns = 0;
        for (const DisplacedBy& one : row.by)
            all_ns += one.ns;
        CHECK(trace.displaced_ns == all_ns);
        CHECK(cpus.collector.take(60 * kMs).displaced_by.empty());
    }
}

TEST_CASE("demand: of more neighbours than are told apart none is forgotten")
{
    Cpus cpus(true);
    std::uint64_t at_ns = 10 * kMs;
    for (std::uint32_t i = 0; i < 100; ++i, at_ns += 2 * kMs) {
        cpus.to(at_ns, Who{1000 + i, 1000 + i});
        cpus.to(at_ns + kMs, kService, kMs);
        cpus.to(at_ns + kMs + kMs / 2, kNobody);
    }
    const DemandTrace trace = cpus.collector.take(at_ns);
    CHECK(trace.displaced_ns == 100 * kMs);
    CHECK(trace.displaced_by.size() == 65);
    CHECK(trace.displaced_by.front() == DisplacedBy{kByUnseen, 36 * kMs});
    CHECK(trace.others_ns == 100 * kMs);
}

TEST_CASE("demand: however many of its tasks took turns, a neighbour is known by a wait of seconds")
{
    Cpus cpus(true);
    std::uint64_t at_ns = 10 * kMs;
    for (std::uint32_t i = 0; i < 2000; ++i, at_ns += 3 * kMs)
        cpus.to(at_ns, Who{1000 + i % 6, kOther}, 15 * kMs, 0, false);
    cpus.to(at_ns, kService, 6000 * kMs);
    CHECK(cpus.collector.take(at_ns + kMs).displaced_by == std::vector<DisplacedBy>{{kOther, 6000 * kMs}});

    // Of cgroups that take turns it is not all: what is forgotten was theirs, and none of it the load's for sure.
    Cpus mixed(true);
    at_ns = 10 * kMs;
    for (std::uint32_t i = 0; i < 2000; ++i, at_ns += 3 * kMs)
        mixed.to(at_ns, i % 2 == 0 ? kBuild : kClient, 15 * kMs, 0, false);
    mixed.to(at_ns, kService, 6000 * kMs);
    CHECK(mixed.collector.take(at_ns + kMs).displaced_by == std::vector<DisplacedBy>{{kOther, (2000 - 256) * 3 * kMs}});
}

TEST_CASE("demand: undisturbed, work is as much earlier as others, interrupts and the hypervisor took until then")
{
    Cpus cpus(true);
    // 2 ms of work, a neighbour for 3 ms, 2 ms more of which the hypervisor takes one, and 1 ms.
    cpus.to(10 * kMs, kService);
    cpus.to(12 * kMs, kBuild, 0, 0, false);
    cpus.to(15 * kMs, kService, 3 * kMs);
    cpus.to(17 * kMs, kBuild, 0, 0, false, kMs);
    cpus.to(18 * kMs, kService, kMs);
    cpus.to(19 * kMs, kNobody);
    const DemandTrace trace = cpus.collector.take(30 * kMs);
    REQUIRE(trace.undisturbed_ns.size() == trace.demand_ns.size());
    for (std::size_t step = 10; step < 14; ++step)
        CHECK(trace.undisturbed_ns[step] == kMs);
    CHECK(sum(trace.undisturbed_ns) == 4 * kMs);
    CHECK(sum(trace.demand_ns) == 4 * kMs);
    CHECK(trace.demand_ns[18] == kMs);
    REQUIRE(trace.jobs.size() == 1);
    CHECK(trace.jobs[0].disturbed_ns == 5 * kMs);
    CHECK(trace.displaced_ns == 4 * kMs);
    CHECK(trace.interrupted_ns == kMs);
    CHECK(trace.others_ns == 4 * kMs);
    CHECK(trace.spare ==
          flyball::test::Approx(21.0 / 30));  // nothing is known of the other CPU, and it did not run there
}

TEST_CASE("demand: a later look goes on where the first one ended")
{
    DemandTrace seen{.begin_ns = 10 * kMs,
                     .demand_ns = {kMs, 0},
                     .run_ns = kMs,
                     .displaced_ns = 1,
                     .displaced_by = {{7, 1}},
                     .most_running = 2,
                     .forks = 1};
    seen.jobs.push_back({10 * kMs, 11 * kMs, kMs, 0, 0});
    seen.tasks.push_back({10 * kMs, 3});
    // Half a second was not seen between the two.
    DemandTrace next{.begin_ns = 512 * kMs,
                     .demand_ns = {0, kMs, 2 * kMs},
                     .run_ns = 3 * kMs,
                     .displaced_ns = 2,
                     .displaced_by = {{8, 2}, {7, 2}},
                     .others_ns = 5,
                     .spare = 0.5,
                     .most_running = 1,
                     .forks = 4};
    next.jobs.push_back({511 * kMs, 514 * kMs, kMs, 0, 0});
    next.tasks.push_back({513 * kMs, 5});
    append(seen, next);
    CHECK(seen.begin_ns == 10 * kMs);
    CHECK(seen.demand_ns == std::vector<std::uint64_t>{kMs, 0, 0, kMs, 2 * kMs});
    CHECK(seen.run_ns == 4 * kMs);
    CHECK(seen.displaced_ns == 3);
    CHECK(seen.displaced_by == std::vector<DisplacedBy>{{7, 3}, {8, 2}});
    CHECK(seen.others_ns == 5);
    CHECK(seen.spare == flyball::test::Approx(0.7));
    CHECK(seen.most_running == 2);
    CHECK(seen.forks == 5);
    REQUIRE(seen.jobs.size() == 2);
    CHECK(seen.jobs[1].begin_ns == 11 * kMs);
    CHECK(seen.jobs[1].end_ns == 14 * kMs);
    REQUIRE(seen.tasks.size() == 2);
    CHECK(seen.tasks[1] == TaskCount{13 * kMs, 5});
}

TEST_CASE("demand: of more jobs than are kept, those that are left are spread over all of the window")
{
    Play play;
    constexpr std::uint64_t kEachNs = 4000, kJobs = 2 * kMostJobs + kMostJobs / 2;
    for (std::uint64_t i = 0; i < kJobs; ++i) {
        play.on(i * kEachNs + 1000, 1);
        play.off(i * kEachNs + 2000, 1, 1000);
    }
    const DemandTrace trace = play.collector.take(kJobs * kEachNs);
    CHECK(trace.jobs.size() <= kMostJobs);
    CHECK(trace.jobs.size() >= kMostJobs / 2);
    CHECK(trace.jobs.size() + trace.jobs_left_out == kJobs);
    CHECK(trace.one_of == 4);
    const auto late =
        std::ranges::count_if(trace.jobs, [&](const Job& job) { return job.end_ns > kJobs * kEachNs / 2; });
    const double share = static_cast<double>(late) / static_cast<double>(trace.jobs.size());
    CHECK(share > 0.49);
    CHECK(share < 0.51);
}

TEST_CASE("demand: looks of which one has lost jobs are joined as if both had")
{
    const auto look = [](std::size_t jobs) {
        DemandTrace trace{.demand_ns = {kMs}};
        for (std::uint64_t i = 0; i < jobs; ++i)
            trace.jobs.push_back({i, i + 1, 1, 0, 0});
        return trace;
    };
    DemandTrace seen = look(1000), next = look(999);
    thin(next);
    REQUIRE(next.jobs.size() == 500);
    append(seen, next);
    CHECK(seen.one_of == 2);
    CHECK(seen.jobs.size() == 1000);
    CHECK(seen.jobs.size() + seen.jobs_left_out == 1999);

    DemandTrace thinned = look(1000);
    thin(thinned);
    append(thinned, look(999));
    CHECK(thinned.jobs.size() == 1000);
    CHECK(thinned.jobs.size() + thinned.jobs_left_out == 1999);

    DemandTrace full = look(kMostJobs);
    append(full, look(10));
    CHECK(full.one_of == 2);
    CHECK(full.jobs.size() + full.jobs_left_out == kMostJobs + 10);
}
