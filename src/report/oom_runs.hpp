// SPDX-License-Identifier: Apache-2.0
// The runs of a test, by scenario: what the text, JUnit and TAP say of them in common.
#pragma once

#include "flyball/oom/test_report.hpp"

#include <string>
#include <vector>

namespace flyball::report {

// All runs of one scenario, in their order; views into the report.
using Runs = std::vector<const oom::ScenarioResult*>;

// In the order in which the scenarios first ran.
[[nodiscard]] std::vector<Runs> runs_by_scenario(const oom::TestReport& report);

[[nodiscard]] std::size_t count(const Runs& runs, oom::Status status);
// Fail over inconclusive over pass; skipped only if all were.
[[nodiscard]] oom::Status worst_status(const Runs& runs);

// A bound over all times that it was looked at: in each run, and for each kill of a run.
struct BoundSummary {
    std::string name;
    std::uint64_t limit_ns = 0;  // the strictest
    std::uint64_t median_ns = 0, worst_ns = 0;
    std::size_t observed = 0, missed = 0;  // times with and without a value
    [[nodiscard]] std::size_t looked() const { return observed + missed; }
    std::size_t broken = 0;  // times that it did not hold
};
[[nodiscard]] std::vector<BoundSummary> summed_bounds(const Runs& runs);

// "group-on", "group-on (run 2)": names that CI systems tell apart, and that stay when runs are added.
[[nodiscard]] std::string run_name(const oom::ScenarioResult& run);

}  // namespace flyball::report
