// SPDX-License-Identifier: Apache-2.0
#include "flyball/audit/audit.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <set>

using namespace flyball::audit;
using flyball::profile::CgroupProfile;
using flyball::profile::CounterWindow;
using flyball::profile::Coverage;
using flyball::profile::KernelCounters;
using flyball::profile::OomEpisode;
using flyball::profile::OomVictim;
using flyball::profile::Snapshot;

namespace {

constexpr std::uint64_t kMs = 1'000'000;

Snapshot base(std::string kernel = "6.12.1")
{
    Snapshot s;
    s.meta.kernel = std::move(kernel);
    for (const char* metric : {"cpu", "mem", "io", "pids", "oom"})
        s.meta.coverage.push_back({metric, true, "hook", "", ""});
    return s;
}

CgroupProfile& cgroup(Snapshot& s, std::string path)
{
    CgroupProfile profile;
    profile.path = std::move(path);
    s.cgroups.push_back(std::move(profile));
    return s.cgroups.back();
}

CounterWindow& window(Snapshot& s, std::string path, KernelCounters last = {}, std::optional<KernelCounters> first = {})
{
    s.counters.push_back({.path = std::move(path), .first = std::move(first), .last = std::move(last)});
    return s.counters.back();
}

AuditRow row(const Snapshot& s, std::string_view path, std::string_view quantity)
{
    for (const AuditRow& r : audit(s)) {
        if (r.cgroup == path && r.quantity == quantity)
            return r;
    }
    FAIL("no row " << path << " " << quantity);
    return {};
}

KernelCounters throttled(std::uint64_t ns)
{
    KernelCounters k;
    k.throttled_ns = ns;
    return k;
}

void mark(OomEpisode& e, std::uint32_t pid, std::string path)
{
    OomVictim v;
    v.tid = v.tgid = pid;
    v.cgroup = std::move(path);
    v.marked_ns = e.ts_ns + pid;
    e.victims.push_back(std::move(v));
}

OomEpisode episode(std::optional<bool> group, std::uint32_t victims, const std::string& path = "/a/b")
{
    OomEpisode e;
    e.ts_ns = 5;
    e.decision_seen = true;
    e.domain = path;
    e.group_policy = group;
    e.victim_tgid = 1;
    for (std::uint32_t pid = 1; pid <= victims; ++pid)
        mark(e, pid, path);
    return e;
}

KernelCounters events(std::uint64_t oom, std::uint64_t kills)
{
    KernelCounters k;
    k.memory_events = {{"oom", oom}, {"oom_kill", kills}};
    return k;
}

}  // namespace

TEST_CASE("throttled time: 1 % or 2 ms, and the longest episode where only sched_switch shows its end", "[audit]")
{
    struct Case {
        const char* kernel;
        const char* hook;
        std::uint64_t ours, kernel_ns;
        Verdict verdict;
    };
    const Case cases[] = {
        {"6.12.1", "fexit/throttle_cfs_rq", 990 * kMs, 1000 * kMs, Verdict::Agree},
        {"6.12.1", "fexit/throttle_cfs_rq", 985 * kMs, 1000 * kMs, Verdict::Disagree},
        {"6.12.1", "tp_btf/sched_switch", 985 * kMs, 1000 * kMs, Verdict::Agree},
        {"6.18.15", "tp_btf/sched_switch", 400 * kMs, 1000 * kMs, Verdict::Disagree},
        {"6.18.15", "fexit/throttle_cfs_rq", 1009 * kMs, 1000 * kMs, Verdict::Agree},
        {"7.2.12", "fexit/throttle_cfs_rq", 1015 * kMs, 1000 * kMs, Verdict::Disagree},
        {"6.1.192", "fexit/throttle_cfs_rq", 12 * kMs, 10 * kMs, Verdict::Agree},  // 2 ms are allowed
        {"6.1.192", "fexit/throttle_cfs_rq", 13 * kMs, 10 * kMs, Verdict::Disagree},
        {"6.1.192", "fexit/throttle_cfs_rq", 0, 10 * kMs, Verdict::Disagree},
        {"garbage", "fexit/throttle_cfs_rq", 0, 0, Verdict::Agree},
    };
    for (const Case& c : cases) {
        CAPTURE(c.kernel, c.hook, c.ours, c.kernel_ns);
        Snapshot s = base(c.kernel);
        s.meta.coverage.push_back({"cpu.throttle.own", true, c.hook, "", ""});
        if (c.ours > 0)
            cgroup(s, "/a").hist[FB_M_THROTTLE_OWN].add(c.ours);
        window(s, "/a", throttled(c.kernel_ns + 7), throttled(7));
        CHECK(row(s, "/a", "cpu.throttled").verdict == c.verdict);
    }
}

