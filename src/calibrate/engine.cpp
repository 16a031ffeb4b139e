// SPDX-License-Identifier: Apache-2.0
#include "flyball/calibrate/engine.hpp"

#include "flyball/base/strings.hpp"
#include "flyball/calibrate/decision.hpp"
#include "oom_json.hpp"
#include "proposal_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
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

std::map<std::string, double> numbers(const Parameters& parameters)
{
    std::map<std::string, double> found;
    for (const auto& [name, text] : parameters) {
        double value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error == std::errc{} && end == text.data() + text.size())
            found[name] = value;
    }
    return found;
}

std::uint64_t length_of(const Scenario& scenario, const Stage* stage)
{
    return scenario.timing.warmup_ns + (stage != nullptr ? stage->duration_ns : scenario.timing.duration_ns);
}

// The largest of its runs; nullopt: it was not measured.
std::optional<double> most_of(const Measurements& measured, std::string_view metric)
{
    const auto series = measured.metrics.find(std::string(metric));
    if (series == measured.metrics.end() || series->second.runs.empty())
        return std::nullopt;
    return std::ranges::max(series->second.runs);
}

constexpr const char* kBaseline = "baseline";

class Calibrator {
public:
    Calibrator(const Component& component, Machine& machine, Store& store, const OnStep& on_step, Step& step)
        : component_(component), machine_(machine), store_(store), on_step_(on_step), step_(step)
    {
        result_.name = component.name;
        result_.critical = component.critical;
        result_.before = result_.after = component.limits;
    }

    Result<ComponentResult> calibrate()
    {
        auto baseline = measure(kBaseline, component_.limits);
        if (!baseline)
            return std::unexpected(std::move(baseline.error()));
        baseline_ = std::move(*baseline);
        if (auto tuned = tune(); !tuned)
            return std::unexpected(std::move(tuned.error()));
        if (auto attempted = attempt(adopted(component_, result_.proposals, started_with(), result_.notes)); !attempted)
            return std::unexpected(std::move(attempted.error()));
        if (component_.oom_test) {
            auto oom = oom_test();
            if (!oom)
                return std::unexpected(std::move(oom.error()));
            result_.oom = std::move(*oom);
        }
        return std::move(result_);
    }

private:
    using Measured = std::map<std::string, Measurements>;  // by scenario

    void tell(std::string what, std::uint64_t takes_ns)
    {
        step_.what = component_.name + ": " + std::move(what);
        on_step_(step_);
        ++step_.done;
        step_.left_ns -= std::min(step_.left_ns, takes_ns);
    }

    Result<Run> run(const Scenario& scenario, const Stage* stage, const Limits& limits, RunKey key)
    {
        auto kept = store_.get(key.file());
        if (!kept)
            return std::unexpected(std::move(kept.error()));
        tell(fmt::format("{}, {}{}, {} of {}", key.phase, scenario.name, stage != nullptr ? "/" + stage->name : "",
                         key.repetition + 1, scenario.timing.iterations),
             length_of(scenario, stage));
        if (*kept) {
            auto run = run_from_json(**kept);
            // A run under other limits is not this run: whoever has changed the specification measures anew.
            if (run && run->key == key && run->limits == limits)
                return run;
        }
        auto run = machine_.run(component_, scenario, stage, limits, key);
        if (!run)
            return run;
        if (auto put = store_.put(key.file(), run_to_json(*run)); !put)
            return std::unexpected(std::move(put.error()));
        return run;
    }

    Result<Measurements> measure(const std::string& phase, const Limits& limits, const Scenario& scenario)
    {
        std::vector<Run> runs;
        std::vector<const Stage*> stages;
        for (const Stage& stage : scenario.stages)
            stages.push_back(&stage);
        if (stages.empty())
            stages.push_back(nullptr);
        for (std::uint32_t repetition = 0; repetition < scenario.timing.iterations; ++repetition) {
            for (const Stage* stage : stages) {
                auto one = run(scenario, stage, limits,
                               {.component = component_.name,
                                .phase = phase,
                                .scenario = scenario.name,
                                .stage = stage != nullptr ? stage->name : "",
                                .repetition = repetition});
                if (!one)
                    return std::unexpected(std::move(one.error()));
                if (!one->trouble.empty())
                    troubles_[scenario.name].push_back(fmt::format("{}: {}", phase, one->trouble));
                if (phase == kBaseline && stage != nullptr && stage->measured)
                    note_need(scenario, *stage, *one);
                if (stage == nullptr || stage->measured)
                    runs.push_back(std::move(*one));
            }
        }
        std::vector<const Run*> all;
        for (const Run& one : runs)
            all.push_back(&one);
        return gather(all, numbers(scenario.parameters));
    }

