// SPDX-License-Identifier: Apache-2.0
// The judge, over episodes that are right, and over each way in which one can be wrong or unclear.
#include "flyball/oom/verdict.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"

#include <algorithm>

using namespace flyball;
using namespace flyball::oom;
using flyball::test::kMs;
using profile::OomEpisode;
using profile::OomMember;
using profile::OomVictim;

namespace {

OomVictim victim(std::uint32_t tgid, const std::string& cgroup = "/job")
{
    OomVictim v;
    v.tid = v.tgid = tgid;
    v.comm = "hog";
    v.cgroup = cgroup;
    v.sigkill_ns = 1010;
    v.marked_ns = 1020;
    v.exit_ns = 2 * kMs;
    v.freed_ns = 2 * kMs + 5;
    return v;
}

OomMember member(std::uint32_t tgid, std::uint32_t flags = 0, std::int32_t adj = 0)
{
    OomMember m;
    m.tid = m.tgid = tgid;
    m.comm = "hog";
    m.cgroup = "/job";
    m.flags = flags;
    m.oom_score_adj = adj;
    m.scanned = true;
    m.in_group = true;
    m.met_ns = 1015;
    return m;
}

OomEpisode group_kill()
{
    OomEpisode e;
    e.ts_ns = 1000;
    e.decision_seen = true;
    e.domain = "/job";
    e.limit_bytes = 64 << 20;
    e.victim_tgid = 5;
    e.group_policy = true;
    e.group_cgroup = "/job";
    e.victims = {victim(5), victim(6), victim(7)};
    e.members = {member(5), member(6), member(7)};
    return e;
}

OomEpisode single_kill()
{
    OomEpisode e = group_kill();
    e.group_policy = false;
    e.group_cgroup.clear();
    e.victims.resize(1);
    return e;
}

Evidence evidence()
{
    Evidence e;
    e.sees_decision = e.sees_policy = e.sees_members = e.sees_freed = true;
    e.looked_for_living = true;
    e.counters = {{"/job", "memory.events.local", "oom_kill", 4, 3, 4}};
    return e;
}

Living living(std::uint32_t tgid)
{
    Living l;
    l.tgid = tgid;
    l.comm = "late";
    l.cgroup = "/job";
    return l;
}

const Check* check(const Verdict& verdict, const std::string& name)
{
    const auto found = std::ranges::find(verdict.checks, name, &Check::name);
    return found == verdict.checks.end() ? nullptr : &*found;
}

void expect(const Verdict& verdict, Outcome outcome, const std::string& because)
{
    INFO(verdict.summary);
    CHECK(verdict.outcome == outcome);
    REQUIRE(check(verdict, because) != nullptr);
    CHECK(check(verdict, because)->outcome == outcome);
    CHECK(verdict.summary.find(check(verdict, because)->detail) != std::string::npos);
}

}  // namespace

TEST_CASE("verdict: a group kill as it should be")
{
    const Verdict v = judge(group_kill(), evidence());
    CHECK(v.outcome == Outcome::Pass);
    CHECK(v.summary == "/job hit memory.max 64.0 MiB: group kill of 3 by memory.oom.group of /job");
    CHECK(v.survivors.empty());
    CHECK(v.unknown.empty());
    for (const char* name : {"policy", "victims", "outsiders", "exits", "survivors", "counters", "loss"})
        CHECK(check(v, name) != nullptr);
}

TEST_CASE("verdict: a single kill as it should be; who was not chosen is told")
{
    const Verdict v = judge(single_kill(), evidence());
    CHECK(v.outcome == Outcome::Pass);
    REQUIRE(v.survivors.size() == 2);
    CHECK(v.survivors[0].reason == Reason::NotChosen);
}

