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

// What goes wrong on it.
enum class Fault : std::uint8_t {
    None,
    Exits,            // the load is `exit 7`
    Dies,             // at the n-th second
    NeverConnects,    // it runs to its end, and never does any work
    NothingDone,      // it tells a throughput of zero, always
    SilentOnce,       // one run of several
    SilentAlways,     // one of several, and what is run in its stead too
    OomKilled,        // under its own limits, be it in the warm-up
    OomInTuner,       // the tuner's guard ends it
    TunerFails,       // an error, not an answer
    Neighbour,        // takes so much of the CPUs that a run says nothing
    NeighbourOnce,    // in the first run of each only
    LostEvents,       // of every run
    RefusedWrite,     // of all limits but its own
    Noise,            // between runs, more than limits do
    TrialUndecided,   // the CPU tuner's own trial: the validation decides
    LossyAtNewLimits  // the tail grows tenfold under new limits, and a tenth of the periods is throttled
};

struct Need {
    double memory = 100e6, cpus = 0.3, tasks = 10;
};

class SimulatedMachine : public calibrate::Machine {
public:
    Need need;
    // Of the need: what the tuners say. Below 1 they are wrong.
    double says = 1.1;
    bool leaks = false;
    double start_memory = 0;         // of a cold start
    bool tells_start_memory = true;  // what it took is measured
    std::size_t runs = 0, tunings = 0, ooms = 0;
    Fault fault = Fault::None;
    std::map<std::string, double> most;           // ceilings
    std::size_t interrupted_at = 0;               // the tuning during which a signal comes, counted from one
    std::map<std::string, std::size_t> measured;  // how often, by file

    // The specifications have a rate of 10 at a load of 1.
    static double load_of(const calibrate::Scenario& scenario, const calibrate::Stage* stage)
    {
        return stage == nullptr ? scenario.load : std::stod(stage->parameters.at("rate")) / 10;
    }

    std::map<std::string, double> ceilings(const calibrate::Component&) override { return most; }

    Result<calibrate::Run> run(const calibrate::Component& component, const calibrate::Scenario& scenario,
                               const calibrate::Stage* stage, const calibrate::Limits& limits,
                               const calibrate::RunKey& key) override
    {
        if (fault == Fault::RefusedWrite && limits != component.limits)
            return fail(ErrorKind::Io, "cpu.max.burst: 61000: Invalid argument");
        auto one = go_well(scenario, stage, limits, key);
        spoil(one, limits != component.limits);
        return one;
    }

private:
    calibrate::Run go_well(const calibrate::Scenario& scenario, const calibrate::Stage* stage,
                           const calibrate::Limits& limits, const calibrate::RunKey& key)
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

    void spoil(calibrate::Run& one, bool new_limits) const
    {
        const auto silent = [&] {
            one.metrics.erase("throughput");
            one.metrics.erase("latency");
        };
        switch (fault) {
        case Fault::Exits:
            one.metrics.clear();
            one.trouble = "the workload ended with 7";
            break;
        case Fault::Dies:
            one.trouble = "the workload ended after 3 s of 30 s";
            break;
        case Fault::NeverConnects:
            silent();
            break;
        case Fault::NothingDone:
            one.metrics["throughput"] = {.runs = {0}, .samples = std::vector<double>(30, 0), .events = {}};
            break;
        case Fault::SilentOnce:
            if (one.key.repetition == 1 && one.key.again == 0)
                silent();
            break;
        case Fault::SilentAlways:
            if (one.key.repetition == 1)
                silent();
            break;
        case Fault::OomKilled:
            one.metrics["oom_kills"].runs = {1};
            break;
        case Fault::Neighbour:
            one.disturbed = "the machine is too busy: /build.slice took 61% of the wait";
            break;
        case Fault::NeighbourOnce:
            if (one.key.again == 0) {
                one.disturbed = "the machine is too busy: /build.slice took 61% of the wait";
                one.metrics["throughput"].runs = {1};
            }
            break;
        case Fault::LostEvents:
            one.disturbed = "900 events were lost beside 4000 jobs that were seen";
            break;
        case Fault::Noise:
            for (auto& figures : {&one.metrics["throughput"].runs, &one.metrics["throughput"].samples})
                for (double& figure : *figures)
                    figure *= one.key.repetition % 3 == (new_limits ? 2U : 1U) ? 0.3 : 1;
            break;
        case Fault::LossyAtNewLimits:
            if (new_limits) {
                one.metrics["throttled"].runs = {0.1};
                one.metrics["latency"].events = {latencies(30e6)};
            } else {
                one.metrics["latency"].events = {latencies(3e6)};
            }
            one.metrics["latency"].runs = {1e6};
            break;
        case Fault::None:
        case Fault::OomInTuner:
        case Fault::TrialUndecided:
        case Fault::TunerFails:
        case Fault::RefusedWrite:
            break;
        }
    }

    // A median of 1 ms, and a tail.
    static profile::Histogram latencies(double tail_ns)
    {
        profile::Histogram histogram;
        histogram.add(1'000'000, 9'000);
        histogram.add(static_cast<std::uint64_t>(tail_ns), 1'000);
        return histogram;
    }

public:
    Result<tune::Proposal> tune(const calibrate::Component& component, const calibrate::Scenario& scenario,
                                const calibrate::Stage* stage, tune::Resource resource,
                                const calibrate::Limits&) override
    {
        ++tunings;
        if (tunings == interrupted_at)
            return fail(ErrorKind::Interrupted, "stopped by SIGINT");
        if (fault == Fault::TunerFails)
            return fail(ErrorKind::Stopped, "the OOM killer acted in the warm-up");
        tune::Proposal proposal{
            .resource = resource, .cgroup = component.name, .answer = tune::Answer::Limit, .summary = "simulated"};
        if (fault == Fault::OomInTuner && resource == tune::Resource::Memory) {
            proposal.answer = tune::Answer::Aborted;
            proposal.summary = "the OOM killer acted";
            return proposal;
        }
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
        if (resource == tune::Resource::Cpu) {
            proposal.evidence.push_back({"predicted_added_p99", 0.03, tune::Unit::Share, std::nullopt, "replay"});
            proposal.evidence.push_back(
                {"predicted_throttled_periods", 0.01, tune::Unit::Share, std::nullopt, "replay"});
        }
        proposal.trials.push_back({.setting = "x",
                                   .verdict = tune::Verdict::Accepted,
                                   .took_ns = 1,
                                   .pairs = 8,
                                   .judged_by = "y",
                                   .throughput = stats::Interval{0.9, 1.1}});
        if (fault == Fault::TrialUndecided && resource == tune::Resource::Cpu) {
            proposal.answer = tune::Answer::Inconclusive;
            proposal.trials.back().verdict = tune::Verdict::Inconclusive;
        }
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
