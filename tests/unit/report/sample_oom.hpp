// SPDX-License-Identifier: Apache-2.0
// OOM episodes and a test of the OOM behaviour made up by hand: the golden files are what is said of them.
#pragma once

#include "flyball/oom/test_report.hpp"
#include "flyball/report/oom.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flyball::test::oom_sample {

inline constexpr std::uint64_t kUs = 1'000, kMs = 1'000'000, kSecond = 1'000'000'000;
inline constexpr std::uint64_t kMiB = 1 << 20;
inline constexpr std::uint64_t kDecision = 86'412'345'678'901;
// Newline, quotes, markup, a byte that is no UTF-8, ESC; and U+FFFF, which XML has not.
inline constexpr std::string_view kHostile = "a\n\"b'<c>&#\\d\xff\x1b[2J\xef\xbf\xbf";

struct After {
    std::optional<std::uint64_t> sigkill, marked, freed, exit;
};

inline profile::OomVictim victim(std::uint32_t pid, std::string comm, std::string cgroup, std::uint64_t rss,
                                 const After& after, std::optional<std::uint64_t> left)
{
    const auto at = [](std::optional<std::uint64_t> ns) { return ns ? std::optional(kDecision + *ns) : std::nullopt; };
    profile::OomVictim v;
    v.tid = v.tgid = pid;
    v.comm = std::move(comm);
    v.cgroup = std::move(cgroup);
    v.rss_bytes = rss;
    v.sigkill_ns = at(after.sigkill);
    v.marked_ns = at(after.marked);
    v.freed_ns = at(after.freed);
    v.exit_ns = at(after.exit);
    v.usage_after_bytes = left;
    return v;
}

inline profile::OomMember member(std::uint32_t pid, std::string comm, std::string cgroup, std::uint64_t rss,
                                 std::int32_t adj, std::uint32_t flags, bool in_group)
{
    return {.tid = pid,
            .tgid = pid,
            .comm = std::move(comm),
            .cgroup = std::move(cgroup),
            .rss_bytes = rss,
            .oom_score_adj = adj,
            .flags = flags,
            .scanned = true,
            .in_group = in_group};
}

