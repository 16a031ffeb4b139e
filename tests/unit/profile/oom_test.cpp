// SPDX-License-Identifier: Apache-2.0
#include "make.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"

using namespace flyball::profile;
using namespace flyball::profile::test;
using flyball::test::kMs;

namespace {

struct Kills {
    Accumulator accumulator{v2_meta(), kWithSiblings};

    template <class Record>
    Kills& operator<<(const Record& record)
    {
        control(accumulator, record);
        return *this;
    }
    // As the kernel does: SIGKILL first, mark next.
    Kills& kill(std::uint64_t id, std::uint64_t ts, std::uint32_t tgid)
    {
        return *this << oom_task(FB_EV_OOM_SIGKILL, id, ts, tgid) << oom_task(FB_EV_OOM_VICTIM, id, ts + 10, tgid);
    }
    Snapshot finish() { return std::move(accumulator).finish({}); }
};

}  // namespace

TEST_CASE("oom: one victim, from the decision to the last of it")
{
    Kills run;
    fb_oom_task gone = oom_task(FB_EV_OOM_EXIT, 11, 3000, 5);
    gone.usage_bytes = 777;
    run << decision(10, 1000, 5) << policy(0, 10, 1100, 5);
    run.kill(11, 1200, 5) << gone << oom_task(FB_EV_OOM_REAP, 0, 4000, 5);
    const Snapshot s = run.finish();
    REQUIRE(s.ooms.size() == 1);
    const OomEpisode& e = s.ooms[0];
    CHECK(e.ts_ns == 1000);
    CHECK(e.decision_seen);
    CHECK_FALSE(e.global);
    CHECK(e.domain == "/a");
    CHECK(e.trigger_cgroup == "/a");
    CHECK(e.trigger_comm == "trigger");
    CHECK(e.trigger_tid == 9);
    CHECK(e.victim_comm == "victim");
    CHECK(e.victim_tgid == 5);
    CHECK(e.limit_bytes == 1 << 20);
    CHECK(e.group_policy == false);
    CHECK(e.group_cgroup.empty());
    REQUIRE(e.victims.size() == 1);
    const OomVictim& v = e.victims[0];
    CHECK(v.cgroup == "/a/b");
    CHECK(v.comm == "victim");
    CHECK(v.rss_bytes == 4096);
    CHECK(v.sigkill_ns == 1200);
    CHECK(v.marked_ns == 1210);
    CHECK(v.exit_ns == 3000);
    CHECK(v.reaped_ns == 4000);
    CHECK(v.usage_after_bytes == 777);
    CHECK(s.sigkills_not_oom == 0);
    CHECK(s.loss.unknown_records == 0);
}

TEST_CASE("oom: a group of three dies together")
{
    Kills run;
    run << decision(10, 1000, 5) << policy(10, 10, 1100, 5);
    run.kill(11, 1200, 5).kill(13, 1300, 6).kill(10, 1400, 7);
    const Snapshot s = run.finish();
    REQUIRE(s.ooms.size() == 1);
    CHECK(s.ooms[0].group_policy == true);
    CHECK(s.ooms[0].group_cgroup == "/a");
    REQUIRE(s.ooms[0].victims.size() == 3);
    for (const OomVictim& v : s.ooms[0].victims)
        CHECK(v.sigkill_ns.value() + 10 == v.marked_ns.value());
    CHECK(s.ooms[0].victims[2].tgid == 7);
    CHECK(s.sigkills_not_oom == 0);
}

TEST_CASE("oom: the marked task is a thread")
{
    Kills run;
    run << decision(10, 1000, 5) << oom_task(FB_EV_OOM_SIGKILL, 11, 1100, 5, 5)
        << oom_task(FB_EV_OOM_VICTIM, 11, 1200, 5, 8)
        << oom_task(FB_EV_OOM_VICTIM, 11, 1300, 5, 9)  // another thread of it: no second victim
        << oom_task(FB_EV_OOM_EXIT, 11, 1400, 5, 5) << oom_task(FB_EV_OOM_REAP, 0, 1500, 8, 8);  // the thread's number
    const Snapshot s = run.finish();
    REQUIRE(s.ooms.size() == 1);
    REQUIRE(s.ooms[0].victims.size() == 1);
    const OomVictim& v = s.ooms[0].victims[0];
    CHECK(v.tid == 8);
    CHECK(v.tgid == 5);
    CHECK(v.sigkill_ns == 1100);
    CHECK(v.exit_ns == 1400);
    CHECK(v.reaped_ns == 1500);
    CHECK_FALSE(v.usage_after_bytes);
}