TEST_CASE("run delay and CPU time are summed over the tasks of a cgroup", "[audit]")
{
    Snapshot s = base();
    cgroup(s, "/a").hist[FB_M_CPU_WAIT].add(5);
    s.tasks = {{1, "x", "/a", 100 * kMs, 0, 60 * kMs, 40 * kMs, 500 * kMs, 499 * kMs},
               {2, "y", "/a", 200 * kMs, 0, 150 * kMs, 48 * kMs, 500 * kMs, 480 * kMs}};
    CHECK(row(s, "/a", "cpu.run_delay").ours == 298 * kMs);
    CHECK(row(s, "/a", "cpu.run_delay").verdict == Verdict::Agree);
    CHECK(row(s, "/a", "cpu.run").verdict == Verdict::Disagree);
    s.tasks.clear();
    CHECK(row(s, "/a", "cpu.run_delay").verdict == Verdict::NotComparable);
    CHECK(row(s, "/a", "cpu.run_delay").reason == "no task of it lived through the whole window");
}

TEST_CASE("sleep that the kernel counts as run delay is taken off its side", "[audit]")
{
    Snapshot s = base();
    cgroup(s, "/a").hist[FB_M_CPU_WAIT].add(5);
    s.tasks = {{1, "x", "/a", 100 * kMs, 0, 60 * kMs, 40 * kMs, 500 * kMs, 499 * kMs},
               {2, "kcompactd0", "/a", 504 * kMs, 0, 1 * kMs, 0, 18 * kMs, 18 * kMs}};
    CHECK(row(s, "/a", "cpu.run_delay").verdict == Verdict::Disagree);
    s.tasks[1].kernel_slept_ns = 503 * kMs;
    CHECK(row(s, "/a", "cpu.run_delay").verdict == Verdict::Agree);
    CHECK(row(s, "/a", "cpu.run_delay").kernel == 101 * kMs);
    CHECK(row(s, "/a", "cpu.run_delay").reason.find("503.000 ms of sleep") != std::string::npos);
    // a task whose switches the kernel hid from us says nothing
    s.tasks.push_back({3, "z", "/a", 50 * kMs, 0, 2 * kMs, 0, 18 * kMs, 90 * kMs, 4});
    CHECK(row(s, "/a", "cpu.run_delay").verdict == Verdict::Agree);
    CHECK(row(s, "/a", "cpu.run").verdict == Verdict::Agree);
    CHECK(row(s, "/a", "cpu.run_delay").reason.find("1 set aside: 4 of their") != std::string::npos);
    // what we have too much stays a disagreement
    s.tasks[1] = {2, "y", "/a", 1 * kMs, 0, 504 * kMs, 0, 18 * kMs, 18 * kMs};
    CHECK(row(s, "/a", "cpu.run_delay").verdict == Verdict::Disagree);
}

TEST_CASE("io.stat is hierarchical and exact", "[audit]")
{
    Snapshot s = base();
    cgroup(s, "/a").hist[FB_M_IO_SIZE_READ].add(4096, 2);
    cgroup(s, "/a/b").hist[FB_M_IO_SIZE_READ].add(65536, 126);
    cgroup(s, "/ab").hist[FB_M_IO_SIZE_READ].add(512);
    KernelCounters k;
    k.io_rbytes = 2 * 4096 + 126 * 65536;
    k.io_rios = 128;
    k.io_wbytes = 0;
    k.io_wios = 1;
    window(s, "/a", k);
    CHECK(row(s, "/a", "io.read.bytes").verdict == Verdict::Agree);
    CHECK(row(s, "/a", "io.read.ops").verdict == Verdict::Agree);
    CHECK(row(s, "/a", "io.write.bytes").verdict == Verdict::Agree);
    CHECK(row(s, "/a", "io.write.ops").verdict == Verdict::Disagree);
    CHECK(row(s, "/ab", "io.read.bytes").reason == "io.stat was never read");

    s.counters[0].last_from_rmdir = true;  // sampled before the end
    CHECK(row(s, "/a", "io.read.ops").verdict == Verdict::Agree);
    CHECK(row(s, "/a", "io.write.ops").verdict == Verdict::NotComparable);
}

