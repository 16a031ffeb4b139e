// SPDX-License-Identifier: Apache-2.0
#include "flyball/calibrate/engine.hpp"

#include "calibrator.hpp"

#include <algorithm>
#include <utility>

namespace flyball::calibrate {
namespace {

constexpr std::uint64_t kLeastProfileNs = 10'000'000'000, kMostProfileNs = 60'000'000'000;
// Eight pairs of blocks of 5 s: what a trial commonly takes until it decides.
constexpr std::uint64_t kTrialNs = 80'000'000'000;

// Tells whether anything was ever measured, and what kept it from being.
class Witness final : public Machine {
public:
    explicit Witness(Machine& machine) : machine_(machine) {}

    Result<Run> run(const Component& component, const Scenario& scenario, const Stage* stage, const Limits& limits,
                    const RunKey& key) override
    {
        return seen(machine_.run(component, scenario, stage, limits, key));
    }
    Result<tune::Proposal> tune(const Component& component, const Scenario& scenario, const Stage* stage,
                                tune::Resource resource, const Limits& limits) override
    {
        return seen(machine_.tune(component, scenario, stage, resource, limits));
    }
    Result<OomBehaviour> oom_test(const Component& component, const Limits& limits) override
    {
        return machine_.oom_test(component, limits);
    }
    [[nodiscard]] bool measures() const override { return machine_.measures(); }
    std::map<std::string, double> ceilings(const Component& component) override { return machine_.ceilings(component); }

    // nullopt: something was measured, or nothing had to be.
    [[nodiscard]] const std::optional<Error>& nothing_measured() const { return error_; }

private:
    template <class T>
    Result<T> seen(Result<T> result)
    {
        measured_ |= result.has_value();
        if (!result && !measured_ && !error_)
            error_ = result.error();
        if (measured_)
            error_.reset();
        return result;
    }

    Machine& machine_;
    bool measured_ = false;
    std::optional<Error> error_;
};

}  // namespace

Round round_of(const Component& component, std::optional<std::uint32_t> repetitions)
{
    Round round;
    for (const Scenario& scenario : component.scenarios) {
        std::uint64_t length_ns = scenario.stages.empty() ? length_of(scenario, nullptr) : 0;
        for (const Stage& stage : scenario.stages)
            length_ns += length_of(scenario, &stage);
        const std::uint32_t times = repetitions.value_or(scenario.timing.iterations);
        round.runs += std::max<std::size_t>(scenario.stages.size(), 1) * times;
        round.length_ns += length_ns * times;
    }
    return round;
}

std::uint64_t profile_ns(const Scenario& scenario)
{
    return std::clamp(scenario.timing.duration_ns, kLeastProfileNs, kMostProfileNs);
}

std::uint64_t tuning_ns(const Component& component, const Scenario& scenario)
{
    return scenario.timing.warmup_ns + profile_ns(scenario) + (component.tuning.experiments ? kTrialNs : 0);
}

Result<std::vector<ComponentResult>> calibrate(const Spec& spec, Machine& machine, Store& store, const OnStep& on_step)
{
    Steps steps(spec, on_step);
    Witness witness(machine);
    std::vector<ComponentResult> all;
    for (std::size_t i = 0; i < spec.components.size(); ++i) {
        steps.component(i);
        auto result = Calibrator(spec.components[i], witness, store, steps).calibrate();
        if (!result)
            return std::unexpected(std::move(result.error()));
        all.push_back(std::move(*result));
    }
    if (const auto& why = witness.nothing_measured())
        return std::unexpected(*why);
    return all;
}

}  // namespace flyball::calibrate