TEST_CASE("verdict: each killable member must die; the others have a reason")
{
    OomEpisode e = group_kill();
    e.victims.resize(2);
    SECTION("no reason")
    {
        expect(judge(e, evidence()), Outcome::Fail, "survivors");
    }
    SECTION("a reason")
    {
        struct Case {
            std::uint32_t flags;
            std::int32_t adj;
            Reason reason;
        };
        for (const Case& c : {Case{0, -1000, Reason::Protected}, Case{FB_OM_INIT, 0, Reason::Init},
                              Case{FB_OM_KTHREAD, 0, Reason::KernelThread}, Case{FB_OM_NO_MM, 0, Reason::Exiting},
                              Case{FB_OM_EXITING, 0, Reason::Exiting}, Case{FB_OM_VICTIM, 0, Reason::AlreadyDying}}) {
            e.members[2] = member(7, c.flags, c.adj);
            const Verdict v = judge(e, evidence());
            CHECK(v.outcome == Outcome::Pass);
            REQUIRE(v.survivors.size() == 1);
            CHECK(v.survivors[0].reason == c.reason);
        }
    }
    SECTION("it exited in that moment, or later by itself")
    {
        e.members[2].exit_ns = 1015 + kMs;
        CHECK(judge(e, evidence()).outcome == Outcome::Pass);
        e.members[2].exit_ns = 1015 + 100 * kMs;
        expect(judge(e, evidence()), Outcome::Fail, "survivors");
    }
    SECTION("scanned, and gone from the group when that was killed")
    {
        e.members[2].in_group = false;
        const Verdict v = judge(e, evidence());
        CHECK(v.outcome == Outcome::Pass);
        CHECK(v.survivors.at(0).reason == Reason::MovedOut);
        // ... but there it is
        Evidence with = evidence();
        with.living = {living(7)};
        expect(judge(e, with), Outcome::Fail, "survivors");
    }
    SECTION("it shares a victim's memory: killed, unmarked")
    {
        e.sharers.push_back(
            {.tid = 7, .tgid = 7, .comm = "hog", .cgroup = "/job", .sigkill_ns = 1030, .exit_ns = 2000});
        CHECK(judge(e, evidence()).outcome == Outcome::Pass);
    }
    SECTION("it is outside of the group")
    {
        e.members[2].cgroup = "/other";
        e.members[2].in_group = false;
        const Verdict v = judge(e, evidence());
        CHECK(v.outcome == Outcome::Pass);
        CHECK(v.survivors.empty());
    }
}

TEST_CASE("verdict: who is found in the group afterwards needs a reason too")
{
    Evidence with = evidence();
    with.living = {living(9)};
    expect(judge(group_kill(), with), Outcome::Fail, "survivors");
    with.living[0].born_ns = 900;  // before: it should have died
    expect(judge(group_kill(), with), Outcome::Fail, "survivors");
    with.living[0].born_ns = 1500;
    Verdict v = judge(group_kill(), with);
    CHECK(v.outcome == Outcome::Pass);
    CHECK(v.survivors.at(0).reason == Reason::BornAfter);
    with.living[0].born_ns = 900;
    with.living[0].moved_in_ns = 1500;
    CHECK(judge(group_kill(), with).survivors.at(0).reason == Reason::MovedIn);
    with.living = {living(9)};
    with.living[0].oom_score_adj = -1000;
    CHECK(judge(group_kill(), with).survivors.at(0).reason == Reason::Protected);
}

TEST_CASE("verdict: killed outside of the scope")
{
    OomEpisode e = group_kill();
    e.victims[1].cgroup = "/jobs";  // a name that begins alike
    expect(judge(e, evidence()), Outcome::Fail, "outsiders");
    e.victims[1].cgroup = "/job/below";
    CHECK(judge(e, evidence()).outcome == Outcome::Pass);
    e.victims[1].cgroup = "?0:77";
    expect(judge(e, evidence()), Outcome::Inconclusive, "outsiders");
    OomEpisode single = single_kill();
    single.victims[0].cgroup = "/other";
    expect(judge(single, evidence()), Outcome::Fail, "outsiders");
}

TEST_CASE("verdict: with the policy off one dies, and it is the chosen one")
{
    OomEpisode e = group_kill();
    e.group_policy = false;
    expect(judge(e, evidence()), Outcome::Fail, "victims");
    e = single_kill();
    e.victim_tgid = 6;
    expect(judge(e, evidence()), Outcome::Fail, "victims");
    e.victims.clear();
    expect(judge(e, evidence()), Outcome::Inconclusive, "victims");
}