TEST_CASE("the root's io.stat counts something else", "[audit]")
{
    Snapshot s = base();
    cgroup(s, "/a").hist[FB_M_IO_SIZE_READ].add(4096, 2);
    KernelCounters k;
    k.io_rios = 1;
    window(s, "/", k);
    CHECK(row(s, "/", "io.read.ops").verdict == Verdict::NotComparable);
}

TEST_CASE("a group kill counts its chosen victim twice", "[audit]")
{
    struct Case {
        const char* what;
        std::optional<bool> group;
        std::uint32_t marked;
        std::uint64_t kernel;
        Verdict verdict;
    };
    const Case cases[] = {
        {"group of three", true, 3, 4, Verdict::Agree},
        {"the chosen one was gone at the second meeting", true, 3, 3, Verdict::Agree},
        {"a mark was missed", true, 2, 4, Verdict::Disagree},
        {"a mark too many", true, 5, 4, Verdict::Disagree},
        {"group of one", true, 1, 2, Verdict::Agree},
        {"single kill", false, 1, 1, Verdict::Agree},
        {"single kill, counted twice", false, 1, 2, Verdict::Disagree},
        {"policy not observable: either", std::nullopt, 3, 4, Verdict::Agree},
        {"policy not observable: neither", std::nullopt, 3, 5, Verdict::Disagree},
        {"the kernel killed and we saw nothing", false, 0, 1, Verdict::Disagree},
    };
    for (const Case& c : cases) {
        CAPTURE(c.what);
        Snapshot s = base();
        if (c.marked > 0)
            s.ooms = {episode(c.group, c.marked)};
        window(s, "/a/b", events(1, c.kernel));
        CHECK(row(s, "/a/b", "oom.kills").verdict == c.verdict);
    }
}

TEST_CASE("oom_kill of a parent counts what is below it, of a sibling it does not", "[audit]")
{
    Snapshot s = base();
    s.ooms = {episode(true, 3)};
    window(s, "/a", events(1, 4));
    window(s, "/a/c", events(0, 0));
    CHECK(row(s, "/a", "oom.kills").verdict == Verdict::Agree);
    CHECK(row(s, "/a/c", "oom.kills").verdict == Verdict::Agree);
    CHECK_FALSE(row(s, "/a/c", "oom.kills").matters());
}

TEST_CASE("after a removal memory.events.local is what is left, and it is local", "[audit]")
{
    Snapshot s = base();
    s.ooms = {episode(true, 3, "/a/b"), episode(false, 1, "/a")};
    KernelCounters k;
    k.memory_events_local = {{"oom", 1}, {"oom_kill", 1}};
    window(s, "/a", k).last_from_rmdir = true;
    CHECK(row(s, "/a", "oom.kills").verdict == Verdict::Agree);
    CHECK(row(s, "/a", "oom.decisions").verdict == Verdict::Agree);
}

TEST_CASE("the kernel's oom count is at least the number of decisions", "[audit]")
{
    struct Case {
        std::uint32_t ours;
        std::uint64_t oom, kills;
        Verdict verdict;
    };
    for (const Case& c :
         {Case{1, 1, 1, Verdict::Agree}, Case{1, 5, 1, Verdict::Agree}, Case{1, 0, 1, Verdict::Disagree},
          Case{0, 1, 1, Verdict::Disagree}, Case{0, 1, 0, Verdict::Agree}}) {
        CAPTURE(c.ours, c.oom, c.kills);
        Snapshot s = base();
        for (std::uint32_t i = 0; i < c.ours; ++i)
            s.ooms.push_back(episode(false, 1));
        window(s, "/a/b", events(c.oom, c.kills));
        CHECK(row(s, "/a/b", "oom.decisions").verdict == c.verdict);
    }
}

