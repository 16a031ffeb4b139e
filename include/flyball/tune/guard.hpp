// SPDX-License-Identifier: Apache-2.0
// When an experiment has to end at once. Pure; not thread-safe.
#pragma once

#include "flyball/cgroup/counters.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace flyball::tune {

struct GuardOptions {
    // Share of a second in which all tasks of the cgroup stalled on memory at once (memory.pressure, full).
    double most_stalled = 0.5;
    double regret_budget_s = 30;
};

class Guard {
public:
    explicit Guard(const GuardOptions& options) : options_(options) {}

    // The counters now and then, from the start on. experimenting: limits of ours are in force.
    // Why it has to end; nullopt: it may go on.
    [[nodiscard]] std::optional<std::string> check(const cgroup::Counters& now, bool experimenting);

    [[nodiscard]] std::optional<std::string> spend(double lost_s);
    [[nodiscard]] double spent_s() const { return spent_s_; }

private:
    [[nodiscard]] std::optional<std::string> check_events(const cgroup::Counters& now, bool experimenting);
    [[nodiscard]] std::optional<std::string> check_pressure(const cgroup::Counters& now);

    GuardOptions options_;
    std::optional<cgroup::Counters> before_;    // the first, or the last before the experiment
    std::optional<cgroup::Counters> pressure_;  // about a second ago
    bool hits_anyway_ = false;                  // it ran into memory.max before anything was changed
    double spent_s_ = 0;
};

}  // namespace flyball::tune