TEST_CASE("oom: two kills by one trigger are two episodes")
{
    Kills run;
    run << decision(10, 1000, 5, 9) << policy(0, 10, 1010, 5);
    run.kill(11, 1020, 5);
    run << decision(10, 2000, 6, 9) << policy(0, 10, 2010, 6);
    run.kill(11, 2020, 6) << oom_task(FB_EV_OOM_EXIT, 11, 2100, 5) << oom_task(FB_EV_OOM_EXIT, 11, 2200, 6);
    const Snapshot s = run.finish();
    REQUIRE(s.ooms.size() == 2);
    for (const OomEpisode& e : s.ooms) {
        REQUIRE(e.victims.size() == 1);
        CHECK(e.victims[0].tgid == e.victim_tgid);
        CHECK(e.victims[0].exit_ns == (e.victim_tgid == 5 ? 2100 : 2200));
        CHECK(e.group_policy == false);
    }
}

TEST_CASE("oom: a storm in many cgroups keeps its victims apart")
{
    Kills run;
    for (std::uint32_t i = 0; i < 200; ++i) {
        const std::uint64_t domain = i % 2 == 0 ? 10 : 12;
        const std::uint64_t ts = 1000 + i * 100ULL;
        run << decision(domain, ts, 100 + i) << policy(i % 4 == 0 ? domain : 0, domain, ts + 1, 100 + i);
        run.kill(domain, ts + 2, 100 + i);
        if (i % 4 == 0)
            run.kill(11, ts + 20, 1000 + i);
        if (i >= 20)
            run << oom_task(FB_EV_OOM_EXIT, domain, ts + 40, 80 + i);
    }
    const Snapshot s = run.finish();
    REQUIRE(s.ooms.size() == 200);
    for (std::size_t i = 0; i < s.ooms.size(); ++i) {
        REQUIRE(s.ooms[i].victims.size() == (i % 4 == 0 ? 2 : 1));
        CHECK(s.ooms[i].victims[0].tgid == 100 + i);
        CHECK(s.ooms[i].victims[0].sigkill_ns == 1002 + i * 100);
        CHECK(s.ooms[i].victims[0].exit_ns.has_value() == (i < 180));
    }
    CHECK(s.sigkills_not_oom == 0);
}

TEST_CASE("oom: no decision was seen")
{
    Kills run;
    run.kill(11, 1000, 5).kill(11, 2000, 6);
    run.kill(12, 3000, 7);              // elsewhere
    run.kill(11, 1000 + 200 * kMs, 8);  // much later
    const Snapshot s = run.finish();
    REQUIRE(s.ooms.size() == 3);
    CHECK_FALSE(s.ooms[0].decision_seen);
    CHECK(s.ooms[0].domain == "/a/b");
    CHECK(s.ooms[0].ts_ns == 1010);
    CHECK(s.ooms[0].victims.size() == 2);
    CHECK_FALSE(s.ooms[0].group_policy.has_value());
    CHECK(s.ooms[1].domain == "/c");
    CHECK(s.ooms[2].victims[0].tgid == 8);
}

TEST_CASE("oom: a mark of another domain, or too late, is not the decision's")
{
    Kills run;
    run << decision(12, 1000, 5);
    run.kill(11, 1500, 6);
    run.kill(12, 1000 + 3 * kSecond, 7);
    const Snapshot s = run.finish();
    REQUIRE(s.ooms.size() == 3);
    CHECK(s.ooms[0].victims.empty());
    CHECK(s.ooms[1].victims[0].tgid == 6);
    CHECK(s.ooms[2].victims[0].tgid == 7);
}

TEST_CASE("oom: a task that was dying anyway is not the victim of a single kill")
{
    Kills run;
    run << decision(10, 1000, 5) << policy(0, 10, 1010, 5);
    run.kill(11, 1020, 5) << oom_task(FB_EV_OOM_VICTIM, 11, 1100, 6);
    const Snapshot s = run.finish();
    REQUIRE(s.ooms.size() == 2);
    CHECK(s.ooms[0].victims.size() == 1);
    CHECK_FALSE(s.ooms[1].decision_seen);
    CHECK_FALSE(s.ooms[1].victims[0].sigkill_ns);
}

TEST_CASE("oom: the policy alone is known")
{
    Kills run;
    run << policy(10, 10, 1000, 5);
    run.kill(11, 1100, 5).kill(13, 1200, 6);
    const Snapshot s = run.finish();
    REQUIRE(s.ooms.size() == 1);
    CHECK_FALSE(s.ooms[0].decision_seen);
    CHECK(s.ooms[0].group_policy == true);
    CHECK(s.ooms[0].domain == "/a");
    CHECK(s.ooms[0].victims.size() == 2);
}

