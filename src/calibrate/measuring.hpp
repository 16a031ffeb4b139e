// SPDX-License-Identifier: Apache-2.0
// The runs of one component: kept in the store, made in turn, and made again where they were void. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/calibrate/engine.hpp"
#include "steps.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace flyball::calibrate {

// What was measured under one set of limits.
struct Side {
    Side() = default;
    Side(std::string of_phase, Limits under) : phase(std::move(of_phase)), limits(std::move(under)) {}

    std::string phase;
    Limits limits;
    std::map<std::string, std::vector<Run>> runs;              // by scenario: those of measured stages
    std::map<std::string, std::vector<std::string>> lifeless;  // by scenario
    std::map<std::string, std::uint32_t> made;                 // repetitions, by scenario
    std::string disturbed;  // why the machine is too busy: a run was void, and so were those in its stead. Empty: no

    [[nodiscard]] Measurements measurements(const Scenario& scenario) const;
    [[nodiscard]] bool has_lifeless() const;
};

// Of each scenario's repetitions.
enum class Extent : std::uint8_t { First, All, Twice };

class Measuring {
public:
    // They outlive it.
    Measuring(const Component& component, Machine& machine, Store& store, Steps& steps)
        : component_(component), machine_(machine), store_(store), steps_(steps)
    {
    }

    // The repetitions up to there that the sides have not got yet, in turn: A B, B A, A B, ..., so that what drifts
    // touches both. Ends early when the machine is too busy.
    [[nodiscard]] Result<> measure(std::span<Side* const> sides, Extent extent);

    // One repetition of one scenario, or of a stage of it. An error of the machine is a run in trouble, which is not
    // kept: the next time it is tried again.
    [[nodiscard]] Result<Run> run(const Scenario& scenario, const Stage* stage, const Limits& limits, RunKey key);

private:
    [[nodiscard]] Result<> repeat(const Scenario& scenario, Side& side, std::uint32_t repetition);
    [[nodiscard]] Result<> mend_silent(const Scenario& scenario, Side& side);
    [[nodiscard]] Result<Run> once(const Scenario& scenario, const Stage* stage, const Limits& limits,
                                   const RunKey& key);

    const Component& component_;
    Machine& machine_;
    Store& store_;
    Steps& steps_;
};

// What ends a calibration, and is no answer about the component.
[[nodiscard]] bool ends_all(const Error& error);
// nullptr: the scenario as a whole.
[[nodiscard]] const Stage* find_stage(const Scenario& scenario, const std::string& name);
[[nodiscard]] std::uint64_t length_of(const Scenario& scenario, const Stage* stage);

}  // namespace flyball::calibrate
