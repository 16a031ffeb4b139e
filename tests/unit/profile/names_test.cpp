// SPDX-License-Identifier: Apache-2.0
// Names that come late, change, and outlive their cgroups.
#include "make.hpp"
#include "support/catch.hpp"

using namespace flyball::profile;
using namespace flyball::profile::test;

namespace {

constexpr int kCpu = 3, kMemory = 4, kIo = 5, kPids = 6;

Meta hybrid_meta()
{
    Meta meta;
    meta.hierarchy = {{"cpu", kCpu}, {"memory", kMemory}, {"io", kIo}, {"pids", kPids}};
    return meta;
}

fb_cgroup removal(std::uint64_t id, std::string_view path, std::uint64_t ts, std::uint64_t throttled_ns)
{
    fb_cgroup r = cgroup(FB_CG_RMDIR, id, path, kV2, ts);
    r.last.valid = FB_CV_CPU | FB_CV_MEMORY | FB_CV_PIDS;
    r.last.nr_periods = 10;
    r.last.nr_throttled = 4;
    r.last.throttled_ns = throttled_ns;
    r.last.memory_events[4] = 1;
    r.last.memory_watermark = 1000 + ts;
    r.last.pids_watermark = 5;
    return r;
}

}  // namespace

TEST_CASE("names: a name that comes after the events")
{
    Accumulator accumulator(v2_meta(), {});
    send(accumulator, {wait(20, 1), wait(20, 2)});
    control(accumulator, cgroup(FB_CG_MKDIR, 20, "/late"));
    send(accumulator, {wait(20, 4)});
    const Snapshot s = std::move(accumulator).finish({});
    REQUIRE(s.cgroups.size() == 1);
    CHECK(s.cgroups[0].path == "/late");
    CHECK(s.cgroups[0].life == Life::Created);
    CHECK(s.cgroups[0].of(FB_M_CPU_WAIT).sum64() == 7);
    CHECK(s.cgroups[0].ids == std::map<int, std::uint64_t>{{0, 20}});
}

TEST_CASE("names: a late name that another id already has joins their data")
{
    Accumulator accumulator(v2_meta(), {{0, 10, "/a"}});
    fb_held held{};
    held.hdr = header(FB_EV_HELD, FB_P_THROTTLE, 10);
    held.throttler_id = 20;  // no name yet: its entity will be merged away
    held.held_ns = 8;
    send(accumulator, {wait(10, 1), wait(20, 2), event(held)});
    control(accumulator, cgroup(FB_CG_RMDIR, 10, "/a"));
    control(accumulator, cgroup(FB_CG_MKDIR, 20, "/a"));
    const Snapshot s = std::move(accumulator).finish({});
    REQUIRE(s.cgroups.size() == 1);
    CHECK(sum_of(s, "/a", FB_M_CPU_WAIT) == 3);
    CHECK(s.cgroups[0].held_by_ns == std::map<std::string, std::uint64_t>{{"/a", 8}});
    CHECK(s.cgroups[0].life == Life::Alive);
    CHECK(s.cgroups[0].ids.at(0) == 20);
}

TEST_CASE("names: never named, nobody's")
{
    Accumulator accumulator(hybrid_meta(), {});
    send(accumulator, {wait(20, 1), charge(20, 2), wait(0, 3)});
    const Snapshot s = std::move(accumulator).finish({});
    REQUIRE(s.cgroups.size() == 3);
    CHECK(sum_of(s, "(none)", FB_M_CPU_WAIT) == 3);
    CHECK(sum_of(s, "?3:20", FB_M_CPU_WAIT) == 1);
    CHECK(sum_of(s, "?4:20", FB_M_MEM_CHARGE) == 2);
}

TEST_CASE("names: a removed cgroup keeps its name and its late events")
{
    Accumulator accumulator(v2_meta(), {{0, 10, "/a"}});
    control(accumulator, cgroup(FB_CG_MKDIR, 20, "/b"));
    control(accumulator, cgroup(FB_CG_EMPTY, 20, "/b"));
    control(accumulator, cgroup(FB_CG_RMDIR, 20, "/b"));
    control(accumulator, cgroup(FB_CG_RELEASE, 20, "/b"));
    control(accumulator, cgroup(FB_CG_RMDIR, 10, "/a"));
    send(accumulator, {wait(20, 5), wait(10, 6)});
    const Snapshot s = std::move(accumulator).finish({});
    CHECK(sum_of(s, "/b", FB_M_CPU_WAIT) == 5);
    CHECK(find(s, "/b")->life == Life::CreatedAndRemoved);
    CHECK(find(s, "/a")->life == Life::Removed);
}

