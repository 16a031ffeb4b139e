// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/clock.hpp"
#include "flyball/base/units.hpp"
#include "jobs.hpp"
#include "scenario_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace flyball::oom {
namespace {

// Of each cgroup's processes one fits below the limit: the others must die, one by one. The last one may be
// chosen too, while another one's memory is still on its way back.
constexpr std::size_t kCgroups = 20, kProcesses = 26, kKills = kCgroups * (kProcesses - 1);
constexpr std::uint64_t kLimit = 16 << 20, kEach = 12 << 20;

// By number: the verdicts are all there, each passed, and their victims are those that ended.
void expect_all(Trial& trial, const std::vector<Process*>& processes, const std::vector<std::string>& paths)
{
    std::set<std::uint32_t> killed, ended;
    std::size_t passed = 0;
    std::string first_bad;
    for (const Judged& judged : trial.episodes()) {
        const bool pass = judged.verdict.outcome == Outcome::Pass;
        passed += pass ? 1 : 0;
        if (!pass && first_bad.empty())
            first_bad = judged.verdict.summary;
        for (const profile::OomVictim& victim : judged.episode.victims)
            killed.insert(victim.tgid);
    }
    for (Process* process : processes) {
        if (process->ended())
            ended.insert(process->pid());
    }
    std::uint64_t counted = 0;
    for (const std::string& path : paths)
        counted += trial.ground().event(path, "oom_kill").value_or(0);
    trial.expect("kills", ended.size() >= kKills,
                 fmt::format("{} of {} processes died", ended.size(), processes.size()));
    trial.expect("verdicts", trial.kill_count() == ended.size(),
                 fmt::format("{} for {} kills", trial.kill_count(), ended.size()));
    trial.expect("passed", passed == trial.episodes().size(),
                 first_bad.empty() ? fmt::format("{}", passed) : fmt::format("{}; one: {}", passed, first_bad));
    trial.expect("victims", killed == ended, fmt::format("{} told, {} died", killed.size(), ended.size()));
    trial.expect("counters", counted == ended.size(), fmt::format("oom_kill of {} cgroups: {}", paths.size(), counted));
}

}  // namespace

void storm(Trial& trial)
{
    trial.in_short();
    trial.step(fmt::format("{} processes start in {} cgroups with memory.max {}", kCgroups * kProcesses, kCgroups,
                           format_bytes(kLimit)));
    std::vector<std::string> paths;
    std::vector<Process*> processes;
    for (std::size_t i = 0; i < kCgroups; ++i) {
        paths.push_back(trial.cgroup("", fmt::format("service-{}", i), kLimit, false));
        for (std::size_t n = 0; n < kProcesses; ++n)
            processes.push_back(&trial.start(
                paths.back(), {.kind = Job::Kind::Grow, .bytes = 64 << 10, .grow_to = kEach, .name = "oom-storm"}));
    }
    trial.all_ready();
    trial.step(fmt::format("{} processes may grow", processes.size()));
    const std::uint64_t go_ns = monotonic_ns();
    for (Process* process : processes)
        process->go();
    trial.kills(kKills);
    trial.settle();
    expect_all(trial, processes, paths);
    if (!trial.episodes().empty()) {
        const auto &first = trial.episodes().front().episode, &last = trial.episodes().back().episode;
        trial.step(fmt::format("{} kills in {}, the first {} after the word", trial.kill_count(),
                               format_ns(last.ts_ns - std::min(last.ts_ns, first.ts_ns)),
                               format_ns(first.ts_ns - std::min(first.ts_ns, go_ns))));
    }
}

}  // namespace flyball::oom
