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

Result<> pass_on(Error error)
{
    return std::unexpected(std::move(error));
}

// A shell command that runs outside of the cgroup; true: it ended with 0.
Result<bool> shell(Trial& trial, const std::string& command, const std::string& path)
{
    auto process = Process::start({.kind = Job::Kind::Command, .name = "oom-shell", .command = {"sh", "-c", command}},
                                  trial.ground().procs_file(path));
    if (!process)
        return std::unexpected(std::move(process.error()));
    auto ended = trial.until([&] { return process->ended().has_value(); }, trial.options().recover_bound_ns);
    if (!ended)
        return std::unexpected(std::move(ended.error()));
    return process->ended() && process->ended()->signal == 0 && process->ended()->code == 0;
}

// Started again, and well: when; nullopt: not in time.
Result<std::optional<std::uint64_t>> recover(Trial& trial, const std::string& path, const std::string& tools)
{
    const Service& service = trial.options().service;
    const std::uint64_t end_ns = monotonic_ns() + trial.options().recover_bound_ns;
    Process* again = nullptr;
    if (service.restart.empty()) {
        auto process = trial.start(path, sitter(trial));
        if (!process)
            return std::unexpected(std::move(process.error()));
        again = *process;
    } else {
        trial.step("restart: " + service.restart);
        auto done = shell(trial, service.restart, tools);
        if (!done)
            return std::unexpected(std::move(done.error()));
        if (!*done) {
            trial.step("restart failed");
            return std::nullopt;
        }
    }
    for (;;) {
        if (service.health.empty()) {
            // Built in: it has its memory and runs.
            auto well = trial.until([&] { return again == nullptr || again->ready(); }, trial.options().recover_bound_ns);
            if (!well)
                return std::unexpected(std::move(well.error()));
            if (!*well || (again != nullptr && again->ended()))
                return std::nullopt;
        } else {
            auto healthy = shell(trial, service.health, tools);
            if (!healthy)
                return std::unexpected(std::move(healthy.error()));
            if (!*healthy && monotonic_ns() < end_ns)
                continue;
            if (!*healthy)
                return std::nullopt;
        }
        trial.step("well again");
        const std::uint64_t now_ns = monotonic_ns();
        if (again != nullptr)
            again->kill();
        if (again != nullptr)
            (void)trial.until([&] { return again->ended().has_value(); }, trial.options().recover_bound_ns);
        return now_ns;
    }
}

std::uint64_t last_exit(const profile::OomEpisode& episode)
{
    std::uint64_t last = episode.ts_ns;
    for (const profile::OomVictim& victim : episode.victims)
        last = std::max(last, victim.exit_ns.value_or(0));
    return last;
}

Result<> recover_times(Trial& trial, std::size_t times)
{
    auto ground = trial.begin(false);
    if (!ground || !*ground)
        return ground ? Result<>{} : pass_on(std::move(ground.error()));
    auto path = trial.cgroup("", "service", trial.limit(), true);
    if (!path)
        return pass_on(std::move(path.error()));
    auto tools = trial.cgroup("", "tools", std::nullopt, false);  // the commands' own memory is not the service's
    if (!tools)
        return pass_on(std::move(tools.error()));
    for (std::size_t i = 0; i < times; ++i) {
        auto process = trial.start(*path, hog(trial));
        if (!process)
            return pass_on(std::move(process.error()));
        if (auto ready = trial.until([&] { return (*process)->ready(); }, 60'000'000'000); !ready)
            return pass_on(std::move(ready.error()));
        (*process)->go();
        if (auto over = trial.kills(i + 1); !over)
            return pass_on(std::move(over.error()));
        trial.expect("kill", trial.kill_count() == i + 1, fmt::format("number {}", trial.kill_count()));
        if (trial.kill_count() != i + 1 || trial.episodes().back().episode.victims.empty())
            return {};
        trial.expect_kill(trial.episodes().back(), {*process}, *path);
        trial.expect_ended({*process});
        const std::uint64_t gone_ns = last_exit(trial.episodes().back().episode);
        const std::uint64_t asked_ns = monotonic_ns();
        auto well = recover(trial, *path, *tools);
        if (!well)
            return pass_on(std::move(well.error()));
        trial.expect("recovered", well->has_value(), *well ? "well again" : "not well in time");
        // From the death to the restart is the test's own waiting for the verdict: not the service's time.
        if (*well)
            trial.bound("time to recover", **well - std::max(asked_ns, gone_ns), trial.options().recover_bound_ns);
        // Baseline: nothing of it is left in the cgroup when it is empty.
        const std::uint64_t baseline = trial.result().baseline_bytes.value_or(0);
        auto empty = trial.until(
            [&] { return trial.ground().usage(*path).value_or(0) <= baseline + kSlackBytes; }, kFreePatienceNs);
        if (!empty)
            return pass_on(std::move(empty.error()));
        trial.result().after_bytes = trial.ground().usage(*path);
        trial.expect("no leak", *empty,
                     fmt::format("{} are left, {} at the start", format_bytes(trial.result().after_bytes.value_or(0)),
                                 format_bytes(baseline)));
    }
    trial.result().peak_bytes = trial.ground().peak(*path);
    return {};
}

}  // namespace

Result<> recover_once(Trial& trial)
{
    return recover_times(trial, 1);
}

Result<> recover_thrice(Trial& trial)
{
    return recover_times(trial, 3);
}

}  // namespace flyball::oom
