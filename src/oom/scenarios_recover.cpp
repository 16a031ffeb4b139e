// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/clock.hpp"
#include "flyball/base/units.hpp"
#include "jobs.hpp"
#include "scenario_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace flyball::oom {
namespace {

// What may stay in a cgroup that is empty again: each CPU's stock of 64 charged pages, and what the kernel
// keeps of the processes until it gets round to freeing it.
constexpr std::uint64_t kSlackBytes = 4 << 20;
constexpr std::uint64_t kFreePatienceNs = 10'000'000'000;

// Started again, and well (it has its memory and runs): when; nullopt: not in time.
std::optional<std::uint64_t> recover(Trial& trial, const std::string& path)
{
    Process& again = trial.start(path, sitter(trial));
    if (!trial.until([&] { return again.ready(); }, trial.options().recover_bound_ns) || again.ended())
        return std::nullopt;
    trial.step("well again");
    const std::uint64_t now_ns = monotonic_ns();
    again.kill();
    (void)trial.until([&] { return again.ended().has_value(); }, trial.options().recover_bound_ns);
    return now_ns;
}

std::uint64_t last_exit(const profile::OomEpisode& episode)
{
    std::uint64_t last = episode.ts_ns;
    for (const profile::OomVictim& victim : episode.victims)
        last = std::max(last, victim.exit_ns.value_or(0));
    return last;
}

void recover_times(Trial& trial, std::size_t times)
{
    const std::string path = trial.cgroup("", "service", trial.limit(), true);
    for (std::size_t i = 0; i < times; ++i) {
        Process& process = trial.start(path, hog(trial));
        (void)trial.until([&] { return process.ready(); }, 60'000'000'000);
        process.go();
        trial.kills(i + 1);
        trial.expect("kill", trial.kill_count() == i + 1, fmt::format("number {}", trial.kill_count()));
        if (trial.kill_count() != i + 1 || trial.episodes().back().episode.victims.empty())
            return;
        trial.expect_kill(trial.episodes().back(), {&process}, path);
        trial.expect_ended({&process});
        const std::uint64_t gone_ns = last_exit(trial.episodes().back().episode);
        const std::uint64_t asked_ns = monotonic_ns();
        const auto well_ns = recover(trial, path);
        trial.expect("recovered", well_ns.has_value(), well_ns ? "well again" : "not well in time");
        // From the death to the restart is the test's own waiting for the verdict: not the service's time.
        if (well_ns)
            trial.bound("time to recover", *well_ns - std::max(asked_ns, gone_ns), trial.options().recover_bound_ns);
        // Baseline: nothing of it is left in the cgroup when it is empty.
        const std::uint64_t baseline = trial.result().baseline_bytes.value_or(0);
        const bool empty = trial.until([&] { return trial.ground().usage(path).value_or(0) <= baseline + kSlackBytes; },
                                       kFreePatienceNs);
        trial.result().after_bytes = trial.ground().usage(path);
        trial.expect("no leak", empty,
                     fmt::format("{} are left, {} at the start", format_bytes(trial.result().after_bytes.value_or(0)),
                                 format_bytes(baseline)));
    }
    trial.result().peak_bytes = trial.ground().peak(path);
}

}  // namespace

void recover_once(Trial& trial)
{
    recover_times(trial, 1);
}

void recover_thrice(Trial& trial)
{
    recover_times(trial, 3);
}

// As a unit with Restart=always: a new cgroup of the same path has its process before the verdict is given.
void made_again(Trial& trial)
{
    constexpr std::size_t kLives = 3;
    Process* next = nullptr;
    std::string path = trial.cgroup("", "service", trial.limit(), true);
    for (std::size_t i = 0; i < kLives; ++i) {
        Process& process = next != nullptr ? *next : trial.start(path, hog(trial));
        (void)trial.until([&] { return process.ready(); }, 60'000'000'000);
        process.go();
        const bool gone = trial.until([&] { return process.ended() && trial.ground().remove(path); }, 120'000'000'000);
        if (!gone)
            return trial.expect("removed", false, "the cgroup could not be removed");
        path = trial.cgroup("", "service", trial.limit(), true);
        next = &trial.start(path, hog(trial));
        trial.kills(i + 1);
        trial.expect("kill", trial.kill_count() == i + 1, fmt::format("number {}", trial.kill_count()));
        if (trial.kill_count() != i + 1 || trial.episodes().back().episode.victims.empty())
            return;
        const Judged& judged = trial.episodes().back();
        trial.expect_kill(judged, {&process}, path);
        trial.expect("survivors", judged.verdict.survivors.empty(),
                     fmt::format("{} of the cgroup that was", judged.verdict.survivors.size()));
    }
}

}  // namespace flyball::oom
