// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/base/units.hpp"
#include "jobs.hpp"
#include "scenario_list.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

namespace flyball::oom {
namespace {

Result<> pass_on(Error error)
{
    return std::unexpected(std::move(error));
}

// Free swap of this machine. /proc/swaps: a header, then "NAME TYPE SIZE USED PRIORITY" in KiB.
std::uint64_t free_swap_bytes()
{
    std::uint64_t kib = 0;
    auto text = read_file("/proc/swaps");
    if (!text)
        return 0;
    for_each_line(*text, [&](std::string_view line) {
        const auto fields = split_blanks(line);
        if (fields.size() < 4)
            return;
        const auto size = parse_u64(fields[2]), used = parse_u64(fields[3]);
        if (size && used && *size >= *used)
            kib += *size - *used;
    });
    return kib << 10;
}

Result<> swap(Trial& trial, bool on)
{
    auto ground = trial.begin(true);
    if (!ground || !*ground)
        return ground ? Result<>{} : pass_on(std::move(ground.error()));
    if (on && free_swap_bytes() < trial.limit()) {
        trial.skip(fmt::format("there is less than {} of free swap", format_bytes(trial.limit())));
        return {};
    }
    auto path = trial.cgroup("", "service", trial.limit(), true);
    if (!path)
        return pass_on(std::move(path.error()));
    if (!trial.ground().has(*path, "memory.swap.max")) {
        trial.skip("no memory.swap.max here: swap accounting is off");
        return {};
    }
    const std::uint64_t swap_max = on ? trial.limit() / 4 : 0;
    if (auto set = trial.ground().set(*path, "memory.swap.max", std::to_string(swap_max)); !set)
        return set;
    trial.step(fmt::format("memory.swap.max of {} set to {}", *path, swap_max));
    auto process = trial.start(*path, hog(trial));
    if (!process)
        return pass_on(std::move(process.error()));
    if (auto over = run_over(trial, **process); !over)
        return pass_on(std::move(over.error()));
    const Judged* const judged = the_kill(trial);
    if (judged == nullptr)
        return {};
    trial.expect_kill(*judged, {*process}, *path);
    trial.expect_ended({*process});
    trial.result().peak_bytes = trial.ground().peak(*path);
    if (!judged->episode.decision_seen)
        return {};
    const std::uint64_t swapped = judged->episode.swap_bytes;
    // The kernel charges swap in clusters and may give up a little before the last page of it.
    const bool right = on ? swapped >= swap_max / 2 && swapped <= swap_max : swapped == 0;
    trial.expect("swap", right, fmt::format("{} in swap at the decision, of {}", format_bytes(swapped),
                                            format_bytes(swap_max)));
    return {};
}

}  // namespace

Result<> high_first(Trial& trial)
{
    auto ground = trial.begin(true);
    if (!ground || !*ground)
        return ground ? Result<>{} : pass_on(std::move(ground.error()));
    auto path = trial.cgroup("", "service", trial.limit(), true);
    if (!path)
        return pass_on(std::move(path.error()));
    // The sleep grows with the square of what is over: with so little it is seconds to the limit, not minutes.
    const std::uint64_t high = trial.limit() - trial.limit() / 32;
    if (auto set = trial.ground().set(*path, "memory.high", std::to_string(high)); !set)
        return set;
    trial.step(fmt::format("memory.high of {} set to {}", *path, high));
    auto process = trial.start(*path, hog(trial));
    if (!process)
        return pass_on(std::move(process.error()));
    if (auto ready = trial.all_ready(); !ready)
        return ready;
    const auto highs = [&] { return trial.ground().event(*path, "high").value_or(0); };
    const auto killed = [&] { return trial.ground().event(*path, "oom_kill").value_or(0); };
    trial.expect("before", highs() == 0, fmt::format("high {}", highs()));
    (*process)->go();
    bool high_came_first = false;
    auto slowed = trial.until(
        [&] {
            const bool high_now = highs() > 0;
            high_came_first |= high_now && killed() == 0;
            return high_now;
        },
        60'000'000'000);
    if (!slowed)
        return pass_on(std::move(slowed.error()));
    trial.step(fmt::format("memory.events high {}", highs()));
    trial.expect("memory.high acted first", high_came_first,
                 fmt::format("memory.events: high {}, oom_kill {} then", highs(), killed()));
    if (auto over = trial.kills(1); !over)
        return pass_on(std::move(over.error()));
    const Judged* const judged = the_kill(trial);
    if (judged == nullptr)
        return {};
    trial.expect_kill(*judged, {*process}, *path);
    trial.expect_ended({*process});
    trial.result().peak_bytes = trial.ground().peak(*path);
    return {};
}

Result<> lower_max(Trial& trial)
{
    auto ground = trial.begin(true);  // v1 refuses a limit below what is in use
    if (!ground || !*ground)
        return ground ? Result<>{} : pass_on(std::move(ground.error()));
    auto path = trial.cgroup("", "service", std::nullopt, true);
    if (!path)
        return pass_on(std::move(path.error()));
    Job job = sitter(trial);
    job.bytes = trial.limit();
    job.name = "oom-load";
    auto process = trial.start(*path, job);
    if (!process)
        return pass_on(std::move(process.error()));
    if (auto ready = trial.all_ready(); !ready)
        return ready;
    const std::uint64_t low = trial.limit() / 4;
    trial.result().limit_bytes = low;
    trial.step(fmt::format("memory.max of {} set to {}, {} in use", *path, low,
                           trial.ground().usage(*path).value_or(0)));
    // Anonymous memory without swap cannot be reclaimed: the writer has the kernel kill for it.
    if (auto set = trial.ground().set(*path, "memory.swap.max", "0"); !set && trial.ground().has(*path, "memory.swap.max"))
        return set;
    if (auto set = trial.ground().set(*path, "memory.max", std::to_string(low)); !set)
        return set;
    if (auto over = trial.kills(1); !over)
        return pass_on(std::move(over.error()));
    const Judged* const judged = the_kill(trial);
    if (judged == nullptr)
        return {};
    trial.expect_kill(*judged, {*process}, *path);
    trial.expect_ended({*process});
    if (judged->episode.decision_seen)
        trial.expect("asked by the writer", judged->episode.trigger_tgid == static_cast<std::uint32_t>(::getpid()),
                     fmt::format("{} ({})", judged->episode.trigger_tgid, judged->episode.trigger_comm));
    return {};
}

Result<> swap_off(Trial& trial)
{
    return swap(trial, false);
}

Result<> swap_on(Trial& trial)
{
    return swap(trial, true);
}

}  // namespace flyball::oom
