// SPDX-License-Identifier: Apache-2.0
// What a calibration found out. Plain values; what reports are made of.
#pragma once

#include "flyball/calibrate/run.hpp"
#include "flyball/calibrate/spec.hpp"
#include "flyball/oom/test_report.hpp"
#include "flyball/tune/proposal.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::calibrate {

struct TargetResult {
    Target target;
    Judgement before, after;  // under the limits of the specification, and under the calibrated ones
};

struct ScenarioResult {
    std::string name;
    Measurements before, after;
    std::vector<TargetResult> targets;
    // Of the component's performance metric: after / before, larger is better (latencies the other way round).
    std::optional<double> retention;
    std::optional<stats::Interval> retention_interval;
    std::vector<std::string> troubles;
    // Why its workload did not live or do its work, under either limits: what was measured then shows nothing.
    std::vector<std::string> lifeless_before, lifeless_after;
};

// A set of limits that was tried on all scenarios.
struct Attempt {
    std::uint32_t number = 1;
    Limits limits;
    bool accepted = false;
    std::vector<std::string> reasons;  // why not, and what was done about it
    bool undecided = false;            // neither: what was measured does not show it
};

// Is a new limit needed? A run with this limit alone a fifth lower.
struct Bite {
    enum class Answer : std::uint8_t {
        Bites,  // something measurable broke
        Idle,   // nothing did
        NotKnown,
    };
    std::string file, value, lowered;
    Answer answer = Answer::NotKnown;
    std::string what;  // that broke; or why it is not known
};
[[nodiscard]] std::string_view name(Bite::Answer answer);  // "bites", "idle", "not_known"

enum class End : std::uint8_t {
    Calibrated,    // new limits, under which nothing is worse than it may be
    Unchanged,     // every tuner has answered, and the limits as they were are right
    NotConverged,  // no attempt held: the limits stay as they were
    Missed,        // targets are missed under the limits as they were already: no limit can mend that
    NotKnown,      // what was measured does not show it: the summary begins with why
};
[[nodiscard]] std::string_view name(End end);

// P4.2 section 5: single, repeated and group kills.
struct OomBehaviour {
    std::string not_tested;                // why; empty: it was tested, or nobody asked for it
    std::vector<oom::TestReport> reports;  // of the policy, by processes that do nothing else; of its own command

    // Any scenario was carried out; none of those went otherwise than it has to.
    [[nodiscard]] bool tested() const;
    [[nodiscard]] bool passed() const;
};

struct ComponentResult {
    std::string name;
    bool critical = false;
    End end = End::NotKnown;
    std::string summary;  // one sentence
    Limits before, after;
    std::vector<tune::Proposal> proposals;
    std::vector<Attempt> attempts;
    std::vector<ScenarioResult> scenarios;
    std::vector<Bite> bites;  // of the new limits
    OomBehaviour oom;
    std::vector<std::string> notes;
};

struct Calibration {
    std::string spec_name, spec_file, profile;
    std::string flyball_version, host, kernel, arch;
    std::uint64_t start_wall_ns = 0, took_ns = 0;
    std::vector<ComponentResult> components;
    // Every component Calibrated or Unchanged, every target met, and no OOM test failed.
    [[nodiscard]] bool all_met() const;
};

}  // namespace flyball::calibrate
