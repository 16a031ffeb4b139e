// SPDX-License-Identifier: Apache-2.0
// One run of a workload under certain limits, and what was measured of it. Plain values; any thread.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/calibrate/target.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace flyball::calibrate {

// As it is written to the cgroup's files, by file.
using Limits = std::map<std::string, std::string>;

struct RunKey {
    std::string component;
    std::string phase;  // "baseline", "validate-1"
    std::string scenario;
    std::string stage;  // empty: the scenario as a whole
    std::uint32_t repetition = 0;
    std::uint32_t again = 0;  // instead of so many runs before it, which were void
    friend bool operator==(const RunKey&, const RunKey&) = default;
    // "raw/router/baseline/high_qps/all-0.json", "...all-0.again-1.json": no two keys have the same, and none leaves
    // its directory.
    [[nodiscard]] std::string file() const;
};

struct Run {
    RunKey key;
    Limits limits;
    std::uint64_t start_wall_ns = 0, span_ns = 0;
    std::map<std::string, Series> metrics;  // by name; of `runs` one figure each
    double displaced = 0;                   // of the CPU time that it wanted: others had it
    // What others did meanwhile that could change what was measured: the run is void. Empty: nothing.
    std::string disturbed;
    std::string trouble;  // why its workload did not live through it, or do its work; empty: it did
    bool made = true;     // false: it could not be made, `trouble` says why, and it is not kept
};

[[nodiscard]] std::string run_to_json(const Run& run);
// Io: not what run_to_json() wrote.
[[nodiscard]] Result<Run> run_from_json(std::string_view text);

// Runs of one scenario as one measurement.
[[nodiscard]] Measurements gather(std::span<const Run* const> runs, const std::map<std::string, double>& parameters);

}  // namespace flyball::calibrate