TEST_CASE("pids.events belongs to the task's cgroup on old kernels and to the limit's on new ones", "[audit]")
{
    const auto limit = [](std::uint64_t n) {
        KernelCounters k;
        k.pids_max_events = n;
        return k;
    };
    Snapshot s = base();
    cgroup(s, "/a");
    cgroup(s, "/a/b").counts[FB_M_FORKS_REFUSED - FB_M_WAKEUPS] = {5, 5, 1};

    SECTION("counted where the task was")
    {
        window(s, "/a", limit(0));
        window(s, "/a/b", limit(5));
        CHECK(row(s, "/a", "pids.refused").verdict == Verdict::Agree);
        CHECK(row(s, "/a/b", "pids.refused").verdict == Verdict::Agree);
    }
    SECTION("counted at the limit, hierarchically")
    {
        window(s, "/a", limit(5));
        window(s, "/a/b", limit(0));
        CHECK(row(s, "/a", "pids.refused").verdict == Verdict::Agree);
        CHECK(row(s, "/a/b", "pids.refused").verdict == Verdict::NotComparable);
        CHECK(row(s, "/a/b", "pids.refused").reason == "refused by /a, and counted there");
    }
    SECTION("counted nowhere")
    {
        window(s, "/a", limit(0));
        window(s, "/a/b", limit(3));
        CHECK(row(s, "/a/b", "pids.refused").verdict == Verdict::Disagree);
    }
    SECTION("the file is our only source")
    {
        s.cgroups[1].counts = {};
        s.meta.coverage.push_back({"pids.refused", true, "pids.events (polled)", "", ""});
        window(s, "/a/b", limit(5));
        CHECK(row(s, "/a/b", "pids.refused").verdict == Verdict::NotComparable);
    }
}

TEST_CASE("pids.peak is comparable in cgroups made inside the window", "[audit]")
{
    KernelCounters k;
    k.pids_peak = 8;
    Snapshot s = base();
    CgroupProfile& c = cgroup(s, "/a");
    c.counts[FB_M_PIDS_PEAK - FB_M_WAKEUPS].max = 7;
    c.counts[FB_M_FORKS - FB_M_WAKEUPS] = {7, 7, 1};
    window(s, "/a", k);
    CHECK(row(s, "/a", "pids.peak").verdict == Verdict::Agree);
    s.counters[0].first = KernelCounters{};
    CHECK(row(s, "/a", "pids.peak").verdict == Verdict::NotComparable);
    s.cgroups[0].counts[FB_M_PIDS_PEAK - FB_M_WAKEUPS].max = 10;  // more than in its whole life
    CHECK(row(s, "/a", "pids.peak").verdict == Verdict::Disagree);
}

TEST_CASE("what was not measured or not read is not comparable, never zero", "[audit]")
{
    Snapshot s = base();
    s.meta.coverage = {{"io", true, "hook", "", ""}, {"cpu.throttle.own", false, "", "no fentry", "boot otherwise"}};
    KernelCounters k = throttled(50 * kMs);
    window(s, "/a", k);
    const AuditRow unmeasured = row(s, "/a", "cpu.throttled");
    CHECK(unmeasured.verdict == Verdict::NotComparable);
    CHECK_FALSE(unmeasured.ours.has_value());
    CHECK(unmeasured.kernel == 50 * kMs);
    CHECK(unmeasured.reason == "cpu.throttle.own was not measured: no fentry");
    CHECK(row(s, "/a", "io.read.ops").reason == "the cgroup has no io.stat");
    CHECK(row(s, "/a", "pids.refused").reason == "the cgroup has no pids.events");

    window(s, "/gone").last.reset();
    CHECK(row(s, "/gone", "io.read.ops").reason == "io.stat was never read: the cgroup was gone before");
    window(s, "/back", throttled(1), throttled(2));
    CHECK(row(s, "/back", "cpu.throttled").verdict == Verdict::NotComparable);
}

TEST_CASE("outside of the filter nothing is compared", "[audit]")
{
    Snapshot s = base();
    s.meta.filters = {"/a/b"};
    cgroup(s, "/a/b").hist[FB_M_IO_SIZE_READ].add(4096);
    KernelCounters k;
    k.io_rios = 100;
    window(s, "/a", k);
    // there for its limits only: nothing is said of it
    CHECK(std::ranges::none_of(audit(s), [](const AuditRow& r) { return r.cgroup == "/a"; }));
    cgroup(s, "/a");
    CHECK(row(s, "/a", "io.read.ops").verdict == Verdict::NotComparable);
}