TEST_CASE("oom: the whole machine ran out")
{
    Kills run;
    run << decision(0, 1000, 5) << policy(0, 0, 1010, 5);
    run.kill(12, 1020, 5);
    const Snapshot s = run.finish();
    REQUIRE(s.ooms.size() == 1);
    CHECK(s.ooms[0].global);
    CHECK(s.ooms[0].domain == "/");
    CHECK(s.ooms[0].victims.size() == 1);
}

TEST_CASE("oom: SIGKILLs that have nothing to do with it")
{
    Kills run;
    fb_oom_task by_user = oom_task(FB_EV_OOM_SIGKILL, 11, 1000, 50);
    by_user.si_code = 0;
    by_user.sender_tid = 1;
    run << by_user << oom_task(FB_EV_OOM_SIGKILL, 11, 1000, 51)  // from the kernel, never marked
        << oom_task(FB_EV_OOM_SIGKILL, 11, 2000, 5);             // marked, but 2 s later
    run << decision(10, 2 * kSecond, 5) << oom_task(FB_EV_OOM_VICTIM, 11, 2 * kSecond + 2000, 5);
    const Snapshot s = run.finish();
    CHECK(s.sigkills_not_oom == 3);
    REQUIRE(s.ooms.size() == 1);
    CHECK_FALSE(s.ooms[0].victims.at(0).sigkill_ns);
}

TEST_CASE("oom: a second SIGKILL does not move the first; nor does a marked stranger count")
{
    Kills run;
    run << decision(10, 1000, 5);
    run.kill(11, 1100, 5);
    fb_oom_task again = oom_task(FB_EV_OOM_SIGKILL, 11, 1300, 5);
    again.marked = 1;
    again.si_code = 0;
    fb_oom_task stranger = again;
    stranger.tgid = 99;
    run << again << stranger;
    const Snapshot s = run.finish();
    CHECK(s.ooms.at(0).victims.at(0).sigkill_ns == 1100);
    CHECK(s.sigkills_not_oom == 0);
}

TEST_CASE("oom: SIGKILL and exit on either side of the mark")
{
    Kills run;
    fb_oom_task after = oom_task(FB_EV_OOM_SIGKILL, 11, 1200, 5);
    after.marked = 1;
    run << decision(10, 1000, 5) << oom_task(FB_EV_OOM_EXIT, 11, 1150, 5) << oom_task(FB_EV_OOM_VICTIM, 11, 1100, 5);
    run << decision(10, 2000, 6) << oom_task(FB_EV_OOM_VICTIM, 11, 2100, 6);
    after.tgid = 6;
    run << after;
    const Snapshot s = run.finish();
    REQUIRE(s.ooms.size() == 2);
    CHECK(s.ooms[0].victims.at(0).exit_ns == 1150);
    CHECK(s.ooms[1].victims.at(0).sigkill_ns == 1200);
}

TEST_CASE("oom: a process number used again is a new victim")
{
    Kills run;
    run << decision(10, 1000, 5);
    run.kill(11, 1100, 5) << oom_task(FB_EV_OOM_EXIT, 11, 1200, 5);
    run << decision(10, 5 * kSecond, 5);
    run.kill(11, 5 * kSecond + 100, 5) << oom_task(FB_EV_OOM_EXIT, 11, 5 * kSecond + 900, 5);
    // its exit was not seen: the next decision that names it means another process
    run << decision(10, 6 * kSecond, 7);
    run.kill(11, 6 * kSecond + 100, 7);
    run << decision(10, 9 * kSecond, 7);
    run.kill(11, 9 * kSecond + 100, 7);
    const Snapshot s = run.finish();
    REQUIRE(s.ooms.size() == 4);
    for (const OomEpisode& e : s.ooms)
        REQUIRE(e.victims.size() == 1);
    CHECK(s.ooms[0].victims[0].exit_ns == 1200);
    CHECK(s.ooms[1].victims[0].exit_ns == 5 * kSecond + 900);
    CHECK(s.ooms[3].victims[0].sigkill_ns.has_value());
}

TEST_CASE("oom: cgroups whose names come after the kill")
{
    Accumulator accumulator(v2_meta(), {});
    control(accumulator, decision(20, 1000, 5));
    control(accumulator, oom_task(FB_EV_OOM_VICTIM, 21, 1100, 5));
    control(accumulator, cgroup(FB_CG_RMDIR, 21, "/n/leaf"));
    control(accumulator, cgroup(FB_CG_RMDIR, 20, "/n"));
    const Snapshot s = std::move(accumulator).finish({});
    CHECK(s.ooms.at(0).domain == "/n");
    CHECK(s.ooms.at(0).victims.at(0).cgroup == "/n/leaf");
}
