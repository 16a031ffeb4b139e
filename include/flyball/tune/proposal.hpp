// SPDX-License-Identifier: Apache-2.0
// What a tuner found out: values with their evidence, or why there are none. Plain values.
#pragma once

#include "flyball/stats/statistics.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::tune {

enum class Resource : std::uint8_t { Cpu, Memory, Pids, Io };
[[nodiscard]] std::string_view name(Resource resource);  // "cpu"

enum class Answer : std::uint8_t {
    Limit,         // these values
    NoLimit,       // it is better off without; the summary says with what instead
    Inconclusive,  // not enough could be seen
    Refused,       // it would be wrong to set one: a leak, a machine too busy to measure on
    Aborted,       // a guard stopped the experiment
};
[[nodiscard]] std::string_view name(Answer answer);  // "limit", "no_limit", ...

enum class Unit : std::uint8_t { None, Nanoseconds, Bytes, Tasks, Share, Cpus, PerSecond };
[[nodiscard]] std::string_view name(Unit unit);  // "", "ns", "bytes", "tasks", "share", "cpus", "per_second"

// One file of the cgroup.
struct Value {
    std::string file;     // "cpu.max"
    std::string text;     // as it is written: "21000 100000"
    std::string before;   // as it was read; empty: the file is not there
    double estimate = 0;  // the same as a number
    Unit unit = Unit::None;
    // Where the least sufficient value lies, at this confidence; nullopt: cannot be said, and `method` says why.
    std::optional<stats::Interval> interval;
    double confidence = 0;
    std::string method;  // how it was worked out, in one line
};

struct Evidence {
    std::string name;  // snake_case: "peak_demand", "refaults"
    double value = 0;
    Unit unit = Unit::None;
    std::optional<stats::Interval> interval;
    std::string source;  // "sched_switch", "memory.stat", ...
};

enum class Verdict : std::uint8_t { Accepted, Rejected, Inconclusive, Aborted };
[[nodiscard]] std::string_view name(Verdict verdict);

// A setting that was tried out.
struct Trial {
    std::string setting;  // "cpu.max 21000 100000, cpu.max.burst 20000"
    Verdict verdict = Verdict::Inconclusive;
    std::uint64_t took_ns = 0;
    std::size_t pairs = 0;  // A/B blocks compared
    std::string judged_by;  // "the workload's throughput", "time not lost to cpu.max", ...
    // Of B / A.
    std::optional<stats::Interval> throughput, latency_p50, latency_p99;
    std::string note;  // what decided
};

struct Refusal {
    std::string what, why;
};

struct Proposal {
    Resource resource = Resource::Cpu;
    std::string cgroup;
    Answer answer = Answer::Inconclusive;
    std::string summary;        // one sentence
    std::vector<Value> values;  // in the order in which they are to be written when limits become tighter
    std::vector<Evidence> evidence;
    std::vector<Trial> trials;
    std::vector<Refusal> refused;  // values and experiments
    std::vector<std::string> notes;
    std::uint64_t took_ns = 0;
    double regret_s = 0;        // work lost to experiments, in seconds of the workload's time
    bool experimented = false;  // limits were changed for a time
    bool applied = false;       // and the values stay
};

}  // namespace flyball::tune
