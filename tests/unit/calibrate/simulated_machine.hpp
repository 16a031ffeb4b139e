// SPDX-License-Identifier: Apache-2.0
// A machine on which a workload needs so much memory, CPU and so many tasks, and a store that may fail at any step.
#pragma once

#include "flyball/calibrate/decision.hpp"
#include "flyball/calibrate/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

namespace flyball::test {

struct Need {
    double memory = 100e6, cpus = 0.3, tasks = 10;
};

class SimulatedMachine final : public calibrate::Machine {
public:
    Need need;
    // Of the need: what the tuners say. Below 1 they are wrong.
    double says = 1.1;
    bool leaks = false;
    double start_memory = 0;         // of a cold start
    bool tells_start_memory = true;  // what it took is measured
    std::size_t runs = 0, tunings = 0, ooms = 0;
    std::size_t interrupted_at = 0;               // the tuning during which a signal comes, counted from one
    std::map<std::string, std::size_t> measured;  // how often, by file

    // The specifications have a rate of 10 at a load of 1.
    static double load_of(const calibrate::Scenario& scenario, const calibrate::Stage* stage)
    {
        return stage == nullptr ? scenario.load : std::stod(stage->parameters.at("rate")) / 10;
    }

    Result<calibrate::Run> run(const calibrate::Component&, const calibrate::Scenario& scenario,
                               const calibrate::Stage* stage, const calibrate::Limits& limits,
                               const calibrate::RunKey& key) override
    {
        ++runs;
        ++measured[key.file()];
        const auto limit = [&](const char* file) {
            const auto found = limits.find(file);
            return found == limits.end() ? std::nullopt : calibrate::limit_number(file, found->second);
        };
        const double load = load_of(scenario, stage), cpus = need.cpus * load, memory = need.memory;
        const double served = std::min(1.0, limit("cpu.max").value_or(cpus) / cpus);
        calibrate::Run one{.key = key, .limits = limits, .start_wall_ns = 1, .span_ns = 1'000'000'000, .metrics = {}};
        const auto tell = [&](const char* metric, double figure, std::size_t seconds) {
            calibrate::Series series{.runs = {figure}, .samples = {}, .events = {}};
            // Seconds differ a little, and always in the same way.
            for (std::size_t i = 0; i < seconds; ++i)
                series.samples.push_back(figure * (1 + 0.002 * static_cast<double>(i % 5)));
            one.metrics[metric] = std::move(series);
        };
        if (scenario.cold_start) {
            if (limit("memory.max").value_or(start_memory) < start_memory) {
                one.trouble = "it ended with 137";
                return one;
            }
            tell("cold_start", 0.1e9, 10);
            if (tells_start_memory)
                tell("memory", start_memory, 0);
            return one;
        }
        const bool killed = limit("memory.max").value_or(memory) < memory;
        tell("throughput", killed ? 1 : 1000 * load * served, 30);
        tell("memory", memory, 0);
        tell("cpu", cpus * served, 30);
        tell("tasks", need.tasks, 0);
        tell("throttled", served < 1 ? 0.5 : 0, 0);
        tell("oom_kills", killed ? 1 : 0, 0);
        tell("fork_failures", limit("pids.max").value_or(need.tasks) < need.tasks ? 3 : 0, 0);
        return one;
    }

    Result<tune::Proposal> tune(const calibrate::Component& component, const calibrate::Scenario& scenario,
                                const calibrate::Stage* stage, tune::Resource resource,
                                const calibrate::Limits&) override
    {
        ++tunings;
        if (tunings == interrupted_at)
            return fail(ErrorKind::Interrupted, "stopped by SIGINT");
        tune::Proposal proposal{
            .resource = resource, .cgroup = component.name, .answer = tune::Answer::Limit, .summary = "simulated"};
        if (leaks && resource == tune::Resource::Memory) {
            proposal.answer = tune::Answer::Refused;
            proposal.summary = "it leaks";
            return proposal;
        }
        const auto value = [&](const char* file, const std::string& text) {
            proposal.values.push_back({.file = file,
                                       .text = text,
                                       .before = "",
                                       .estimate = 1,
                                       .interval = stats::Interval{0.5, 2},
                                       .confidence = 0.95,
                                       .method = "simulated"});
        };
        if (resource == tune::Resource::Memory)
            value("memory.max", fmt::format("{:.0f}", need.memory * says));
        if (resource == tune::Resource::Cpu)
            value("cpu.max", fmt::format("{:.0f} 100000", need.cpus * load_of(scenario, stage) * says * 100'000));
        if (resource == tune::Resource::Pids)
            value("pids.max", fmt::format("{:.0f}", need.tasks / 0.775));
        proposal.evidence.push_back({"need", 1, tune::Unit::Cpus, std::nullopt, "simulation"});
        proposal.trials.push_back({.setting = "x",
                                   .verdict = tune::Verdict::Accepted,
                                   .took_ns = 1,
                                   .pairs = 8,
                                   .judged_by = "y",
                                   .throughput = stats::Interval{0.9, 1.1}});
        return proposal;
    }

    Result<calibrate::OomBehaviour> oom_test(const calibrate::Component&, const calibrate::Limits&) override
    {
        ++ooms;
        oom::TestReport report;
        report.workload = "simulated";
        report.scenarios.emplace_back();
        report.scenarios.back().status = oom::Status::Pass;
        return calibrate::OomBehaviour{.not_tested = {}, .reports = {report}};
    }
};

// Fails, as a crash does, after so many texts were put.
class FragileStore final : public calibrate::Store {
public:
    std::map<std::string, std::string> texts;
    std::size_t puts_left = ~std::size_t{0};

    Result<std::optional<std::string>> get(const std::string& name) override
    {
        const auto found = texts.find(name);
        return found == texts.end() ? std::nullopt : std::optional(found->second);
    }
    Result<> put(const std::string& name, std::string_view text) override
    {
        if (puts_left == 0)
            return fail(ErrorKind::Io, "crashed");
        --puts_left;
        texts[name] = text;
        return {};
    }
};

}  // namespace flyball::test