TEST_CASE("names: the same path twice, with two ids")
{
    Accumulator accumulator(v2_meta(), {});
    control(accumulator, cgroup(FB_CG_MKDIR, 20, "/job"));
    send(accumulator, {wait(20, 1)});
    control(accumulator, cgroup(FB_CG_RMDIR, 20, "/job"));
    control(accumulator, cgroup(FB_CG_MKDIR, 21, "/job"));
    send(accumulator, {wait(21, 2), wait(20, 4)});  // the old one's last event comes late
    CHECK(accumulator.take_created() == std::vector<std::string>{"/job"});
    const Snapshot s = std::move(accumulator).finish({});
    REQUIRE(s.cgroups.size() == 1);
    CHECK(sum_of(s, "/job", FB_M_CPU_WAIT) == 7);
    CHECK(s.cgroups[0].life == Life::Created);
    CHECK(s.cgroups[0].ids.at(0) == 21);
}

TEST_CASE("names: renaming moves what is to come, and the children")
{
    Accumulator accumulator(v2_meta(), {{0, 10, "/a"}, {0, 11, "/a/b"}, {0, 12, "/a/b/c"}, {0, 13, "/ab"}});
    send(accumulator, {wait(10, 1), wait(11, 2), wait(12, 4), wait(13, 8)});
    control(accumulator, cgroup(FB_CG_RENAME, 10, "/z"));
    send(accumulator, {wait(10, 16), wait(11, 32), wait(12, 64), wait(13, 128)});
    const Snapshot s = std::move(accumulator).finish({});
    CHECK(sum_of(s, "/a", FB_M_CPU_WAIT) == 1);
    CHECK(sum_of(s, "/a/b", FB_M_CPU_WAIT) == 2);
    CHECK(sum_of(s, "/a/b/c", FB_M_CPU_WAIT) == 4);
    CHECK(sum_of(s, "/ab", FB_M_CPU_WAIT) == 136);
    CHECK(sum_of(s, "/z", FB_M_CPU_WAIT) == 16);
    CHECK(sum_of(s, "/z/b", FB_M_CPU_WAIT) == 32);
    CHECK(sum_of(s, "/z/b/c", FB_M_CPU_WAIT) == 64);
    CHECK(find(s, "/a")->life == Life::Removed);
    CHECK(find(s, "/z")->life == Life::Created);  // the path, not what it stands for
}

TEST_CASE("names: a rename is the first that is heard of a cgroup")
{
    Accumulator accumulator(v2_meta(), {});
    send(accumulator, {wait(10, 1)});
    control(accumulator, cgroup(FB_CG_RENAME, 10, "/z"));
    control(accumulator, cgroup(FB_CG_POPULATED, 10, "/old"));  // out of order: the rename stands
    const Snapshot s = std::move(accumulator).finish({});
    CHECK(sum_of(s, "/z", FB_M_CPU_WAIT) == 1);
}

TEST_CASE("names: each kind of record names")
{
    for (const std::uint32_t op :
         {FB_CG_MKDIR, FB_CG_RMDIR, FB_CG_RENAME, FB_CG_RELEASE, FB_CG_POPULATED, FB_CG_EMPTY}) {
        Accumulator accumulator(v2_meta(), {});
        control(accumulator, cgroup(op, 10, "/x"));
        send(accumulator, {wait(10, 1)});
        CHECK(sum_of(std::move(accumulator).finish({}), "/x", FB_M_CPU_WAIT) == 1);
    }
}

TEST_CASE("names: paths that were cut stay apart")
{
    const std::string lengthy = "/" + std::string(300, 'x');
    Accumulator accumulator(v2_meta(), {{0, 30, lengthy + "/known"}});
    control(accumulator, cgroup(FB_CG_MKDIR, 20, lengthy + "/one"));
    control(accumulator, cgroup(FB_CG_MKDIR, 21, lengthy + "/two"));
    control(accumulator, cgroup(FB_CG_POPULATED, 30, lengthy + "/known"));
    send(accumulator, {wait(20, 1), wait(21, 2), wait(30, 4)});
    const Snapshot s = std::move(accumulator).finish({});
    REQUIRE(s.cgroups.size() == 3);
    CHECK(s.cgroups[0].path == lengthy.substr(0, 255) + "...?0:20");
    CHECK(s.cgroups[1].path == lengthy.substr(0, 255) + "...?0:21");
    CHECK(sum_of(s, lengthy + "/known", FB_M_CPU_WAIT) == 4);
}

TEST_CASE("names: hybrid hierarchies join by path")
{
    Accumulator accumulator(hybrid_meta(), {{kCpu, 20, "/a"}, {kMemory, 30, "/a"}, {kIo, 20, "/other"}});
    control(accumulator, cgroup(FB_CG_MKDIR, 50, "/a", kPids));
    control(accumulator, cgroup(FB_CG_MKDIR, 50, "/nobody", 9));  // name=systemd: not ours
    send(accumulator, {wait(20, 1), charge(30, 2), bio(20, FB_OP_READ, 4), fork(50, 8)});
    const Snapshot s = std::move(accumulator).finish({});
    REQUIRE(s.cgroups.size() == 2);
    const CgroupProfile* a = find(s, "/a");
    CHECK(a->ids == std::map<int, std::uint64_t>{{kCpu, 20}, {kMemory, 30}, {kPids, 50}});
    CHECK(a->of(FB_M_CPU_WAIT).sum64() == 1);
    CHECK(a->of(FB_M_MEM_CHARGE).sum64() == 2);
    CHECK(a->of(FB_M_IO_SIZE_READ).empty());
    CHECK(a->count_of(FB_M_PIDS_PEAK).max == 8);
    CHECK(sum_of(s, "/other", FB_M_IO_SIZE_READ) == 4);
}

