// SPDX-License-Identifier: Apache-2.0
// The phases of a calibration: baseline, tune, validate, decide, again or finalise (P4.2 section 6). Not thread-safe.
//
// The baseline before tuning is one repetition: it shows what the component needs. What new limits are compared with is
// measured along with them, in turn. Whatever fails for one component (a refused write, a tuner that was ended) ends
// that attempt or that component, never the others.
//
// Whatever is measured is kept in the store under a name of its own before the next step begins, and whatever is in the
// store is not measured again: a calibration that was killed goes on where it was, and comes to the same result, since
// all decisions are pure functions of what was measured.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/calibrate/result.hpp"
#include "flyball/calibrate/spec.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace flyball::calibrate {

// The machine, or a simulation of one.
class Machine {
public:
    virtual ~Machine() = default;
    // Runs the scenario, or one stage of it, once, in the component's cgroup under these limits.
    [[nodiscard]] virtual Result<Run> run(const Component& component, const Scenario& scenario, const Stage* stage,
                                          const Limits& limits, const RunKey& key) = 0;
    // Under the scenario's load, or that of one stage of it.
    [[nodiscard]] virtual Result<tune::Proposal> tune(const Component& component, const Scenario& scenario,
                                                      const Stage* stage, tune::Resource resource,
                                                      const Limits& limits) = 0;
    [[nodiscard]] virtual Result<OomBehaviour> oom_test(const Component& component, const Limits& limits) = 0;
    // Whether it measures at all, or only tells what it would be asked for.
    [[nodiscard]] virtual bool measures() const { return true; }
    // The highest that a limit of it can be here, by file, in the unit of Bounds: CPUs, bytes.
    [[nodiscard]] virtual std::map<std::string, double> ceilings(const Component& /*component*/) { return {}; }
};

// Texts by name; a text is there whole or not at all.
class Store {
public:
    virtual ~Store() = default;
    [[nodiscard]] virtual Result<std::optional<std::string>> get(const std::string& name) = 0;
    [[nodiscard]] virtual Result<> put(const std::string& name, std::string_view text) = 0;
};

struct Step {
    std::size_t done = 0, all = 0;  // of what can be foreseen; `all` grows with each attempt, and is never below done
    std::uint64_t left_ns = 0;      // as far as the specification says how long things take, tuning included
    std::string what;               // "router: baseline, high_qps, 2 of 3"
};
using OnStep = std::function<void(const Step&)>;

// All runs of a component's scenarios under one set of limits: the baseline, or one side of an attempt.
struct Round {
    std::size_t runs = 0;
    std::uint64_t length_ns = 0;  // as far as the specification says it
};
// repetitions: of each scenario; nullopt: as many as it asks for.
[[nodiscard]] Round round_of(const Component& component, std::optional<std::uint32_t> repetitions = std::nullopt);

// How long a tuner looks at the load of this scenario.
[[nodiscard]] std::uint64_t profile_ns(const Scenario& scenario);
// About how long it takes to tune one resource: the look, and where experiments are allowed what they commonly take.
[[nodiscard]] std::uint64_t tuning_ns(const Component& component, const Scenario& scenario);

// Errors: a signal, a wrong request, a store that fails, each with everything that was measured until then in the
// store; and, when nothing at all could be measured, why.
[[nodiscard]] Result<std::vector<ComponentResult>> calibrate(const Spec& spec, Machine& machine, Store& store,
                                                             const OnStep& on_step);

}  // namespace flyball::calibrate