    Result<Measured> measure(const std::string& phase, const Limits& limits)
    {
        Measured all;
        for (const Scenario& scenario : component_.scenarios) {
            auto measured = measure(phase, limits, scenario);
            if (!measured)
                return std::unexpected(std::move(measured.error()));
            all[scenario.name] = std::move(*measured);
        }
        return all;
    }

    void note_need(const Scenario& scenario, const Stage& stage, const Run& run)
    {
        for (const auto& [metric, series] : run.metrics) {
            if (series.runs.empty())
                continue;
            auto& most = stage_needs_[scenario.name][metric];
            if (const double need = std::ranges::max(series.runs); most.stage == nullptr || need > most.need)
                most = {&stage, need};
        }
    }

    // The measured stage that asks for most of it; nullptr: the scenario has no stages.
    [[nodiscard]] const Stage* neediest_stage(const Scenario& scenario, tune::Resource resource) const
    {
        if (scenario.stages.empty())
            return nullptr;
        if (const auto of = stage_needs_.find(scenario.name); of != stage_needs_.end()) {
            if (const auto most = of->second.find(need_of(resource)); most != of->second.end())
                return most->second.stage;
        }
        return &scenario.stages.front();
    }

    // The scenario that asks for most of it.
    [[nodiscard]] const Scenario* neediest(tune::Resource resource) const
    {
        const Scenario* found = nullptr;
        double most = -1;
        for (const Scenario& scenario : component_.scenarios) {
            if (!tells_need(scenario))
                continue;
            if (const double need = most_of(baseline_.at(scenario.name), need_of(resource)).value_or(0); need > most) {
                most = need;
                found = &scenario;
            }
        }
        return found;
    }

    Result<> tune()
    {
        for (const tune::Resource resource : component_.tune) {
            const Scenario* const scenario = neediest(resource);
            if (scenario == nullptr) {
                result_.notes.push_back(
                    fmt::format("{} was not tuned: no scenario has a steady load", tune::name(resource)));
                continue;
            }
            const std::string file = fmt::format("processed/{}/tune-{}.json", component_.name, tune::name(resource));
            auto kept = store_.get(file);
            if (!kept)
                return std::unexpected(std::move(kept.error()));
            const Stage* const stage = neediest_stage(*scenario, resource);
            tell(fmt::format("tuning {} under {}{}", tune::name(resource), scenario->name,
                             stage != nullptr ? "/" + stage->name : ""),
                 0);
            if (*kept) {
                if (auto proposal = proposal_from_json(**kept)) {
                    result_.proposals.push_back(std::move(*proposal));
                    continue;
                }
            }
            auto proposal = machine_.tune(component_, *scenario, stage, resource, component_.limits);
            if (!proposal)
                return std::unexpected(std::move(proposal.error()));
            if (auto put = store_.put(file, proposal_to_json(*proposal)); !put)
                return put;
            result_.proposals.push_back(std::move(*proposal));
        }
        return {};
    }

    std::vector<ScenarioResult> judged(const Measured& after) const
    {
        std::vector<ScenarioResult> all;
        for (const Scenario& scenario : component_.scenarios) {
            References before_refs, after_refs;
            for (const Scenario& other : component_.scenarios) {
                before_refs[other.name] = &baseline_.at(other.name);
                after_refs[other.name] = &after.at(other.name);
            }
            before_refs["baseline"] = after_refs["baseline"] = &baseline_.at(scenario.name);
            all.push_back(judge(component_, scenario, baseline_.at(scenario.name), after.at(scenario.name), before_refs,
                                after_refs));
            if (const auto troubles = troubles_.find(scenario.name); troubles != troubles_.end())
                all.back().troubles = troubles->second;
        }
        return all;
    }

    void stay(End end, std::string summary, const Measured& measured)
    {
        result_.end = end;
        result_.summary = std::move(summary);
        result_.after = component_.limits;
        result_.scenarios = judged(measured);
    }

    // The most that a cold start took at the baseline.
    [[nodiscard]] std::map<std::string, double> started_with() const
    {
        std::map<std::string, double> most;
        for (const Scenario& scenario : component_.scenarios) {
            if (!scenario.cold_start)
                continue;
            for (const auto& [file, metric] : {std::pair{"memory.max", "memory"}, {"pids.max", "tasks"}}) {
                if (const auto need = most_of(baseline_.at(scenario.name), metric))
                    most[file] = std::max(most[file], *need);
            }
        }
        return most;
    }