TEST_CASE("names: a path lives while it lives in one hierarchy")
{
    Accumulator accumulator(hybrid_meta(), {});
    control(accumulator, cgroup(FB_CG_MKDIR, 20, "/a", kCpu));
    control(accumulator, cgroup(FB_CG_MKDIR, 30, "/a", kMemory));
    CHECK(accumulator.take_created() == std::vector<std::string>{"/a"});
    CHECK(accumulator.take_created().empty());
    control(accumulator, cgroup(FB_CG_RMDIR, 20, "/a", kCpu));
    CHECK(std::move(accumulator).finish({}).cgroups.at(0).life == Life::Created);
}

TEST_CASE("names: created since, and still there")
{
    Accumulator accumulator(v2_meta(), {{0, 10, "/old"}});
    for (const std::uint64_t id : {20ULL, 21ULL, 22ULL}) {
        control(accumulator, cgroup(FB_CG_MKDIR, id, "/n" + std::to_string(id)));
    }
    control(accumulator, cgroup(FB_CG_RMDIR, 21, "/n21"));
    CHECK(accumulator.take_created() == std::vector<std::string>{"/n20", "/n22"});
    control(accumulator, cgroup(FB_CG_MKDIR, 23, "/n23"));
    CHECK(accumulator.take_created() == std::vector<std::string>{"/n23"});
}

TEST_CASE("removal: the kernel's last counters complete the window")
{
    Accumulator accumulator(v2_meta(), {{0, 10, "/there"}});
    control(accumulator, cgroup(FB_CG_MKDIR, 20, "/short"));
    control(accumulator, removal(20, "/short", 100, 7));
    control(accumulator, cgroup(FB_CG_RELEASE, 20, "/short"));
    control(accumulator, removal(10, "/there", 50, 9));
    Closing closing;
    KernelCounters sampled;
    sampled.at_ns = 40;
    sampled.throttled_ns = 5;
    sampled.usage_ns = 3;
    closing.counters = {{"/there", sampled, sampled, false}};
    const Snapshot s = std::move(accumulator).finish(std::move(closing));
    REQUIRE(s.counters.size() == 2);
    const CounterWindow& made = s.counters[0];
    CHECK(made.path == "/short");
    CHECK(made.last_from_rmdir);
    CHECK_FALSE(made.first);
    CHECK(made.last->throttled_ns == 7);
    CHECK(made.last->nr_throttled == 4);
    CHECK(made.last->memory_events_local.at("oom_kill") == 1);
    CHECK(made.last->memory_events_local.at("low") == 0);
    CHECK(made.last->memory_peak_bytes == 1100);
    CHECK(made.last->pids_peak == 5);
    CHECK(s.counters[1].first->throttled_ns == 5);
    CHECK(s.counters[1].last->throttled_ns == 9);
    CHECK(s.counters[1].last->usage_ns == 3);
    CHECK(s.counters[1].last->at_ns == 50);
}

TEST_CASE("removal: counters of a path made twice add up")
{
    Accumulator accumulator(v2_meta(), {});
    for (const std::uint64_t id : {20ULL, 21ULL}) {
        control(accumulator, cgroup(FB_CG_MKDIR, id, "/job"));
        control(accumulator, removal(id, "/job", id, 7));
    }
    control(accumulator, cgroup(FB_CG_MKDIR, 22, "/job"));
    Closing closing;
    KernelCounters sampled;
    sampled.at_ns = 99;
    sampled.throttled_ns = 5;
    sampled.memory_events_local = {{"oom_kill", 2}, {"low", 0}};
    closing.counters = {{"/job", {}, sampled, false}};
    const Snapshot s = std::move(accumulator).finish(std::move(closing));
    REQUIRE(s.counters.size() == 1);
    CHECK(s.counters[0].last->throttled_ns == 19);
    CHECK(s.counters[0].last->memory_events_local == std::map<std::string, std::uint64_t>{{"oom_kill", 4}, {"low", 0}});
}

TEST_CASE("removal: without a window at the start there is none at the end")
{
    Accumulator accumulator(v2_meta(), {{0, 10, "/there"}});
    control(accumulator, removal(10, "/there", 50, 9));
    CHECK(std::move(accumulator).finish({}).counters.empty());
}
