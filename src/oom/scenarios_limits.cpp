// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/units.hpp"
#include "jobs.hpp"
#include "machine_memory.hpp"
#include "scenario_list.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <string>

namespace flyball::oom {
namespace {

// The one process dies, by the policy of its own cgroup.
const Judged* expect_its_kill(Trial& trial, const std::string& path, Process& process)
{
    const Judged* const judged = the_kill(trial);
    if (judged == nullptr)
        return nullptr;
    trial.expect_kill(*judged, {&process}, path);
    trial.expect_ended({&process});
    return judged;
}

void swap(Trial& trial, bool on)
{
    if (on && free_swap_bytes() < trial.limit())
        throw Lacking{fmt::format("there is less than {} of free swap", format_bytes(trial.limit()))};
    const std::string path = trial.cgroup("", "service", trial.limit(), true);
    if (!trial.ground().has(path, "memory.swap.max"))
        throw Lacking{"no memory.swap.max here: swap accounting is off"};
    const std::uint64_t swap_max = on ? trial.limit() / 4 : 0;
    trial.set(path, "memory.swap.max", swap_max);
    Process& process = trial.start(path, hog(trial));
    run_over(trial, process);
    const Judged* const judged = expect_its_kill(trial, path, process);
    if (judged == nullptr)
        return;
    trial.result().peak_bytes = trial.ground().peak(path);
    if (!judged->episode.decision_seen)
        return;
    const std::uint64_t swapped = judged->episode.swap_bytes;
    // The kernel charges swap in clusters and may give up a little before the last page of it.
    const bool right = on ? swapped >= swap_max / 2 && swapped <= swap_max : swapped == 0;
    trial.expect("swap", right,
                 fmt::format("{} in swap at the decision, of {}", format_bytes(swapped), format_bytes(swap_max)));
}

}  // namespace

void high_first(Trial& trial)
{
    const std::string path = trial.cgroup("", "service", trial.limit(), true);
    // The sleep grows with the square of what is over: with so little it is seconds to the limit, not minutes.
    trial.set(path, "memory.high", trial.limit() - trial.limit() / 32);
    Process& process = trial.start(path, hog(trial));
    trial.all_ready();
    const auto highs = [&] { return trial.ground().event(path, "high").value_or(0); };
    const auto killed = [&] { return trial.ground().event(path, "oom_kill").value_or(0); };
    trial.expect("before", highs() == 0, fmt::format("high {}", highs()));
    process.go();
    bool high_came_first = false;
    (void)trial.until(
        [&] {
            const bool high_now = highs() > 0;
            high_came_first |= high_now && killed() == 0;
            return high_now;
        },
        60'000'000'000);
    trial.step(fmt::format("memory.events high {}", highs()));
    trial.expect("memory.high acted first", high_came_first,
                 fmt::format("memory.events: high {}, oom_kill {} then", highs(), killed()));
    trial.kills(1);
    if (expect_its_kill(trial, path, process) != nullptr)
        trial.result().peak_bytes = trial.ground().peak(path);
}

// v1 refuses a limit below what is in use.
void lower_max(Trial& trial)
{
    const std::string path = trial.cgroup("", "service", std::nullopt, true);
    Job job = sitter(trial);
    job.bytes = trial.limit();
    job.name = "oom-load";
    Process& process = trial.start(path, job);
    trial.all_ready();
    const std::uint64_t low = trial.limit() / 4;
    trial.result().limit_bytes = low;
    trial.step(fmt::format("memory.max of {} set to {}, {} in use", path, low, trial.ground().usage(path).value_or(0)));
    // Anonymous memory without swap cannot be reclaimed: the writer has the kernel kill for it.
    if (trial.ground().has(path, "memory.swap.max"))
        must(trial.ground().set(path, "memory.swap.max", "0"));
    must(trial.ground().set(path, "memory.max", std::to_string(low)));
    trial.kills(1);
    const Judged* const judged = expect_its_kill(trial, path, process);
    if (judged != nullptr && judged->episode.decision_seen)
        trial.expect("asked by the writer", judged->episode.trigger_tgid == static_cast<std::uint32_t>(::getpid()),
                     fmt::format("{} ({})", judged->episode.trigger_tgid, judged->episode.trigger_comm));
}

void swap_off(Trial& trial)
{
    swap(trial, false);
}

void swap_on(Trial& trial)
{
    swap(trial, true);
}

}  // namespace flyball::oom
