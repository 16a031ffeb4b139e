// SPDX-License-Identifier: Apache-2.0
// What a component needs, and what its tuners say.
#include "calibrator.hpp"
#include "proposal_json.hpp"
#include "series.hpp"

#include <fmt/format.h>

#include <algorithm>
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

}  // namespace

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

}  // namespace flyball::calibrate
