// SPDX-License-Identifier: Apache-2.0
#include "calibrator.hpp"

#include "flyball/calibrate/evidence.hpp"
#include "oom_json.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

namespace flyball::calibrate {
namespace {

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
    baseline_ = {"baseline", component.limits};
}

Result<ComponentResult> Calibrator::calibrate()
{
    if (auto went = phases(); !went)
        return std::unexpected(std::move(went.error()));
    return std::move(result_);
}

Result<> Calibrator::phases()
{
    const auto quiet = measure_baseline(Extent::First);
    if (!quiet || !*quiet)
        return quiet ? Result<>{} : std::unexpected(quiet.error());
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

// False: the machine was too busy, and that is the end of it.
Result<bool> Calibrator::measure_baseline(Extent extent)
{
    if (auto measured = measuring_.measure(std::array{&baseline_}, extent); !measured)
        return std::unexpected(std::move(measured.error()));
    if (!baseline_.disturbed.empty())
        stay(End::NotKnown, baseline_.disturbed, baseline_);
    return baseline_.disturbed.empty();
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
Result<Calibrator::Tried> Calibrator::attempt(std::uint32_t number, const Limits& limits)
{
    const Promise promise = promised(result_.proposals);
    reference_ = {fmt::format("reference-{}", number), component_.limits};
    candidate_ = {fmt::format("validate-{}", number), limits};
    Tried tried;
    for (const auto& [extent, runs] : {std::pair{Extent::All, Runs::MoreCanBeMade}, {Extent::Twice, Runs::AreAll}}) {
        if (auto measured = measuring_.measure(std::array{&reference_, &candidate_}, extent); !measured)
            return std::unexpected(std::move(measured.error()));
        for (const Side* side : {&reference_, &candidate_}) {
            if (side->disturbed.empty())
                continue;
            tried.decision.undecided = true;
            tried.decision.reasons = {side->disturbed};
            return tried;
        }
        tried.scenarios = judged(reference_, candidate_);
        tried.decision = decide(component_, tried.scenarios, limits, promise, runs, number);
        // More runs of a workload that does not live show no more.
        if (!tried.decision.undecided || reference_.has_lifeless() || runs == Runs::AreAll)
            return tried;
        const Round more = round_of(component_);
        steps_.expect(2 * more.runs, 2 * more.length_ns);
    }
    return tried;
}

Result<> Calibrator::no_new_limits()
{
    const auto quiet = measure_baseline(Extent::All);
    if (!quiet || !*quiet)
        return quiet ? Result<>{} : std::unexpected(quiet.error());
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
        auto tried = attempt(number, limits);
        if (!tried)
            return std::unexpected(std::move(tried.error()));
        const Decision* const decision = &tried->decision;
        result_.attempts.push_back({number, limits, decision->accepted, decision->reasons, decision->undecided});
        const bool last = number >= component_.tuning.max_iterations;
        if (decision->accepted) {
            hold(number, limits, *decision, std::move(tried->scenarios));
            held_reference_ = reference_;
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
        goal = limits = decision->next;
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
    const auto reasons = not_known(component_, result_.proposals, result_.after, result_.scenarios);
    if (reasons.empty())
        return;
    if (result_.end == End::Calibrated)
        result_.notes.push_back("the new limits of the other resources held");
    result_.end = End::NotKnown;
    result_.summary = joined(reasons);
}

Result<> Calibrator::oom_test()
{
    const std::string file = fmt::format("processed/{}/oom.json", component_.name);
    auto kept = store_.get(file);
    if (!kept)
        return std::unexpected(std::move(kept.error()));
    steps_.begin(component_.name + ": OOM behaviour", 0);
    if (*kept) {
        if (auto oom = oom_from_json(**kept, result_.after)) {
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
    if (auto put = store_.put(file, oom_to_json(*oom, result_.after)); !put)
        return put;
    result_.oom = std::move(*oom);
    return {};
}

}  // namespace flyball::calibrate
