// SPDX-License-Identifier: Apache-2.0
#include "calibrator.hpp"

#include "flyball/base/strings.hpp"
#include "flyball/calibrate/evidence.hpp"
#include "limit_value.hpp"
#include "oom_json.hpp"
#include "proposal_json.hpp"
#include "series.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

namespace flyball::calibrate {
namespace {

// A cold start has no load to tune on, and memory stress is not what the component needs.
bool tells_need(const Scenario& scenario)
{
    return !scenario.cold_start && !scenario.memory_stress;
}

// What stands for a resource's need in a run.
const char* need_of(tune::Resource resource)
{
    switch (resource) {
    case tune::Resource::Cpu:
        return "cpu";
    case tune::Resource::Memory:
        return "memory";
    case tune::Resource::Pids:
        return "tasks";
    case tune::Resource::Io:
        return "io_read";
    }
    return "";
}

Component within(Component component, const std::map<std::string, double>& ceilings)
{
    for (const auto& [file, most] : ceilings) {
        Bounds& bounds = component.bounds[file];
        bounds.most = std::min(bounds.most.value_or(most), most);
    }
    return component;
}

std::string joined(const std::vector<std::string>& reasons)
{
    return fmt::format("{}", fmt::join(reasons, "; "));
}

}  // namespace

Calibrator::Calibrator(const Component& component, Machine& machine, Store& store, Steps& steps)
    : component_(within(component, machine.ceilings(component))),
      machine_(machine),
      store_(store),
      steps_(steps),
      measuring_(component_, machine, store, steps)
{
    result_.name = component.name;
    result_.critical = component.critical;
    result_.before = result_.after = component.limits;
    baseline_ = {
        .phase = "baseline", .limits = component.limits, .runs = {}, .lifeless = {}, .made = {}, .disturbed = {}};
}

Result<ComponentResult> Calibrator::calibrate()
{
    if (auto went = phases(); !went)
        return std::unexpected(std::move(went.error()));
    return std::move(result_);
}

Result<> Calibrator::phases()
{
    if (auto looked = measuring_.measure(std::array{&baseline_}, Extent::First); !looked)
        return looked;
    if (!baseline_.disturbed.empty()) {
        stay(End::NotKnown, baseline_.disturbed, baseline_);
        return {};
    }
    if (const auto why = nothing_to_judge_by(component_, judged(baseline_, baseline_)); !why.empty()) {
        stay(End::NotKnown, joined(why), baseline_);
        return {};
    }
    if (auto tuned = tune(); !tuned)
        return tuned;
    if (auto went = attempts(adopted(component_, result_.proposals, started_with(), result_.notes)); !went)
        return went;
    say_what_is_not_known();
    if (auto bitten = bite(); !bitten)
        return bitten;
    return component_.oom_test ? oom_test() : Result<>{};
}

// The scenario that asks for most of it.
const Scenario* Calibrator::neediest(tune::Resource resource) const
{
    const Scenario* found = nullptr;
    double most = -1;
    for (const Scenario& scenario : component_.scenarios) {
        if (!tells_need(scenario))
            continue;
        if (const double need = largest(baseline_.measurements(scenario), need_of(resource)).value_or(0); need > most) {
            most = need;
            found = &scenario;
        }
    }
    return found;
}

// The measured stage that asks for most of it; nullptr: the scenario has no stages.
const Stage* Calibrator::neediest_stage(const Scenario& scenario, tune::Resource resource) const
{
    if (scenario.stages.empty())
        return nullptr;
    const Stage* found = &scenario.stages.front();
    double most = -1;
    if (const auto runs = baseline_.runs.find(scenario.name); runs != baseline_.runs.end()) {
        for (const Run& run : runs->second) {
            const auto need = run.metrics.find(need_of(resource));
            if (need == run.metrics.end() || need->second.runs.empty() || std::ranges::max(need->second.runs) <= most)
                continue;
            most = std::ranges::max(need->second.runs);
            found = find_stage(scenario, run.key.stage);
        }
    }
    return found;
}

Result<> Calibrator::tune()
{
    for (const tune::Resource resource : component_.tune) {
        const Scenario* const scenario = neediest(resource);
        if (scenario == nullptr)
            continue;  // not_known() says so
        auto proposal = tune(resource, *scenario);
        if (!proposal)
            return std::unexpected(std::move(proposal.error()));
        result_.proposals.push_back(std::move(*proposal));
    }
    return {};
}

Result<tune::Proposal> Calibrator::tune(tune::Resource resource, const Scenario& scenario)
{
    const std::string file = fmt::format("processed/{}/tune-{}.json", component_.name, tune::name(resource));
    auto kept = store_.get(file);
    if (!kept)
        return std::unexpected(std::move(kept.error()));
    const Stage* const stage = neediest_stage(scenario, resource);
    steps_.begin(fmt::format("{}: tuning {} under {}{}", component_.name, tune::name(resource), scenario.name,
                             stage != nullptr ? "/" + stage->name : ""),
                 tuning_ns(component_, scenario));
    if (*kept) {
        if (auto proposal = proposal_from_json(**kept))
            return std::move(*proposal);
    }
    auto proposal = machine_.tune(component_, scenario, stage, resource, component_.limits);
    if (!proposal && ends_all(proposal.error()))
        return proposal;
    // Not kept: the next time it is tried again.
    if (!proposal)
        return tune::Proposal{.resource = resource,
                              .cgroup = component_.cgroup,
                              .answer = tune::Answer::Aborted,
                              .summary = proposal.error().what};
    if (auto put = store_.put(file, proposal_to_json(*proposal)); !put)
        return std::unexpected(std::move(put.error()));
    return proposal;
}

std::vector<ScenarioResult> Calibrator::judged(const Side& before, const Side& after) const
{
    std::map<std::string, Measurements> was, is;
    for (const Scenario& scenario : component_.scenarios) {
        was[scenario.name] = before.measurements(scenario);
        is[scenario.name] = after.measurements(scenario);
    }
    std::vector<ScenarioResult> all;
    for (const Scenario& scenario : component_.scenarios) {
        References before_refs, after_refs;
        for (const Scenario& other : component_.scenarios) {
            before_refs[other.name] = &was.at(other.name);
            after_refs[other.name] = &is.at(other.name);
        }
        before_refs["baseline"] = after_refs["baseline"] = &was.at(scenario.name);
        ScenarioResult result =
            judge(component_, scenario, was.at(scenario.name), is.at(scenario.name), before_refs, after_refs);
        for (const auto& [side, into] :
             {std::pair{&before, &result.lifeless_before}, {&after, &result.lifeless_after}}) {
            const auto found = side->lifeless.find(scenario.name);
            if (found == side->lifeless.end())
                continue;
            *into = found->second;
            if (side == &before && &before == &after)
                continue;
            for (const std::string& why : found->second)
                result.troubles.push_back(fmt::format("{}: {}", side->phase, why));
        }
        // What was measured on a workload that did not live is no target met, be it a share of what was left of it.
        for (TargetResult& target : result.targets) {
            for (const auto& [lifeless, judgement] :
                 {std::pair{&result.lifeless_before, &target.before}, {&result.lifeless_after, &target.after}}) {
                if (!lifeless->empty() && judgement->outcome == Outcome::Met)
                    *judgement = {.outcome = Outcome::Inconclusive, .reason = lifeless->front()};
            }
        }
        all.push_back(std::move(result));
    }
    return all;
}

void Calibrator::stay(End end, std::string summary, const Side& measured)
{
    result_.end = end;
    result_.summary = std::move(summary);
    result_.after = result_.before;
    result_.scenarios = judged(measured, measured);
}

// The most that a cold start took at the baseline.
std::map<std::string, double> Calibrator::started_with() const
{
    std::map<std::string, double> most;
    for (const Scenario& scenario : component_.scenarios) {
        if (!scenario.cold_start)
            continue;
        for (const auto& [file, metric] : {std::pair{"memory.max", "memory"}, {"pids.max", "tasks"}}) {
            if (const auto need = largest(baseline_.measurements(scenario), metric))
                most[file] = std::max(most[file], *need);
        }
    }
    return most;
}

// What held is where a later attempt that does not hold comes back to.
void Calibrator::hold(std::uint32_t number, Limits limits, const Decision& decision,
                      std::vector<ScenarioResult> scenarios)
{
    result_.end = decision.hopeless ? End::Missed : End::Calibrated;
    result_.summary =
        decision.hopeless
            ? "nothing is worse than before, and some targets are missed as they were before: no limit mends that"
            : fmt::format("calibrated at the {} attempt", number == 1 ? "first" : fmt::format("{}.", number));
    result_.after = std::move(limits);
    result_.scenarios = std::move(scenarios);
}

// The new limits and those as they were, in turn; twice as many runs where that does not decide.
Result<Decision> Calibrator::attempt(std::uint32_t number, const Limits& limits)
{
    const Promise promise = promised(result_.proposals);
    reference_ = {.phase = fmt::format("reference-{}", number),
                  .limits = component_.limits,
                  .runs = {},
                  .lifeless = {},
                  .made = {},
                  .disturbed = {}};
    candidate_ = {.phase = fmt::format("validate-{}", number),
                  .limits = limits,
                  .runs = {},
                  .lifeless = {},
                  .made = {},
                  .disturbed = {}};
    Decision decision;
    for (const auto& [extent, runs] : {std::pair{Extent::All, Runs::MoreCanBeMade}, {Extent::Twice, Runs::AreAll}}) {
        if (auto measured = measuring_.measure(std::array{&reference_, &candidate_}, extent); !measured)
            return std::unexpected(std::move(measured.error()));
        for (const Side* side : {&reference_, &candidate_}) {
            if (side->disturbed.empty())
                continue;
            decision.undecided = true;
            decision.reasons = {side->disturbed};
            return decision;
        }
        decision = decide(component_, judged(reference_, candidate_), limits, promise, runs, number);
        // More runs of a workload that does not live show no more.
        if (!decision.undecided || reference_.has_lifeless())
            return decision;
        const Round more = round_of(component_);
        steps_.expect(2 * more.runs, 2 * more.length_ns);
    }
    return decision;
}

Result<> Calibrator::no_new_limits()
{
    if (auto whole = measuring_.measure(std::array{&baseline_}, Extent::All); !whole)
        return whole;
    if (!baseline_.disturbed.empty()) {
        stay(End::NotKnown, baseline_.disturbed, baseline_);
        return {};
    }
    stay(End::Unchanged, "the limits as they were are right", baseline_);
    const bool missed = std::ranges::any_of(result_.scenarios, [](const ScenarioResult& scenario) {
        return std::ranges::any_of(scenario.targets,
                                   [](const TargetResult& one) { return one.after.outcome == Outcome::Missed; });
    });
    if (missed) {
        result_.end = End::Missed;
        result_.summary = "targets are missed under the limits as they were, and no tuner asks for more";
    }
    return {};
}

Result<> Calibrator::attempts(Limits goal)
{
    bool held = false;
    Limits limits = stepped(component_, component_.limits, goal);
    if (limits == component_.limits)
        return no_new_limits();
    for (std::uint32_t number = 1;; ++number) {
        if (number > 1) {
            const Round round = round_of(component_);
            steps_.expect(2 * round.runs, 2 * round.length_ns);
        }
        auto decision = attempt(number, limits);
        if (!decision)
            return std::unexpected(std::move(decision.error()));
        result_.attempts.push_back({number, limits, decision->accepted, decision->reasons, decision->undecided});
        const bool last = number >= component_.tuning.max_iterations;
        if (decision->accepted) {
            hold(number, limits, *decision, judged(reference_, candidate_));
            held = true;
            if (limits == goal || last)
                return {};
            limits = stepped(component_, limits, goal);
            continue;
        }
        if (held)
            return {};
        if (decision->undecided) {
            stay(End::NotKnown, joined(decision->reasons), reference_);
            return {};
        }
        goal = limits = std::move(decision->next);
        if (last || limits == component_.limits) {
            stay(End::NotConverged,
                 last ? fmt::format("no limits held in {} attempts: they stay as they were", number)
                      : "no tighter limits held: they stay as they were",
                 reference_);
            return {};
        }
    }
}

// Calibrated and right are said of what was shown only.
void Calibrator::say_what_is_not_known()
{
    if (result_.end != End::Calibrated && result_.end != End::Unchanged)
        return;
    const auto reasons = not_known(component_, result_.proposals, result_.scenarios);
    if (reasons.empty())
        return;
    if (result_.end == End::Calibrated)
        result_.notes.push_back("the new limits of the other resources held");
    result_.end = End::NotKnown;
    result_.summary = joined(reasons);
}

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

Result<Bite> Calibrator::bite(const std::string& file, const std::string& value)
{
    constexpr double kLower = 0.8;
    Bite found{.file = file, .value = value, .lowered = {}, .what = {}};
    const auto number = limit_number(file, value);
    const auto resource = detail::resource_of(file);
    const Scenario* const scenario = neediest(resource);
    if (!number || scenario == nullptr) {
        found.what = number ? "no scenario has a steady load" : "it is no number";
        return found;
    }
    found.lowered = limit_with(file, value, *number * kLower);
    if (found.lowered == value)  // of a few tasks: one less
        found.lowered = limit_with(file, value, *number - 1);
    Limits limits = result_.after;
    limits[file] = found.lowered;
    limits = in_pairs(std::move(limits));
    const Stage* const stage = neediest_stage(*scenario, resource);
    steps_.expect(1, length_of(*scenario, stage));
    Side lower{.phase = "lower-" + file, .limits = limits, .runs = {}, .lifeless = {}, .made = {}, .disturbed = {}};
    auto run = measuring_.run(*scenario, stage, limits,
                              {.component = component_.name,
                               .phase = lower.phase,
                               .scenario = scenario->name,
                               .stage = stage != nullptr ? stage->name : ""});
    if (!run)
        return std::unexpected(std::move(run.error()));
    if (!run->disturbed.empty()) {
        found.what = run->disturbed;
        return found;
    }
    if (std::string why = lifeless(*scenario, *run); !why.empty())
        lower.lifeless[scenario->name].push_back(std::move(why));
    lower.runs[scenario->name].push_back(std::move(*run));
    std::vector<ScenarioResult> results = judged(reference_, lower);
    std::erase_if(results, [&](const ScenarioResult& one) { return one.name != scenario->name; });
    const Decision decision = decide(component_, results, limits, promised(result_.proposals), Runs::AreAll);
    const bool broke = !decision.accepted && !decision.undecided;
    found.answer = broke ? Bite::Answer::Bites : Bite::Answer::Idle;
    found.what = broke ? decision.reasons.front() : "nothing measurable broke";
    return found;
}

Result<> Calibrator::oom_test()
{
    const std::string file = fmt::format("processed/{}/oom.json", component_.name);
    auto kept = store_.get(file);
    if (!kept)
        return std::unexpected(std::move(kept.error()));
    steps_.begin(component_.name + ": OOM behaviour", 0);
    if (*kept) {
        if (auto oom = oom_from_json(**kept)) {
            result_.oom = std::move(*oom);
            return {};
        }
    }
    auto oom = machine_.oom_test(component_, result_.after);
    if (!oom && ends_all(oom.error()))
        return std::unexpected(std::move(oom.error()));
    if (!oom) {
        result_.oom.not_tested = oom.error().what;
        return {};
    }
    if (auto put = store_.put(file, oom_to_json(*oom)); !put)
        return put;
    result_.oom = std::move(*oom);
    return {};
}

}  // namespace flyball::calibrate
