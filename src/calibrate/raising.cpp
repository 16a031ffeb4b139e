// SPDX-License-Identifier: Apache-2.0
// Which limits come next after some that did not hold.
#include "raising.hpp"

#include "flyball/calibrate/decision.hpp"
#include "series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace flyball::calibrate {
namespace {

// Differences that are chance between two measurements of the same.
constexpr double kMoreStalled = 0.01;

constexpr std::uint32_t kMostDoublings = 5;

// What tells that a limit has acted. A limit without such a sign may always have.
struct Symptom {
    const char* metric;
    double by;  // more than chance
    std::vector<const char*> files;
};

std::vector<Symptom> symptoms()
{
    return {{"oom_kills", 0, {"memory.max"}},
            {"memory_pressure", kMoreStalled, {"memory.max", "memory.high"}},
            {"fork_failures", 0, {"pids.max"}},
            {"throttled", kMoreThrottled, {"cpu.max", "cpu.max.burst"}}};
}

// One step up, no further than it was where that is more, and within the bounds: raising never lowers.
std::string raised(const Component& component, const std::string& file, const std::string& tried,
                   std::uint32_t failures)
{
    const auto now = limit_number(file, tried);
    if (!now)
        return tried;
    double next = *now * std::pow(1 + component.tuning.step_up, 1U << std::min(failures - 1, kMostDoublings));
    if (const auto bounds = component.bounds.find(file); bounds != component.bounds.end() && bounds->second.most)
        next = std::min(next, *bounds->second.most);
    if (next <= *now)
        return tried;
    const auto before = component.limits.find(file);
    if (before == component.limits.end())
        return limit_with(file, tried, next);
    const auto was = limit_number(file, before->second);
    if (was && *was > *now && next >= *was * (1 - component.tuning.convergence))
        return before->second;
    return limit_with(file, tried, next);
}

}  // namespace

std::set<std::string> suspects(const ScenarioResult& scenario, const Limits& tried)
{
    std::set<std::string> guilty, innocent;
    for (const Symptom& symptom : symptoms()) {
        const auto was = largest(scenario.before, symptom.metric), is = largest(scenario.after, symptom.metric);
        if (!is)
            continue;
        const bool acted = *is > was.value_or(0) + symptom.by;
        (acted ? guilty : innocent).insert(symptom.files.begin(), symptom.files.end());
    }
    if (!guilty.empty())
        return guilty;
    for (const auto& [file, value] : tried) {
        if (!innocent.contains(file))
            guilty.insert(file);
    }
    return guilty;
}

Limits next_limits(const Component& component, const Limits& tried, const std::set<std::string>& guilty,
                   std::uint32_t failures, std::vector<std::string>& reasons)
{
    Limits next = tried;
    for (auto& [file, value] : next) {
        const auto before = component.limits.find(file);
        if (guilty.contains(file) && (before == component.limits.end() || before->second != value))
            value = raised(component, file, value, failures);
    }
    next = in_pairs(std::move(next));
    for (const auto& [file, value] : next) {
        if (const std::string& was = tried.at(file); was != value)
            reasons.push_back(fmt::format("{} goes from {} to {}", file, was, value));
    }
    return next == tried ? component.limits : next;
}

}  // namespace flyball::calibrate
