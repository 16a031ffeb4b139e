// SPDX-License-Identifier: Apache-2.0
// What a user asks `flyball load` for, checked, and laid out as levels. Pure; any thread.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/load/breaking_point.hpp"
#include "flyball/load/command.hpp"
#include "flyball/load/objective.hpp"
#include "flyball/load/result.hpp"
#include "flyball/load/schedule.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flyball::load {

// As given on the command line; empty: not given.
struct Request {
    std::string rate, duration, steps, hold, ramp, burst, find;
    std::string warmup, timeout, drain, confirm;
    std::vector<std::string> sweeps, objectives, environment;
    std::vector<std::string> command;
    bool poisson = false;
    std::uint64_t seed = 1;
    std::size_t in_flight = 256;
};

// What is run in one go, in a cgroup of its own.
struct LevelSpec {
    std::string label;
    Values parameters;              // for the placeholders, but {n}, and {rate} where it changes
    std::optional<double> offered;  // one rate; nullopt: it changes, or there is none
    std::vector<Segment> segments;  // of requests; empty: the command is a generator
    std::uint64_t length_ns = 0;    // of a generator; 0: until it ends
    std::uint64_t warmup_ns = 0;
    std::vector<Phase> phases;
    std::vector<std::size_t> bursts;  // which phases are
};

struct Search {
    std::string parameter;  // "rate", or a placeholder
    SearchOptions options;
};

struct Plan {
    bool generator = false;         // the command is run once a level, and makes the load itself
    std::vector<LevelSpec> levels;  // without a search
    std::optional<Search> search;
    std::vector<Values> combinations;  // of the sweeps; at least one, which may be empty
    std::optional<double> rate;        // --rate, beside a search over another parameter
    Command command;
    std::vector<Objective> objectives;
    Arrivals arrivals = Arrivals::Fixed;
    std::uint64_t seed = 1;
    std::size_t in_flight = 256;
    std::uint64_t timeout_ns = 0, hold_ns = 0, drain_ns = 0;
    std::optional<std::uint64_t> warmup_ns;

    // A window of the search: as long as its objectives' quantiles need at this rate.
    [[nodiscard]] LevelSpec window(const Values& combination, double level) const;
};

// Usage errors name the option and the place in its value.
[[nodiscard]] Result<Plan> make_plan(const Request& request);

}  // namespace flyball::load
