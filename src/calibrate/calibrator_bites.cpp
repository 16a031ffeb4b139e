// SPDX-License-Identifier: Apache-2.0
// Are the new limits needed?
#include "calibrator.hpp"
#include "flyball/calibrate/evidence.hpp"
#include "limit_value.hpp"

#include <algorithm>
#include <utility>

namespace flyball::calibrate {

// Each new limit by itself, a fifth lower, under the load that asks for most of it.
Result<> Calibrator::bite()
{
    if (result_.attempts.empty() || result_.after == result_.before)
        return {};
    for (const auto& [file, value] : result_.after) {
        const auto before = result_.before.find(file);
        if (before != result_.before.end() && before->second == value)
            continue;
        auto one = bite(file, value);
        if (!one)
            return std::unexpected(std::move(one.error()));
        result_.bites.push_back(std::move(*one));
    }
    return {};
}

// Why it cannot be tried; empty: it can. In a service of the user's only what he has allowed: experiments, and for
// memory a way to start it again.
std::string Calibrator::no_bite(const std::string& file, const std::optional<double>& number,
                                const Scenario* scenario) const
{
    if (!number || scenario == nullptr)
        return number ? "no scenario has a steady load" : "it is no number";
    if (!(*number > 1) && file != "cpu.max")
        return "it cannot be lower";
    if (component_.cgroup.empty())
        return {};
    if (!component_.tuning.experiments)
        return "no experiments are allowed in it";
    return file.starts_with("memory.") && !component_.restart ? "it runs already, and has no `restart`" : "";
}

Result<Bite> Calibrator::bite(const std::string& file, const std::string& value)
{
    constexpr double kLower = 0.8;
    Bite found{.file = file, .value = value, .lowered = {}, .what = {}};
    const auto number = limit_number(file, value);
    const auto resource = detail::resource_of(file);
    const Scenario* const scenario = neediest(resource);
    found.what = no_bite(file, number, scenario);
    if (!found.what.empty())
        return found;
    found.lowered = limit_with(file, value, *number * kLower);
    if (found.lowered == value)  // of a few tasks: one less
        found.lowered = limit_with(file, value, *number - 1);
    const auto bounds = component_.bounds.find(file);
    if (bounds != component_.bounds.end() && limit_number(file, found.lowered) < bounds->second.least) {
        found.what = "its bounds allow no less";
        return found;
    }
    Limits limits = result_.after;
    limits[file] = found.lowered;
    limits = in_pairs(std::move(limits));
    const Stage* const stage = neediest_stage(*scenario, resource);
    Side lower{"lower-" + file, limits};
    auto run = measuring_.run(*scenario, stage, limits,
                              {.component = component_.name,
                               .phase = lower.phase,
                               .scenario = scenario->name,
                               .stage = stage != nullptr ? stage->name : ""});
    if (!run)
        return std::unexpected(std::move(run.error()));
    if (!run->disturbed.empty() || !run->made) {
        found.what = run->made ? run->disturbed : run->trouble;
        return found;
    }
    judge_bite(*scenario, std::move(lower), std::move(*run), found);
    return found;
}

// Against the runs of the same stage under the limits as they were.
void Calibrator::judge_bite(const Scenario& scenario, Side lower, Run run, Bite& bite) const
{
    Side same = held_reference_;
    std::erase_if(same.runs[scenario.name], [&](const Run& one) { return one.key.stage != run.key.stage; });
    if (same.runs[scenario.name].empty() || same.has_lifeless()) {
        bite.what = "there is nothing to compare it with";
        return;
    }
    if (std::string why = lifeless(scenario, run); !why.empty())
        lower.lifeless[scenario.name].push_back(std::move(why));
    lower.runs[scenario.name].push_back(std::move(run));
    std::vector<ScenarioResult> results = judged(same, lower);
    std::erase_if(results, [&](const ScenarioResult& one) { return one.name != scenario.name; });
    const Decision decision = decide(component_, results, lower.limits, promised(result_.proposals), Runs::AreAll);
    const bool broke = !decision.accepted && !decision.undecided;
    bite.answer = broke ? Bite::Answer::Bites : Bite::Answer::Idle;
    bite.what = broke ? decision.reasons.front() : "nothing measurable broke";
}

}  // namespace flyball::calibrate
