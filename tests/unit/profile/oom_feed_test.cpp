// SPDX-License-Identifier: Apache-2.0
// Episodes one by one: who was in the scope, who dies along, what came before, and when it is over.
#include "flyball/profile/oom_feed.hpp"
#include "make.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"

using namespace flyball::profile;
using namespace flyball::profile::test;
using flyball::test::kMs;

namespace {

constexpr std::uint64_t kTrigger = 9;

Meta meta_with_freed()
{
    Meta meta = v2_meta();
    meta.coverage.push_back({.metric = "oom.freed", .available = true, .hook = "", .note = "", .remedy = ""});
    return meta;
}

fb_oom_member member(std::uint64_t id, std::uint64_t ts, std::uint32_t tgid, std::uint32_t kind = FB_OM_SCANNED,
                     std::uint32_t flags = 0)
{
    fb_oom_member r{};
    r.hdr = header(FB_EV_OOM_MEMBER, FB_P_OOM, id, ts);
    r.hdr.size = sizeof r;
    r.tid = r.tgid = tgid;
    r.kind = kind;
    r.flags = flags;
    r.current_tid = kTrigger;
    return r;
}

fb_oom_task sigkill(std::uint64_t id, std::uint64_t ts, std::uint32_t tgid, fb_signal_how how = FB_SIG_KERNEL,
                    std::uint32_t by = kTrigger)
{
    fb_oom_task r = oom_task(FB_EV_OOM_SIGKILL, id, ts, tgid);
    r.how = how;
    r.si_code = how == FB_SIG_KERNEL ? 0x80 : 0;
    r.sender_tid = how == FB_SIG_KERNEL ? 0 : by;
    r.current_tid = by;
    std::memcpy(r.current_comm, "sender", 7);
    return r;
}

fb_oom_done done(std::uint64_t id, std::uint64_t ts)
{
    fb_oom_done r{};
    r.hdr = header(FB_EV_OOM_DONE, FB_P_OOM, id, ts);
    r.hdr.size = sizeof r;
    r.tid = r.tgid = kTrigger;
    return r;
}

template <class Event>
fb_event as_event(const Event& of)
{
    static_assert(sizeof of == sizeof(fb_event));
    fb_event e;
    std::memcpy(&e, &of, sizeof e);
    return e;
}

fb_event task_event(std::uint16_t kind, std::uint64_t ts, std::uint32_t tgid)
{
    fb_task task{};
    task.hdr = header(FB_EV_TASK, FB_P_EXIT, 10, ts);
    task.tid = task.tgid = tgid;
    task.kind = kind;
    return as_event(task);
}

fb_event reclaim(std::uint64_t end_ns, std::uint64_t duration_ns, std::uint64_t pages)
{
    fb_stall stall{};
    stall.hdr = header(FB_EV_STALL, FB_P_RECLAIM, 10, end_ns);
    stall.kind = FB_STALL_RECLAIM;
    stall.tid = kTrigger;
    stall.duration_ns = duration_ns;
    stall.amount = pages;
    return as_event(stall);
}

struct Feed {
    OomFeed feed{meta_with_freed(), kWithSiblings};

    template <class Record>
    Feed& operator<<(const Record& record)
    {
        control(feed, record);
        return *this;
    }
    Feed& kill(std::uint64_t id, std::uint64_t ts, std::uint32_t tgid)
    {
        fb_oom_task mark = oom_task(FB_EV_OOM_VICTIM, id, ts + 10, tgid);
        mark.current_tid = kTrigger;
        return *this << sigkill(id, ts, tgid) << mark;
    }
    Feed& gone(std::uint64_t id, std::uint64_t ts, std::uint32_t tgid)
    {
        return *this << oom_task(FB_EV_OOM_EXIT, id, ts, tgid) << oom_task(FB_EV_OOM_FREED, id, ts + 10, tgid);
    }
};

}  // namespace

