// SPDX-License-Identifier: Apache-2.0
// The specification of a calibration, as values: docs/calibrate-spec.md. Pure; any thread.
//
// What parse_spec() returns is resolved: a profile's settings are in place, and each scenario has its own command,
// environment, parameters, times and targets, whatever level of the file they came from.
#pragma once

#include "flyball/calibrate/command.hpp"
#include "flyball/calibrate/problem.hpp"
#include "flyball/calibrate/target.hpp"
#include "flyball/tune/proposal.hpp"

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::calibrate {

// P4.2's: CALIBRATION_DURATION, CALIBRATION_WARMUP, CALIBRATION_ITERATIONS.
struct Timing {
    std::uint64_t duration_ns = 300'000'000'000;  // measured, after the warm-up
    std::uint64_t warmup_ns = 30'000'000'000;
    std::uint32_t iterations = 3;
    friend bool operator==(const Timing&, const Timing&) = default;
};

// P4.2's steps; shares of the value that is changed.
struct Tuning {
    double step_down = 1;       // of a limit, from one attempt to the next; 1: at once, as it was found
    double step_up = 0.20;      // after an attempt that did not hold
    double convergence = 0.05;  // a limit that would change by less stays
    std::uint32_t max_iterations = 10;
    double floor = 0.80;                     // of the baseline's performance
    std::string performance = "throughput";  // the metric that the floor is about
    double confidence = 0.95;
    bool experiments = true;  // limits are tried out while it is tuned; otherwise only the validation tries them
    friend bool operator==(const Tuning&, const Tuning&) = default;
};

// A limit never leaves them. Bytes; CPUs (quota / period); tasks; weight.
struct Bounds {
    std::optional<double> least, most;
    friend bool operator==(const Bounds&, const Bounds&) = default;
};

struct ColdStart {
    enum class Until : std::uint8_t {
        Exit,    // the command's end
        Health,  // the component's health command succeeds
        Metric,  // the command tells the time itself
    };
    Until until = Until::Exit;
    std::string metric;          // of Until::Metric
    std::uint32_t samples = 20;  // starts, in each iteration
    friend bool operator==(const ColdStart&, const ColdStart&) = default;
};

// A part of a scenario, with the workload started anew for it.
struct Stage {
    std::string name;
    std::uint64_t duration_ns = 0;
    bool measured = true;
    Parameters parameters;  // of the scenario, with the stage's own
    friend bool operator==(const Stage&, const Stage&) = default;
};

struct Scenario {
    std::string name, description;
    Command command;          // the workload; `parameters` and RuntimeValues fill its placeholders
    bool inside = true;       // in the component's cgroup; otherwise it is load from outside
    Environment environment;  // with placeholders
    Parameters parameters;    // of spec, component and scenario; multiplied by `load` already
    double load = 1;
    Timing timing;
    std::optional<ColdStart> cold_start;
    std::optional<double> memory_stress;  // of memory.max; {stress_bytes} and {stress_mib}
    std::vector<Stage> stages;            // one after the other instead of the whole; empty: none
    std::vector<Target> targets;          // the component's too
    friend bool operator==(const Scenario&, const Scenario&) = default;
};

// P4.2 section 5.
struct OomTest {
    Command command;
    double stress = 1.10;  // of memory.max
    std::uint32_t processes = 5, repeats = 3;
    std::uint64_t recover_within_ns = 10'000'000'000;  // until the health command succeeds again
    friend bool operator==(const OomTest&, const OomTest&) = default;
};

struct Component {
    std::string name, description;
    std::string cgroup;            // of a service that runs, relative to the hierarchy's root; empty: flyball makes one
    std::optional<Command> start;  // the service; flyball runs it inside while load comes from outside
    std::optional<Command> restart;  // after an OOM kill, where flyball has not started it
    std::optional<Command> health;   // exits with 0 when the service does its work
    std::string directory;           // commands run there; empty: where flyball does
    bool critical = false;           // memory.oom.group is 0: one kill does not take all of it
    // As it is written to the cgroup's files: {"memory.max", "536870912"}, {"cpu.max", "200000 1000000"}.
    std::map<std::string, std::string> limits;
    std::vector<tune::Resource> tune;
    Tuning tuning;
    std::map<std::string, Bounds> bounds;    // by file
    std::vector<Metric> metrics;             // told by the workload's `value` lines
    std::vector<std::string> metrics_regex;  // "KIND:REGEX" of docs/workload-metrics.md
    std::vector<std::string> neighbours;     // components that run beside it while I/O is tuned
    std::optional<OomTest> oom_test;
    std::vector<Scenario> scenarios;
    friend bool operator==(const Component&, const Component&) = default;
};

struct Spec {
    std::string name, description;
    std::string profile;                // the one that was asked for; empty: none
    std::vector<std::string> profiles;  // that the file has
    std::vector<Component> components;
    friend bool operator==(const Spec&, const Spec&) = default;
};

// More problems than this are not told: the first ones have caused them.
inline constexpr std::size_t kMostProblems = 20;

// All problems of the text at once, in its order. The whole file is checked, other profiles too.
[[nodiscard]] std::expected<Spec, std::vector<Problem>> parse_spec(std::string_view text,
                                                                   std::string_view profile = {});

}  // namespace flyball::calibrate