TEST_CASE("verdict: marked, and did not go")
{
    OomEpisode e = group_kill();
    e.victims[2].exit_ns.reset();
    expect(judge(e, evidence()), Outcome::Fail, "exits");
    e = group_kill();
    e.victims[2].sigkill_ns.reset();
    expect(judge(e, evidence()), Outcome::Inconclusive, "exits");
    e.members[2].flags = FB_OM_EXITING;  // then it needed none
    CHECK(judge(e, evidence()).outcome == Outcome::Pass);
    e = single_kill();
    e.sharers.push_back({.tid = 8, .tgid = 8, .comm = "x", .cgroup = "/job", .sigkill_ns = 1030, .exit_ns = {}});
    Evidence with = evidence();
    with.living = {living(8)};
    expect(judge(e, with), Outcome::Fail, "exits");
}

TEST_CASE("verdict: the kernel's counters decide between pass and inconclusive")
{
    Evidence with = evidence();
    with.counters[0].kernel = 5;
    expect(judge(group_kill(), with), Outcome::Inconclusive, "counters");
    with.counters[0].kernel = 2;
    expect(judge(group_kill(), with), Outcome::Inconclusive, "counters");
    with.counters[0].kernel.reset();
    const Verdict v = judge(group_kill(), with);
    CHECK(v.outcome == Outcome::Pass);
    CHECK(v.unknown.size() == 2);  // this one, and that none was compared
}

TEST_CASE("verdict: a loss is never a pass, and never somebody's fault")
{
    Evidence with = evidence();
    with.losses = {"3 records found no room in the ring"};
    expect(judge(group_kill(), with), Outcome::Inconclusive, "loss");
    OomEpisode e = group_kill();
    e.victims.resize(2);
    CHECK(judge(e, with).outcome == Outcome::Inconclusive);
}

TEST_CASE("verdict: a task that was exiting anyway is no kill")
{
    OomEpisode e;
    e.ts_ns = 1000;
    e.domain = "/job";
    e.victims = {victim(5)};
    e.victims[0].sigkill_ns.reset();
    const Verdict v = judge(e, evidence());
    CHECK(v.outcome == Outcome::Pass);
    CHECK(v.summary == "/job: 5 (hog) was exiting, and was given the reserves");
}

TEST_CASE("verdict: a decision for one that is dying already kills nobody")
{
    OomEpisode e = group_kill();
    e.group_policy.reset();
    e.group_cgroup.clear();
    e.victims.clear();
    expect(judge(e, evidence()), Outcome::Inconclusive, "policy");
    e.members[0].exit_ns = 5 * kMs;
    const Verdict v = judge(e, evidence());
    CHECK(v.outcome == Outcome::Pass);
    CHECK(v.summary == "/job hit memory.max 64.0 MiB: nobody was killed, 5 () was dying already");
    CHECK(v.survivors.empty());
    // ... and is marked, so that it may use the reserves
    e.members[0].exit_ns.reset();
    e.victims = {victim(5)};
    e.victims[0].sigkill_ns.reset();
    CHECK(judge(e, evidence()).outcome == Outcome::Pass);
    // With a SIGKILL it is a kill whose policy was not seen.
    e.victims[0].sigkill_ns = 1010;
    expect(judge(e, evidence()), Outcome::Inconclusive, "policy");
}

TEST_CASE("verdict: where the decision cannot be hooked")
{
    Evidence blind;
    blind.counters = evidence().counters;
    OomEpisode e;
    e.ts_ns = 1000;
    e.domain = "/job";
    e.victims = {victim(5)};
    SECTION("cgroup v1 has no group policy")
    {
        blind.policy_exists = false;
        const Verdict v = judge(e, blind);
        CHECK(v.outcome == Outcome::Pass);
        CHECK(v.unknown.size() == 2);
    }
    SECTION("v2: the file says it afterwards")
    {
        blind.policy_file_cgroup = "/job";
        blind.looked_for_living = true;
        CHECK(judge(e, blind).outcome == Outcome::Pass);
        blind.living = {living(9)};
        CHECK(judge(e, blind).outcome == Outcome::Fail);
        blind.policy_file_cgroup = "";
        CHECK(judge(e, blind).outcome == Outcome::Pass);
    }
    SECTION("v2: nobody says it")
    {
        expect(judge(e, blind), Outcome::Inconclusive, "policy");
    }
}

TEST_CASE("verdict: the whole machine")
{
    OomEpisode e = single_kill();
    e.global = true;
    e.domain = "/";
    e.victims[0].cgroup = "/anywhere";
    const Verdict v = judge(e, evidence());
    CHECK(v.outcome == Outcome::Pass);
    CHECK(v.summary.starts_with("the machine ran out of memory: 5 (hog) killed"));
}