TEST_CASE("losses and buckets are audited for the whole recording", "[audit]")
{
    Snapshot s = base();
    s.loss.programs = {{FB_P_SWITCH, 0, 10, 7, 2, 1, 0}, {FB_P_SWITCH, 1, 10, 9, 0, 0, 0}};
    CHECK(row(s, "", "loss.sched_switch.cpu0").verdict == Verdict::Agree);
    CHECK(row(s, "", "loss.sched_switch.cpu1").verdict == Verdict::Disagree);
    CHECK(row(s, "", "loss.sequence_gaps").verdict == Verdict::Agree);
    s.loss.sequence_gaps = 1;
    CHECK(row(s, "", "loss.sequence_gaps").verdict == Verdict::Disagree);

    cgroup(s, "/a").hist[FB_M_CPU_WAIT].add(5);
    CHECK(row(s, "", "buckets.cpu.wait").verdict == Verdict::Agree);
    // Two errors that cancel out in the sum are errors all the same.
    s.cgroups[0].hist[FB_M_CPU_WAIT].add_folded_bucket(9, 1);
    cgroup(s, "/b").hist[FB_M_CPU_WAIT].add_folded_total({1, 9, 9, 9});
    const AuditRow buckets = row(s, "", "buckets.cpu.wait");
    CHECK(buckets.difference() == 0);
    CHECK(buckets.verdict == Verdict::Disagree);
    CHECK(buckets.reason == "/a: 2 in buckets, 1 counted");
}

TEST_CASE("sampled stacks are audited where there are any", "[audit][stacks]")
{
    Snapshot s = base();
    std::vector<AuditRow> rows = flyball::audit::audit(s);
    CHECK(std::ranges::none_of(rows, [](const AuditRow& r) { return r.quantity.starts_with("loss.stacks"); }));
    flyball::profile::Stacks& stacks = s.stacks.emplace();
    stacks.attempted = 10;
    stacks.delivered = 8;
    stacks.dropped = 2;
    stacks.frames = {"f"};
    stacks.stacks = {{.cgroup_id = 1, .comm = "a", .frames = {0}, .samples = 8}};
    CHECK(row(s, "", "loss.stacks").verdict == Verdict::Agree);
    CHECK(row(s, "", "loss.stacks.counted").verdict == Verdict::Agree);
    stacks.attempted = 11;
    CHECK(row(s, "", "loss.stacks").verdict == Verdict::Disagree);
    stacks.stacks[0].samples = 9;
    CHECK(row(s, "", "loss.stacks.counted").verdict == Verdict::Disagree);
}

TEST_CASE("a recording that compared nothing does not pass", "[audit]")
{
    Snapshot s = base();
    CHECK(summarize(audit(s)).outcome == Outcome::NothingCompared);

    // Losses that balance say nothing about the kernel; neither do zeros.
    s.loss.programs = {{FB_P_SWITCH, 0, 10, 10, 0, 0, 0}};
    window(s, "/a", throttled(0));
    const Summary vacuous = summarize(audit(s));
    CHECK(vacuous.agree > 0);
    CHECK(vacuous.outcome == Outcome::NothingCompared);
    CHECK(name(vacuous.outcome) == "nothing compared");

    s.counters[0].last = throttled(kMs);
    CHECK(summarize(audit(s)).outcome == Outcome::Agree);  // 1 ms is within the tolerance
    s.counters[0].last = throttled(3 * kMs);
    CHECK(summarize(audit(s)).outcome == Outcome::Disagree);
}

TEST_CASE("difference and percent", "[audit]")
{
    AuditRow r{.ours = 90, .kernel = 100};
    CHECK(r.difference() == 10);
    CHECK(*r.percent() == flyball::test::Approx(-10));
    r.kernel = 0;
    CHECK_FALSE(r.percent());
    r.kernel.reset();
    CHECK(r.difference() == 0);
    CHECK(r.matters());
}

TEST_CASE("every metric has one name, and the name leads back to it", "[audit][metrics]")
{
    std::set<std::string_view> names;
    for (const Metric& metric : metrics()) {
        CHECK(names.insert(metric.name).second);
        CHECK(find_metric(metric.name) == &metric);
        CHECK(find_metric(metric.id) == &metric);
        CHECK_FALSE(metric.title.empty());
        CHECK_FALSE(metric.help.empty());
    }
    CHECK(find_metric("cpu.nothing") == nullptr);
    CHECK(program_name(FB_P_SWITCH) == "sched_switch");
    CHECK(program_name(FB_P_CGROUP) == "cgroup");
    CHECK(program_name(999) == "?");
}
