// SPDX-License-Identifier: Apache-2.0
// Counts requests into the level's total and its phases, and sees when an objective is lost for good.
#pragma once

#include "flyball/load/driver.hpp"

#include <optional>
#include <string>
#include <vector>

namespace flyball::load {

// A request, by times from the level's beginning.
struct Outcome {
    enum class Kind { Ok, Failed, Shed, TimedOut, Abandoned };
    Kind kind = Kind::Ok;
    std::uint64_t intended_ns = 0;
    std::optional<std::uint64_t> started_ns;
    std::uint64_t ended_ns = 0;
};

class Tally {
public:
    Tally(const Schedule& schedule, const DriverOptions& options);

    void count(const Outcome& outcome);
    // Why no end of the run can make good for what has happened; empty: it still may. `ages` are of those that run or
    // wait now: what they will have taken at least.
    [[nodiscard]] std::string lost(const std::vector<std::uint64_t>& ages) const;
    [[nodiscard]] const Counts& counts() const { return level_.total.counts; }
    // elapsed_ns: where the run ended.
    [[nodiscard]] Level finish(std::uint64_t elapsed_ns) &&;
    [[nodiscard]] Level& level() { return level_; }

private:
    void count_into(Phase& phase, const Outcome& outcome) const;

    const DriverOptions& options_;
    Level level_;
    std::uint64_t length_ns_;
    std::uint64_t most_requests_;            // that the schedule will intend, counted ones
    std::vector<std::uint64_t> over_bound_;  // by give_up objective: requests slower than its bound
};

}  // namespace flyball::load