TEST_CASE("oom feed: an episode is given when its victims are gone and it is quiet, and once")
{
    Feed run;
    run << decision(10, 1 * kMs, 5) << policy(0, 10, 1 * kMs, 5);
    run.kill(11, 2 * kMs, 5);
    CHECK(run.feed.open());
    CHECK(run.feed.take_complete(3 * kMs).empty());
    CHECK(run.feed.take_complete(900 * kMs).empty());  // it has not gone
    CHECK(run.feed.open_episodes().size() == 1);
    run.gone(11, 901 * kMs, 5);
    const auto done = run.feed.take_complete(910 * kMs);
    REQUIRE(done.size() == 1);
    CHECK(done[0].victims.at(0).freed_ns == 901 * kMs + 10);
    CHECK_FALSE(run.feed.open());
    CHECK(run.feed.take_complete(5000 * kMs).empty());
    CHECK(run.feed.finish().empty());
}

TEST_CASE("oom feed: a console that takes seconds between the decision and the kill does not tear them apart")
{
    Feed run;
    run << decision(10, 1 * kMs, 5);
    CHECK(run.feed.take_complete(3000 * kMs).empty());
    run << policy(0, 10, 3500 * kMs, 5);
    run.kill(11, 3600 * kMs, 5).gone(11, 3700 * kMs, 5);
    const auto done = run.feed.take_complete(4500 * kMs);
    REQUIRE(done.size() == 1);
    CHECK(done[0].decision_seen);
    CHECK(done[0].group_policy == false);
    CHECK(done[0].victims.size() == 1);
    CHECK_FALSE(run.feed.open());
}

