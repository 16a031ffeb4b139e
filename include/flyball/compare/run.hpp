// SPDX-License-Identifier: Apache-2.0
// What is compared: runs, each with one value a metric. A run comes from a recording, from the JSON of a report, or
// from a row of raw results. Values; any thread.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/profile/histogram.hpp"
#include "flyball/profile/snapshot.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::compare {

enum class Unit {
    Nanoseconds,
    Bytes,
    Share,  // 0 ... 1 of a whole
    Tasks,  // task seconds a second: stalls and CPU time of all tasks add up
    PerSecond,
    Count,   // over the whole run
    Number,  // of raw results: what its name says
};

// Which way is good: what a metric that rises means.
enum class Good { Lower, Higher, Unknown };

struct Key {
    std::string cgroup;  // canonical path; empty: not of a cgroup
    std::string name;    // "cpu.wait.p99"; of raw results: the column
    friend auto operator<=>(const Key&, const Key&) = default;
};

struct Value {
    double value = 0;  // never NaN, never infinite
    Unit unit = Unit::Number;
    Good good = Good::Unknown;
    bool headline = true;  // compared also when nothing was chosen
};

struct Run {
    std::string source;  // "a/1.fbr", "results.csv, line 3"
    std::map<Key, Value> values;
    std::map<Key, profile::Histogram> distributions;  // by metric: "cpu.wait"
    std::optional<std::uint64_t> start_wall_ns, window_ns;
    std::string host, kernel;
    std::string command_cgroup;  // made for the command that was recorded; empty: there was none, or it is not told
    std::uint32_t cpus = 0;
    std::vector<std::string> doubts;  // lost events, a file that was cut: what casts doubt on its numbers
};

// One half of a comparison.
struct Side {
    std::string name;  // as it was given
    std::vector<Run> runs;
    // Of the only run, when it is a recording: itself with each of its slices of time left out once. What a single
    // recording can tell of its own noise.
    std::vector<Run> without_slice;
    // Of the same: only the slices, for distributions.
    std::vector<Run> slices;
};

// A recording's metrics. docs/compare.md lists them. cpu.wait.* and so on are named as in the report's JSON.
[[nodiscard]] Run run_of(const profile::Snapshot& snapshot, std::string source);

// A document of JSON, or an array of them: flyball.report/1 gives what the recording itself would have given,
// oom-test/1 its times (each repetition is a run), any other its numbers by their dotted paths. Usage: no JSON, no
// number in it.
[[nodiscard]] Result<std::vector<Run>> runs_of_json(std::string_view text, const std::string& source);

// Which way is good, by the words of a column's name: "p99_latency_ms" is lower, "throughput" is higher.
[[nodiscard]] Good guess_good(std::string_view name);

// Paths of cgroups that are new in every run, made alike: "/flyball/run-123-0" is "/flyball/run-*-0", as are systemd's
// transient units and the ids of containers.
[[nodiscard]] std::string canonical_path(std::string_view path);

// Renames a run's cgroups: by the map (exact path -> new path) first, else by canonical_path(), unless two of this run
// would become one.
void rename_cgroups(Run& run, const std::map<std::string, std::string>& map);

}  // namespace flyball::compare
