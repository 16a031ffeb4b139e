// SPDX-License-Identifier: Apache-2.0
// Memory that no kill gives back: everybody is protected, or what holds it is.
#include "flyball/base/units.hpp"
#include "jobs.hpp"
#include "scenario_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

namespace flyball::oom {
namespace {

using profile::OomEpisode;

constexpr std::uint64_t kPatienceNs = 120'000'000'000;

const Judged* shortage(const Trial& trial)
{
    const auto found = std::ranges::find_if(
        trial.episodes(), [](const Judged& judged) { return judged.episode.kind != OomEpisode::Kind::Kill; });
    return found == trial.episodes().end() ? nullptr : &*found;
}

// It is told, as what it is, with the one that holds the memory.
void expect_shortage(Trial& trial, const Process& holder, std::optional<std::uint64_t> counted_before)
{
    (void)trial.until([&] { return shortage(trial) != nullptr && trial.source().idle(); }, kPatienceNs);
    const Judged* const judged = shortage(trial);
    if (judged == nullptr)
        return trial.expect("told", false, "memory was out, and no episode says so");
    const OomEpisode& episode = judged->episode;
    // Without its hook and the kernel's log only the counters tell.
    if (episode.kind == OomEpisode::Kind::NotKilled)
        return trial.unclear("told", judged->verdict.summary);
    trial.expect("told", episode.kind == OomEpisode::Kind::NobodyKillable && judged->verdict.outcome == Outcome::Fail,
                 judged->verdict.summary);
    trial.expect("culprit", judged->verdict.summary.find(fmt::format("(pid {})", holder.pid())) != std::string::npos,
                 fmt::format("{} holds it", holder.pid()));
    const auto counted = trial.ground().event(episode.domain, "oom");
    if (counted && counted_before && episode.times > 0)
        trial.expect("times", episode.times <= *counted - *counted_before,
                     fmt::format("{} times, the kernel counted {}", episode.times, *counted - *counted_before));
}

bool says(const Judged& judged, std::string_view what)
{
    return std::ranges::any_of(judged.verdict.why,
                               [&](const std::string& line) { return line.find(what) != std::string::npos; });
}

}  // namespace

void nobody(Trial& trial)
{
    const std::string path = trial.cgroup("", "service", trial.limit(), false);
    Process& holder = trial.start(path, untouchable(trial));
    trial.all_ready();
    const auto counted = trial.ground().event(path, "oom");
    trial.step(fmt::format("{} may grow", holder.pid()));
    holder.go();
    expect_shortage(trial, holder, counted);
    trial.expect("no kill", trial.kill_count() == 0, seen(trial.kill_count()));
    trial.expect_alive({&holder});
}

void protected_hog(Trial& trial)
{
    const std::string path = trial.cgroup("", "service", trial.limit(), false);
    Process& holder = trial.start(path, untouchable(trial));
    std::vector<Process*> bystanders;
    for (int i = 0; i < 3; ++i)
        bystanders.push_back(&trial.start(path, sitter(trial)));
    trial.all_ready();
    trial.step(fmt::format("{} may grow", holder.pid()));
    holder.go();
    expect_shortage(trial, holder, std::nullopt);
    trial.expect("bystanders", trial.kill_count() == bystanders.size(), seen(trial.kill_count()));
    trial.expect_ended(bystanders);
    trial.expect_alive({&holder});
    const std::string name = fmt::format("{} (oom-untouchable) holds the most", holder.pid());
    for (const Judged& judged : trial.episodes()) {
        if (judged.episode.kind != OomEpisode::Kind::Kill)
            continue;
        trial.expect_verdict(judged);
        if (!judged.episode.members.empty())
            trial.expect("culprit", says(judged, name), name);
    }
}

void tmpfs(Trial& trial)
{
    const std::string path = trial.cgroup("", "service", trial.limit(), false);
    // Not mapped: no process is the larger for it.
    Process& holder = trial.start(
        path, {.kind = Job::Kind::Shared, .bytes = trial.limit() / 4 * 3, .mapped = false, .name = "oom-tmpfs"});
    Job job = hog(trial);
    job.bytes = 0;
    Process& victim = trial.start(path, job);
    run_over(trial, victim);
    const Judged* const judged = the_kill(trial);
    if (judged == nullptr)
        return;
    trial.expect_kill(*judged, {&victim}, "");
    trial.expect_alive({&holder});
    const auto& after = judged->episode.after;
    const auto shared = after ? after->kinds[FB_MK_SHMEM] : std::nullopt;
    if (!shared)
        return trial.unclear("what stays", "memory.stat could not be read after the kill");
    trial.expect("what stays", *shared >= trial.limit() / 4 * 3,
                 fmt::format("{} of shared memory", format_bytes(*shared)));
    trial.expect("why", says(*judged, "tmpfs or shared memory"),
                 judged->verdict.why.empty() ? "it does not say" : judged->verdict.why.front());
}

}  // namespace flyball::oom
