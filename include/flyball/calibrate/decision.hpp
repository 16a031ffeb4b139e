// SPDX-License-Identifier: Apache-2.0
// Whether limits hold, and which ones to raise when they do not. Pure; any thread.
#pragma once

#include "flyball/calibrate/result.hpp"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace flyball::calibrate {

// Retention, and the targets under both limits.
[[nodiscard]] ScenarioResult judge(const Component& component, const Scenario& scenario, const Measurements& before,
                                   const Measurements& after, const References& references_before,
                                   const References& references_after);

// Has it values that the validation is to try? A limit, or one whose own trial could not decide: the validation's runs
// are longer, and what holds there is shown.
[[nodiscard]] bool to_be_tried(const tune::Proposal& proposal);

// What the tuner of the CPU limit has promised of it, and has to keep when it is validated.
struct Promise {
    std::optional<double> added_latency;  // of p50 and p99: shares of what they were
    std::optional<double> throttled;      // of the periods
};
[[nodiscard]] Promise promised(std::span<const tune::Proposal> proposals);

struct Decision {
    bool accepted = false;
    bool undecided = false;  // nothing fails, and what was measured does not show that it holds
    bool hopeless = false;   // what fails fails without the new limits as well
    std::vector<std::string> reasons;
    Limits next;  // to try when it failed
};

enum class Runs : std::uint8_t { MoreCanBeMade, AreAll };

// Accepted: the whole interval of the retention lies above the floor, no target fails that was not missed before, the
// promise is kept, and the workload lived. What an interval leaves open is undecided while more runs can be made; when
// these are all, an estimate below the floor fails.
//
// next: the limits that have to do with what failed, raised by step_up, at most to what they were where that is more
// (raising never lowers) and within the bounds; when there is nothing left to raise, they are as they were. failures:
// this one and those before it in a row; the step doubles with each, so that limits which are far too low are not
// followed up for many attempts.
[[nodiscard]] Decision decide(const Component& component, std::span<const ScenarioResult> scenarios,
                              const Limits& tried, const Promise& promise, Runs runs, std::uint32_t failures = 1);

// Limits that only go together: a burst is not above its quota (kernel/sched/core.c tg_set_cfs_bandwidth() refuses
// it), memory.high not above memory.max.
[[nodiscard]] Limits in_pairs(Limits limits);

// The component's limits with those of the proposals that are limits, kept within its bounds. One that would go down by
// less than the convergence stays. started_with: what cold starts took, by file, which no tuner has seen.
[[nodiscard]] Limits adopted(const Component& component, std::span<const tune::Proposal> proposals,
                             const std::map<std::string, double>& started_with, std::vector<std::string>& notes);

// From these limits towards the goal, none lower by more than a step down.
[[nodiscard]] Limits stepped(const Component& component, const Limits& from, const Limits& goal);

// Of a limit as it is written, in the unit of Bounds: bytes, CPUs, tasks, weight. nullopt: no limit ("max").
[[nodiscard]] std::optional<double> limit_number(std::string_view file, std::string_view text);
// The same limit with another number; cpu.max keeps its period.
[[nodiscard]] std::string limit_with(std::string_view file, std::string_view text, double number);

}  // namespace flyball::calibrate
