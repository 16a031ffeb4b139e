// SPDX-License-Identifier: Apache-2.0
// OOM behaviour, tested in cgroups of its own: scenarios with a known right answer, judged by what the kernel did.
//
// Every scenario makes its cgroups, runs its processes in them, and removes both, also when it fails. It
// writes to no cgroup that it did not make, but for memory.max of a service where that is asked for
// (Service::lower_limit; by the actuator, which puts it back after a SIGKILL, too). Single-threaded: it forks.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/oom/test_report.hpp"
#include "flyball/profile/snapshot.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::oom {

// Where verdicts come from while a scenario runs.
class EpisodeSource {
public:
    virtual ~EpisodeSource() = default;
    // Waits a moment (50 ms at most) and gives what is due by then.
    [[nodiscard]] virtual Result<std::vector<Judged>> next() = 0;
    // SIGKILLs of other senders since the last call.
    [[nodiscard]] virtual std::vector<profile::OtherKill> other_kills() = 0;
    // Nothing is under way.
    [[nodiscard]] virtual bool idle() = 0;
    // The user wants to stop.
    [[nodiscard]] virtual bool stopped() = 0;
    // Makes the next verdicts inconclusive: to show that a loss does.
    virtual void pretend_loss() = 0;
    [[nodiscard]] virtual const profile::Meta& meta() const = 0;
};

// Wrong on purpose, to show that it is noticed; for the scenario "group-on".
enum class Fault { None, NoPolicy, Survivor, ByHand, Loss, Removed };

// A service of the user's, which is to run out of memory in its own limit. Commands are for `sh -c`; they run where
// flyball runs. What is empty is not asked for.
struct Service {
    std::string
        command;  // starts it, in a cgroup of our own, again after each death; empty: it runs in TestOptions::cgroup
    std::string restart;  // after each kill; without it, whoever looks after it starts it again
    std::string health;   // 0: it is well; without it, something runs in its cgroup
    std::string setup;    // once, when it is well: gives it the state that it has to keep
    std::string state;    // prints what has to outlive the kill
    std::size_t rounds = 3;
    bool lower_limit = false;  // by memory.max below what is in use, put back at once; not by pressure inside its limit
    std::optional<bool> group;  // memory.oom.group: set for `command`, expected of others
};

struct TestOptions {
    std::vector<std::string> scenarios;  // by name, empty: all
    std::uint64_t limit_bytes = std::uint64_t{64} << 20;
    std::size_t processes = 5;
    std::size_t repeat = 1;
    std::uint64_t kill_bound_ns = 5'000'000'000;      // decision -> last exit
    std::uint64_t free_bound_ns = 10'000'000'000;     // decision -> last memory given back
    std::uint64_t recover_bound_ns = 30'000'000'000;  // last exit -> healthy
    std::vector<std::string> command;                 // that runs out of memory; empty: built-in
    Service service;
    // A cgroup that was there before: only "trigger" and "service" run, in it, as it is. Empty: our own.
    std::string cgroup;
    Fault fault = Fault::None;
};

struct ScenarioName {
    std::string_view name, title;
};
[[nodiscard]] std::span<const ScenarioName> scenario_names();

// Called when a scenario is over.
using OnScenario = std::function<void(const ScenarioResult&)>;

// Usage: no such scenario. Others: the machine failed, not a scenario. A stop ends it after the scenario
// that runs, which is then inconclusive.
[[nodiscard]] Result<TestReport> run_tests(const TestOptions& options, const cgroup::Layout& layout,
                                           EpisodeSource& source, const OnScenario& on_scenario);

}  // namespace flyball::oom