    // What held is where a later attempt that does not hold comes back to.
    void hold(std::uint32_t number, Limits limits, const Decision& decision, std::vector<ScenarioResult> scenarios)
    {
        result_.end = decision.hopeless ? End::Missed : End::Calibrated;
        result_.summary =
            decision.hopeless
                ? "nothing is worse than before, and some targets are missed as they were before: no limit mends that"
                : fmt::format("calibrated at the {} attempt", number == 1 ? "first" : fmt::format("{}.", number));
        result_.after = std::move(limits);
        result_.scenarios = std::move(scenarios);
    }

    Result<> attempt(Limits goal)
    {
        bool held = false;
        Limits limits = stepped(component_, component_.limits, goal);
        for (std::uint32_t number = 1;; ++number) {
            if (limits == component_.limits) {
                stay(number == 1 ? End::Unchanged : End::NotConverged,
                     number == 1 ? "the limits as they are are right"
                                 : "no tighter limits held: they stay as they were",
                     baseline_);
                return {};
            }
            step_.all += component_.scenarios.size();
            auto after = measure(fmt::format("validate-{}", number), limits);
            if (!after)
                return std::unexpected(std::move(after.error()));
            auto scenarios = judged(*after);
            Decision decision = decide(component_, scenarios, limits, number);
            result_.attempts.push_back({number, limits, decision.accepted, decision.reasons});
            if (decision.accepted) {
                hold(number, limits, decision, std::move(scenarios));
                held = true;
                if (limits == goal || number >= component_.tuning.max_iterations)
                    return {};
                limits = stepped(component_, limits, goal);
                continue;
            }
            if (held)
                return {};
            if (number >= component_.tuning.max_iterations) {
                stay(End::NotConverged, fmt::format("no limits held in {} attempts: they stay as they were", number),
                     baseline_);
                return {};
            }
            goal = limits = std::move(decision.next);
        }
    }

    Result<OomBehaviour> oom_test()
    {
        const std::string file = fmt::format("processed/{}/oom.json", component_.name);
        auto kept = store_.get(file);
        if (!kept)
            return std::unexpected(std::move(kept.error()));
        tell("OOM behaviour", 0);
        if (*kept) {
            if (auto oom = oom_from_json(**kept))
                return std::move(*oom);
        }
        auto oom = machine_.oom_test(component_, result_.after);
        if (!oom)
            return oom;
        if (auto put = store_.put(file, oom_to_json(*oom)); !put)
            return std::unexpected(std::move(put.error()));
        return oom;
    }

    const Component& component_;
    Machine& machine_;
    Store& store_;
    const OnStep& on_step_;
    Step& step_;
    ComponentResult result_;
    Measured baseline_;
    struct MostNeeded {
        const Stage* stage = nullptr;
        double need = 0;
    };
    using StageNeeds = std::map<std::string, MostNeeded>;  // by metric
    std::map<std::string, StageNeeds> stage_needs_;        // by scenario, at the baseline
    std::map<std::string, std::vector<std::string>> troubles_;
};

Step foreseen(const Spec& spec)
{
    Step step;
    for (const Component& component : spec.components) {
        const Round round = round_of(component);
        // Baseline, and one attempt.
        step.left_ns += 2 * round.length_ns;
        step.all += 2 * round.runs + component.tune.size() + (component.oom_test ? 1 : 0);
    }
    return step;
}

}  // namespace

Round round_of(const Component& component)
{
    Round round;
    for (const Scenario& scenario : component.scenarios) {
        std::uint64_t length_ns = scenario.stages.empty() ? length_of(scenario, nullptr) : 0;
        for (const Stage& stage : scenario.stages)
            length_ns += length_of(scenario, &stage);
        round.runs += std::max<std::size_t>(scenario.stages.size(), 1) * scenario.timing.iterations;
        round.length_ns += length_ns * scenario.timing.iterations;
    }
    return round;
}

Result<std::vector<ComponentResult>> calibrate(const Spec& spec, Machine& machine, Store& store, const OnStep& on_step)
{
    Step step = foreseen(spec);
    std::vector<ComponentResult> all;
    for (const Component& component : spec.components) {
        auto result = Calibrator(component, machine, store, on_step, step).calibrate();
        if (!result)
            return std::unexpected(std::move(result.error()));
        all.push_back(std::move(*result));
    }
    return all;
}

}  // namespace flyball::calibrate