// A group of four, one of which is protected.
inline oom::Judged group_kill()
{
    oom::Judged judged;
    judged.number = 3;
    profile::OomEpisode& e = judged.episode;
    e.ts_ns = kDecision;
    e.decision_seen = true;
    e.domain = "/jobs/build";
    e.trigger_cgroup = "/jobs/build/link";
    e.trigger_comm = "ld.lld";
    e.trigger_tid = 4243;
    e.trigger_tgid = 4242;
    e.victim_comm = "ld.lld";
    e.victim_tgid = 4242;
    e.points = 15'621;
    e.limit_bytes = 64 * kMiB;
    e.usage_bytes = 64 * kMiB;
    e.swap_bytes = 12 * kMiB;
    e.asked_pages = 1;
    e.group_policy = true;
    e.group_cgroup = "/jobs";
    e.reclaim = profile::OomReclaim{.rounds = 16, .ns = 42'137 * kUs, .pages = 31};
    e.victims = {
        victim(4242, "ld.lld", "/jobs/build/link", 61 * kMiB, {11 * kUs, 14 * kUs, 2'140 * kUs, 3'020 * kUs}, 2 * kMiB),
        victim(4101, "ninja", "/jobs/build", 1 * kMiB, {23 * kUs, 25 * kUs, 610 * kUs, 890 * kUs}, 63 * kMiB),
        victim(4099, "sh", "/jobs", 512 << 10, {31 * kUs, 33 * kUs, 540 * kUs, 702 * kUs}, 3 * kMiB)};
    e.members = {member(4242, "ld.lld", "/jobs/build/link", 61 * kMiB, 0, 0, true),
                 member(4101, "ninja", "/jobs/build", 1 * kMiB, 0, 0, true),
                 member(4099, "sh", "/jobs", 512 << 10, 0, 0, true),
                 member(3900, "agent", "/jobs/build", 2 * kMiB, -1000, 0, true)};
    judged.verdict = {.outcome = oom::Outcome::Pass,
                      .summary = "/jobs/build hit memory.max 64.0 MiB: group kill of 3 by memory.oom.group of /jobs",
                      .checks = {{"policy", oom::Outcome::Pass, "memory.oom.group of /jobs applied"},
                                 {"victims", oom::Outcome::Pass, "3 of 3 were killed"},
                                 {"counters", oom::Outcome::Pass, "memory.events agree"}},
                      .survivors = {{3900, "agent", "/jobs/build", oom::Reason::Protected}},
                      .unknown = {}};
    return judged;
}

// One of the group lives on and nobody knows why; another one shares memory with a victim.
inline oom::Judged unexplained()
{
    oom::Judged judged = group_kill();
    judged.number = 4;
    profile::OomEpisode& e = judged.episode;
    e.follows_ns = kDecision - 412 * kMs;
    e.reclaim.reset();
    e.victims.pop_back();
    e.victims[1].exit_ns.reset();
    e.victims[1].freed_ns.reset();
    e.victims[1].usage_after_bytes.reset();
    e.victims[0].reaped_ns = kDecision + 1'900 * kUs;
    e.members[0].met_ns = kDecision + 5 * kUs;
    e.members[0].exit_ns = kDecision + 3'020 * kUs;
    e.sharers = {{4300, 4300, "vforked", "/system.slice/cron.service", kDecision + 40 * kUs, kDecision + 4 * kMs}};
    judged.verdict.outcome = oom::Outcome::Fail;
    judged.verdict.summary = "/jobs/build hit memory.max 64.0 MiB: group kill of 2 by memory.oom.group of /jobs, but "
                             "sh (pid 4099) lives on";
    judged.verdict.checks[1] = {"victims", oom::Outcome::Fail, "2 of 3 were killed: sh (pid 4099) of /jobs was not"};
    judged.verdict.checks.push_back({"exits", oom::Outcome::Fail, "ninja (pid 4101) did not exit within 5 s"});
    judged.verdict.survivors.push_back({4099, "sh", "/jobs", oom::Reason::Unexplained});
    return judged;
}

// A kernel on which neither the decision nor the policy can be seen, and records were lost.
inline oom::Judged blind()
{
    oom::Judged judged;
    judged.number = 1;
    profile::OomEpisode& e = judged.episode;
    e.ts_ns = kDecision + 14 * kUs;
    e.domain = "/test/greedy";
    e.victims = {victim(777, "hog", "/test/greedy", ~0ULL, {11 * kUs, 14 * kUs, {}, 3 * kMs}, std::nullopt)};
    judged.verdict = {.outcome = oom::Outcome::Inconclusive,
                      .summary = "1 process of /test/greedy was killed, but records were lost",
                      .checks = {{"victims", oom::Outcome::Pass, "1 was killed"},
                                 {"loss", oom::Outcome::Inconclusive, "2 control records were dropped"}},
                      .survivors = {},
                      .unknown = {"who asked and how much was in use: oom_kill_process() cannot be hooked",
                                  "whether memory.oom.group applied: mem_cgroup_get_oom_group() is inlined"}};
    return judged;
}

// The machine ran out; everything that can be named has a hostile name.
inline oom::Judged hostile()
{
    const std::string name(kHostile);
    oom::Judged judged;
    judged.number = 2;
    profile::OomEpisode& e = judged.episode;
    e.ts_ns = kDecision;
    e.decision_seen = true;
    e.global = true;
    e.domain = "/";
    e.trigger_cgroup = "/" + name;
    e.trigger_comm = name;
    e.trigger_tid = e.trigger_tgid = 88;
    e.victim_comm = name;
    e.victim_tgid = 99;
    e.points = -17;
    e.group_policy = false;
    e.victims = {victim(99, name, "/" + name, 5 * kMiB, {1 * kUs, 2 * kUs, 3 * kUs, 4 * kUs}, 0)};
    e.members = {member(1, "init", "/", 9 * kMiB, 0, FB_OM_INIT, false),
                 member(2, name, "/" + name, ~0ULL, 0, FB_OM_KTHREAD | FB_OM_NO_MM, false)};
    e.sharers = {{98, 98, name, "/" + name, kDecision, std::nullopt}};
    judged.verdict = {.outcome = oom::Outcome::Fail,
                      .summary = "the machine ran out: " + name,
                      .checks = {{name, oom::Outcome::Fail, name}},
                      .survivors = {{97, name, "", oom::Reason::NotChosen}},
                      .unknown = {name}};
    return judged;
}

inline profile::OtherKill other_kill(profile::OtherKill::By by)
{
    return {.ts_ns = kDecision,
            .tgid = 4711,
            .comm = "web",
            .cgroup = "/jobs/web",
            .by = by,
            .sender_tid = 50,
            .sender_comm = "bash"};
}

inline std::vector<oom::Bound> bounds(std::uint64_t kill, std::uint64_t freed, std::optional<std::uint64_t> recover)
{
    return {{"time to kill", kill, kSecond},
            {"time to memory freed", freed, 2 * kSecond},
            {"time to recover", recover, 5 * kSecond}};
}

inline oom::ScenarioResult group_on(std::size_t run, std::uint64_t kill_ns)
{
    oom::ScenarioResult s;
    s.name = "group-on";
    s.title = "memory.oom.group on: all processes die together";
    s.status = oom::Status::Pass;
    s.expectations = {{"oom", oom::Outcome::Pass, "memory.events oom_kill rose by 3"},
                      {"group", oom::Outcome::Pass, "all 3 processes were killed"},
                      {"outsider", oom::Outcome::Pass, "the process beside the group lives on"}};
    s.bounds = bounds(kill_ns, 3'020 * kUs, 1'204 * kMs);
    s.timeline = {{0, "memory.max of /flyball/run-7-0 set to 64M"},
                  {1'180 * kUs, "memory.oom.group of /flyball/run-7-0 set to 1"},
                  {212'345 * kUs, "3 processes allocate"},
                  {540'101 * kUs, "4242 ld.lld: SIGKILL"},
                  {540'130 * kUs, "4101 ninja: SIGKILL"},
                  {1'744'101 * kUs, "a new process allocated 16 MiB in the cgroup"}};
    s.episodes = {group_kill()};
    s.limit_bytes = 64 * kMiB;
    s.peak_bytes = 64 * kMiB;
    s.baseline_bytes = 1258291;
    s.after_bytes = 1363148;
    s.start_ns = kDecision - 500 * kMs;
    s.duration_ns = 1'750 * kMs;
    s.repetition = run;
    return s;
}

inline oom::ScenarioResult group_fails(std::size_t run)
{
    oom::ScenarioResult s = group_on(run, 1'310 * kMs);
    s.status = oom::Status::Fail;
    s.reason = "sh (pid 4099) was not killed with its group";
    s.expectations[1] = {"group", oom::Outcome::Fail, "2 of 3 processes were killed; sh (pid 4099) lives on"};
    s.bounds[2].value_ns.reset();
    s.peak_bytes.reset();
    s.episodes = {unexplained()};
    return s;
}

inline oom::ScenarioResult lossy()
{
    oom::ScenarioResult s;
    s.name = "single-victim";
    s.title = "memory.oom.group off: one process dies";
    s.status = oom::Status::Inconclusive;
    s.reason = "2 control records were dropped";
    s.expectations = {{"one", oom::Outcome::Inconclusive, "1 kill was seen, more may have been lost"}};
    s.bounds = {{"time to kill", std::nullopt, kSecond}, {"time to memory freed", std::nullopt, 2 * kSecond}};
    s.episodes = {blind()};
    s.start_ns = kDecision - 500 * kMs;
    s.duration_ns = 900 * kMs;
    return s;
}

inline oom::ScenarioResult skipped()
{
    oom::ScenarioResult s;
    s.name = "swap";
    s.title = "memory.swap.max: swap first, then a kill";
    s.status = oom::Status::Skipped;
    s.reason = "this machine has no swap";
    return s;
}

inline oom::ScenarioResult hostile_scenario()
{
    const std::string name(kHostile);
    oom::ScenarioResult s;
    s.name = name + " # SKIP";
    s.title = name;
    s.status = oom::Status::Fail;
    s.reason = name;
    s.expectations = {{name, oom::Outcome::Fail, name}};
    s.bounds = {{name, 7 * kSecond, kSecond}};
    s.timeline = {{0, name}};
    s.episodes = {hostile()};
    s.duration_ns = 12;
    return s;
}

inline oom::TestReport report()
{
    oom::TestReport r;
    r.flyball_version = "0.2.0";
    r.host = "bench-7";
    r.kernel = "6.12.107+deb13-cloud-amd64";
    r.arch = "x86_64";
    r.start_wall_ns = 1'767'323'045'000'000'000;  // 2026-01-02 03:04:05 UTC
    r.workload = "built-in allocator";
    r.notes = {"this kernel does not tell when the memory of a victim is freed: its exit stands for it"};
    r.scenarios = {group_on(1, 33 * kUs), group_on(2, 41 * kUs), group_fails(3), lossy(), skipped()};
    r.duration_ns = 6'150 * kMs;
    return r;
}

inline oom::TestReport hostile_report()
{
    oom::TestReport r = report();
    const std::string name(kHostile);
    r.flyball_version = r.host = r.kernel = r.arch = r.workload = name;
    r.notes = {name};
    r.scenarios = {hostile_scenario()};
    return r;
}

inline oom::TestReport everything()
{
    oom::TestReport r = report();
    r.scenarios.push_back(hostile_scenario());
    return r;
}

}  // namespace flyball::test::oom_sample