TEST_CASE("oom feed: memory that nobody tells of is waited for a second, a victim thirty")
{
    Feed run;
    run << decision(10, 1 * kMs, 5) << policy(0, 10, 1 * kMs, 5);
    run.kill(11, 2 * kMs, 5);
    run << oom_task(FB_EV_OOM_EXIT, 11, 3 * kMs, 5);
    CHECK(run.feed.take_complete(900 * kMs).empty());
    CHECK(run.feed.take_complete(1004 * kMs).size() == 1);

    Feed stuck;
    stuck << decision(10, 1 * kMs, 5) << policy(0, 10, 1 * kMs, 5);
    stuck.kill(11, 2 * kMs, 5);
    CHECK(stuck.feed.take_complete(29'000 * kMs).empty());
    const auto given = stuck.feed.take_complete(30'003 * kMs);
    REQUIRE(given.size() == 1);
    CHECK_FALSE(given[0].victims.at(0).exit_ns);
}

TEST_CASE("oom feed: the main thread's exit stands in for one that nobody told")
{
    Feed run;
    run << decision(10, 1 * kMs, 5) << policy(0, 10, 1 * kMs, 5);
    run.kill(11, 2 * kMs, 5);
    send(run.feed, {task_event(FB_TASK_EXIT, 4 * kMs, 5)});
    CHECK(run.feed.take_complete(900 * kMs).empty());  // the better record may still come
    const auto done = run.feed.take_complete(1005 * kMs);
    REQUIRE(done.size() == 1);
    CHECK(done[0].victims.at(0).exit_ns == 4 * kMs);
}

TEST_CASE("oom feed: members are those of the scan that led to the decision")
{
    Feed run;
    // A scan that came to nothing, then one of the same task that meets a process again.
    run << member(10, 1 * kMs, 5) << member(10, 1 * kMs, 6);
    run << member(10, 2 * kMs, 5) << member(11, 2 * kMs, 7, FB_OM_SCANNED, FB_OM_KTHREAD);
    run << decision(10, 2 * kMs + 5, 5) << policy(10, 10, 2 * kMs + 6, 5);
    run << member(10, 3 * kMs, 5, FB_OM_GROUP, FB_OM_VICTIM) << member(13, 3 * kMs, 8, FB_OM_GROUP);
    run.kill(10, 4 * kMs, 5).gone(10, 5 * kMs, 5);
    const auto done = run.feed.take_complete(1000 * kMs);
    REQUIRE(done.size() == 1);
    const auto& members = done[0].members;
    REQUIRE(members.size() == 3);
    CHECK(members[0].tgid == 5);
    CHECK(members[0].scanned);
    CHECK(members[0].in_group);
    CHECK(members[0].flags == 0);  // marked by this kill: no reason of its own
    CHECK(members[1].tgid == 7);
    CHECK(members[1].flags == FB_OM_KTHREAD);
    CHECK_FALSE(members[1].in_group);
    CHECK(members[2].tgid == 8);
    CHECK(members[2].cgroup == "/a/d");
    CHECK_FALSE(members[2].scanned);
}

TEST_CASE("oom feed: another task's scan, or one long ago, is not the decision's")
{
    Feed run;
    fb_oom_member foreign = member(10, 1 * kMs, 6);
    foreign.current_tid = 77;
    run << foreign << decision(10, 1 * kMs + 5, 5);
    run << member(10, 2 * kMs, 6) << decision(10, 500 * kMs, 5);
    for (const OomEpisode& episode : run.feed.finish())
        CHECK(episode.members.empty());
}

TEST_CASE("oom feed: who shares the victim's memory is killed along, unmarked")
{
    Feed run;
    run << decision(10, 1 * kMs, 5) << policy(0, 10, 1 * kMs, 5);
    run.kill(11, 2 * kMs, 5);
    run << sigkill(11, 2 * kMs + 20, 6);                     // by the same task: shares
    run << sigkill(11, 2 * kMs + 30, 7, FB_SIG_KERNEL, 77);  // by another: something else
    run << sigkill(12, 2 * kMs + 40, 8, FB_SIG_NOINFO, 78);  // cgroup.kill
    run << sigkill(12, 2 * kMs + 50, 9, FB_SIG_USER, 79);    // kill -9
    send(run.feed, {task_event(FB_TASK_EXIT, 3 * kMs, 6)});
    run.gone(11, 3 * kMs, 5);
    const auto done = run.feed.take_complete(500 * kMs);
    REQUIRE(done.size() == 1);
    REQUIRE(done[0].sharers.size() == 1);
    CHECK(done[0].sharers[0].tgid == 6);
    CHECK(done[0].sharers[0].cgroup == "/a/b");
    CHECK(done[0].sharers[0].exit_ns == 3 * kMs);
    (void)run.feed.take_complete(3000 * kMs);
    auto kills = run.feed.take_other_kills();
    std::ranges::sort(kills, {}, &OtherKill::tgid);
    REQUIRE(kills.size() == 3);
    CHECK(kills[0].by == OtherKill::By::Kernel);
    CHECK(kills[1].by == OtherKill::By::Cgroup);
    CHECK(kills[1].cgroup == "/c");
    CHECK(kills[2].by == OtherKill::By::User);
    CHECK(kills[2].sender_tid == 79);
    CHECK(kills[2].sender_comm == "sender");
    CHECK(run.feed.take_other_kills().empty());
}

TEST_CASE("oom feed: who shares the memory of a victim that takes its time is not forgotten")
{
    Feed run;
    run << decision(10, 1 * kMs, 5) << policy(0, 10, 1 * kMs, 5);
    run.kill(11, 2 * kMs, 5);
    run << sigkill(11, 2 * kMs + 20, 6);
    CHECK(run.feed.take_complete(4000 * kMs).empty());
    run << sigkill(12, 5000 * kMs, 9, FB_SIG_KERNEL, 77);
    run.gone(11, 7000 * kMs, 5);
    const auto done = run.feed.take_complete(8000 * kMs);
    REQUIRE(done.size() == 1);
    REQUIRE(done[0].sharers.size() == 1);
    CHECK(done[0].sharers[0].tgid == 6);
    (void)run.feed.take_complete(12'000 * kMs);
    REQUIRE(run.feed.take_other_kills().size() == 1);
}

TEST_CASE("oom feed: a kill is complete when the kernel has sent all its SIGKILLs, however long its console takes")
{
    Meta meta = meta_with_freed();
    meta.coverage.push_back(
        {.metric = "oom.sharers", .available = true, .hook = "fexit/oom_kill_process", .note = "", .remedy = ""});
    Feed run{OomFeed(meta, kWithSiblings)};
    run << decision(10, 1 * kMs, 5) << policy(0, 10, 1 * kMs, 5);
    run.kill(11, 2 * kMs, 5);
    run.gone(11, 3 * kMs, 5);
    CHECK(run.feed.take_complete(2500 * kMs).empty());
    run << sigkill(11, 2600 * kMs, 6) << done(10, 2600 * kMs + 10);
    run << sigkill(12, 2600 * kMs + 20, 7);  // of the same task, and of no kill
    const auto complete = run.feed.take_complete(2700 * kMs);
    REQUIRE(complete.size() == 1);
    REQUIRE(complete[0].sharers.size() == 1);
    CHECK(complete[0].sharers[0].tgid == 6);

    // Its word is not waited for without end.
    run << decision(10, 20'000 * kMs, 15) << policy(0, 10, 20'000 * kMs, 15);
    run.kill(11, 20'001 * kMs, 15);
    run.gone(11, 20'002 * kMs, 15);
    CHECK(run.feed.take_complete(21'000 * kMs).empty());
    CHECK(run.feed.take_complete(26'000 * kMs).size() == 1);
}

TEST_CASE("oom feed: a task that kills twice has its sharers told with the kill they belong to")
{
    Feed run;
    for (const std::uint32_t first : {5U, 15U}) {
        const std::uint64_t at = first * kMs;
        run << decision(10, at, first) << policy(0, 10, at, first);
        run.kill(11, at + 100, first);
        run << sigkill(11, at + 200, first + 1);
        run << done(10, at + 300);
    }
    run.gone(11, 30 * kMs, 5);
    run.gone(11, 30 * kMs, 15);
    const auto complete = run.feed.take_complete(500 * kMs);
    REQUIRE(complete.size() == 2);
    for (const OomEpisode& episode : complete) {
        REQUIRE(episode.sharers.size() == 1);
        CHECK(episode.sharers[0].tgid == episode.victims[0].tgid + 1);
    }
}

TEST_CASE("oom feed: reclaim before a kill is that of the allocation that failed")
{
    Feed run;
    send(run.feed, {reclaim(100 * kMs, 1 * kMs, 7)});  // of an allocation long before
    run << decision(10, 210 * kMs, 5) << policy(0, 10, 210 * kMs, 5);
    run.kill(11, 211 * kMs, 5).gone(11, 212 * kMs, 5);
    // They come in their batch, after the decision; one belongs to what came later.
    send(run.feed, {reclaim(200 * kMs, 2 * kMs, 3), reclaim(209 * kMs, 1 * kMs, 0), reclaim(230 * kMs, 5 * kMs, 9)});
    const auto done = run.feed.take_complete(1000 * kMs);
    REQUIRE(done.size() == 1);
    REQUIRE(done[0].reclaim);
    CHECK(done[0].reclaim->rounds == 2);
    CHECK(done[0].reclaim->ns == 3 * kMs);
    CHECK(done[0].reclaim->pages == 3);
}

TEST_CASE("oom feed: one kill leads to the next")
{
    Feed run;
    run << decision(10, 1 * kMs, 5) << policy(0, 10, 1 * kMs, 5);
    run.kill(11, 2 * kMs, 5).gone(11, 3 * kMs, 5);
    CHECK(run.feed.take_complete(400 * kMs).size() == 1);
    run << decision(11, 500 * kMs, 6) << policy(0, 11, 500 * kMs, 6);  // below it, half a second later
    run.kill(11, 501 * kMs, 6).gone(11, 502 * kMs, 6);
    run << decision(12, 503 * kMs, 7) << policy(0, 12, 503 * kMs, 7);  // elsewhere
    run.kill(12, 504 * kMs, 7).gone(12, 505 * kMs, 7);
    run << decision(10, 3000 * kMs, 8) << policy(0, 10, 3000 * kMs, 8);  // long after
    run.kill(11, 3001 * kMs, 8).gone(11, 3002 * kMs, 8);
    const auto done = run.feed.take_complete(5000 * kMs);
    REQUIRE(done.size() == 3);
    CHECK(done[0].follows_ns == 1 * kMs);
    CHECK_FALSE(done[1].follows_ns);
    CHECK_FALSE(done[2].follows_ns);
}

TEST_CASE(
    "oom feed: without decisions the marks of one task are one kill, another's are another; on v1 each is its own")
{
    const auto marks = [](OomFeed& feed) {
        for (std::uint32_t i = 0; i < 4; ++i) {
            fb_oom_task mark = oom_task(FB_EV_OOM_VICTIM, 11, (1 + i) * kMs, 20 + i);
            mark.current_tid = i < 2 ? 50 : 51;
            control(feed, mark);
        }
        return feed.finish();
    };
    OomFeed unified(v2_meta(), kWithSiblings);
    const auto two = marks(unified);
    REQUIRE(two.size() == 2);
    CHECK(two[0].victims.size() == 2);
    CHECK(two[0].trigger_tid == 50);
    CHECK_FALSE(two[0].decision_seen);
    Meta v1 = v2_meta();
    v1.hierarchy["memory"] = 4;
    OomFeed legacy(v1, std::vector<KnownCgroup>{{4, 11, "/a/b"}});
    CHECK(marks(legacy).size() == 4);
}

TEST_CASE("oom feed: a record from before it grew is read, and what it lacks is unknown")
{
    Feed run;
    run << decision(10, 1 * kMs, 5) << policy(0, 10, 1 * kMs, 5);
    const fb_oom_task mark = oom_task(FB_EV_OOM_VICTIM, 11, 2 * kMs, 5);
    run.feed.on_control(std::as_bytes(std::span(&mark, 1)).first(FB_OOM_TASK_OLD));
    // Of another process: it would be another victim.
    const fb_oom_task cut = oom_task(FB_EV_OOM_VICTIM, 11, 2 * kMs, 6);
    run.feed.on_control(std::as_bytes(std::span(&cut, 1)).first(FB_OOM_TASK_OLD - 1));
    const auto done = run.feed.finish();
    REQUIRE(done.size() == 1);
    REQUIRE(done[0].victims.size() == 1);
    CHECK(done[0].victims[0].tgid == 5);
}

TEST_CASE("oom feed: births, moves and the paths of memcgs")
{
    Feed run;
    send(run.feed, {task_event(FB_TASK_FORK, 5, 30), task_event(FB_TASK_EXIT, 6, 31)});
    REQUIRE(run.feed.births().size() == 1);
    CHECK(run.feed.births()[0].tgid == 30);
    fb_attach attach{};
    attach.hdr = header(FB_EV_ATTACH, FB_P_CGROUP, 12, 7);
    attach.hdr.size = sizeof attach;
    attach.tid = attach.tgid = 32;
    run << attach;
    REQUIRE(run.feed.moves().size() == 1);
    CHECK(run.feed.moves()[0].cgroup == "/c");
    CHECK(run.feed.path(12) == "/c");
    fb_cgroup removed{};
    removed.hdr = header(FB_EV_CGROUP, FB_P_CGROUP, 12, 8);
    removed.hdr.size = sizeof removed;
    removed.op = FB_CG_RMDIR;
    run << removed;
    CHECK(run.feed.path(12) == "/c");  // late records are still its own
}
