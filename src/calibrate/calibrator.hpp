// SPDX-License-Identifier: Apache-2.0
// One component through all phases. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/calibrate/decision.hpp"
#include "flyball/calibrate/engine.hpp"
#include "measuring.hpp"
#include "steps.hpp"

#include <map>
#include <string>
#include <vector>

namespace flyball::calibrate {

class Calibrator {
public:
    // They outlive it.
    Calibrator(const Component& component, Machine& machine, Store& store, Steps& steps);

    [[nodiscard]] Result<ComponentResult> calibrate();

private:
    [[nodiscard]] Result<> phases();
    [[nodiscard]] Result<> tune();
    [[nodiscard]] Result<tune::Proposal> tune(tune::Resource resource, const Scenario& scenario);
    [[nodiscard]] Result<> attempts(Limits goal);
    [[nodiscard]] Result<bool> measure_baseline(Extent extent);
    struct Tried {
        Decision decision;
        std::vector<ScenarioResult> scenarios;
    };
    [[nodiscard]] Result<Tried> attempt(std::uint32_t number, const Limits& limits);
    [[nodiscard]] Result<> no_new_limits();
    [[nodiscard]] Result<> bite();
    [[nodiscard]] Result<Bite> bite(const std::string& file, const std::string& value);
    void judge_bite(const Scenario& scenario, Side lower, Run run, Bite& bite) const;
    [[nodiscard]] std::string no_bite(const std::string& file, const std::optional<double>& number,
                                      const Scenario* scenario) const;
    [[nodiscard]] Result<> oom_test();

    [[nodiscard]] std::vector<ScenarioResult> judged(const Side& before, const Side& after) const;
    void stay(End end, std::string summary, const Side& measured);
    void hold(std::uint32_t number, Limits limits, const Decision& decision, std::vector<ScenarioResult> scenarios);
    void say_what_is_not_known();
    [[nodiscard]] const Scenario* neediest(tune::Resource resource) const;
    [[nodiscard]] const Stage* neediest_stage(const Scenario& scenario, tune::Resource resource) const;
    [[nodiscard]] std::map<std::string, double> started_with() const;

    Component component_;  // with the machine's ceilings as bounds
    Machine& machine_;
    Store& store_;
    Steps& steps_;
    Measuring measuring_;
    ComponentResult result_;
    Side baseline_;
    Side reference_, candidate_;  // of the last attempt
    Side held_reference_;         // of the one that holds
};

}  // namespace flyball::calibrate
