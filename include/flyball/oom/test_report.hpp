// SPDX-License-Identifier: Apache-2.0
// What `flyball oom test` has found: scenarios, what was expected of each, and what happened. Plain values.
#pragma once

#include "flyball/oom/verdict.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flyball::oom {

enum class Status { Pass, Fail, Inconclusive, Skipped };

// Something that happened in a scenario.
struct Step {
    std::uint64_t at_ns = 0;  // since the scenario began
    std::string what;         // "memory.max of /flyball/run-7-0 set to 64M", "1234 alloc: SIGKILL"
    friend bool operator==(const Step&, const Step&) = default;
};

// A time that is measured against a bound.
struct Bound {
    std::string name;                       // "time to kill", "time to memory freed", "time to recover"
    std::optional<std::uint64_t> value_ns;  // nullopt: not observable here
    std::uint64_t limit_ns = 0;
    [[nodiscard]] bool held() const { return !value_ns || *value_ns <= limit_ns; }
    friend bool operator==(const Bound&, const Bound&) = default;
};

struct ScenarioResult {
    std::string name;   // "group-on"
    std::string title;  // "memory.oom.group on: five processes die together"
    Status status = Status::Skipped;
    std::string reason;  // why it is no pass; what a skipped one lacks
    std::vector<Check> expectations;
    std::vector<Bound> bounds;
    std::vector<Step> timeline;  // in time order
    std::vector<Judged> episodes;
    std::uint64_t limit_bytes = ~0ULL;                         // memory.max of the cgroup that was to run out
    std::optional<std::uint64_t> peak_bytes;                   // memory.peak of it, where the kernel has it
    std::optional<std::uint64_t> baseline_bytes, after_bytes;  // memory.current before, and at the end
    std::uint64_t start_ns = 0;                                // CLOCK_MONOTONIC
    std::uint64_t duration_ns = 0;
    std::size_t repetition = 1;  // of how many there were of this scenario
    friend bool operator==(const ScenarioResult&, const ScenarioResult&) = default;
};

struct TestReport {
    std::string flyball_version, host, kernel, arch;
    std::uint64_t start_wall_ns = 0;  // CLOCK_REALTIME
    std::string workload;             // "built-in allocator", or the user's command
    std::vector<std::string> notes;   // what holds for all scenarios: what this kernel does not show
    std::vector<ScenarioResult> scenarios;
    std::uint64_t duration_ns = 0;

    [[nodiscard]] std::size_t count(Status status) const
    {
        std::size_t n = 0;
        for (const ScenarioResult& scenario : scenarios)
            n += scenario.status == status ? 1 : 0;
        return n;
    }
    friend bool operator==(const TestReport&, const TestReport&) = default;
};

[[nodiscard]] std::string_view name(Status status);  // "pass", "fail", "inconclusive", "skipped"

}  // namespace flyball::oom
