// SPDX-License-Identifier: Apache-2.0
#include "steps.hpp"

#include "measuring.hpp"

#include <algorithm>
#include <utility>

namespace flyball::calibrate {

Steps::Steps(const Spec& spec, const OnStep& on_step) : on_step_(on_step)
{
    for (const Component& component : spec.components) {
        const Round once = round_of(component, 1), whole = round_of(component);
        // A first look, tuning, one attempt against the limits as they were, and each new limit a fifth lower.
        Expected expected{.steps = once.runs + 2 * whole.runs + 2 * component.tune.size(),
                          .length_ns = once.length_ns + 2 * whole.length_ns};
        if (!component.scenarios.empty()) {
            const Scenario& scenario = component.scenarios.front();
            expected.length_ns +=
                component.tune.size() * (tuning_ns(component, scenario) + length_of(scenario, nullptr));
        }
        expected.steps += component.oom_test ? 1 : 0;
        left_.push_back(expected);
    }
}

void Steps::component(std::size_t index)
{
    for (std::size_t i = 0; i < index; ++i)
        left_[i] = {};
    now_ = index;
}

void Steps::expect(std::size_t steps, std::uint64_t length_ns)
{
    left_[now_].steps += steps;
    left_[now_].length_ns += length_ns;
}

void Steps::begin(std::string what, std::uint64_t length_ns)
{
    Expected& mine = left_[now_];
    // What nobody has foreseen is there all the same.
    mine.steps = std::max<std::size_t>(mine.steps, 1);
    mine.length_ns = std::max(mine.length_ns, length_ns);
    Step step{.done = done_, .all = done_, .left_ns = 0, .what = std::move(what)};
    for (const Expected& each : left_) {
        step.all += each.steps;
        step.left_ns += each.length_ns;
    }
    on_step_(step);
    ++done_;
    --mine.steps;
    mine.length_ns -= length_ns;
}

}  // namespace flyball::calibrate
