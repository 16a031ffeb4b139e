// SPDX-License-Identifier: Apache-2.0
#include "scenario_commands.hpp"

#include "flyball/calibrate/decision.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace flyball::live {
namespace {

constexpr double kMiB = 1024.0 * 1024;

constexpr std::uint64_t kOomNs = 60'000'000'000;

// What every command of a component may name besides its parameters.
calibrate::Parameters with_runtime(calibrate::Parameters values, const calibrate::Component& component,
                                   const calibrate::Limits& limits, std::optional<double> stress,
                                   std::uint64_t length_ns)
{
    values["duration"] = fmt::format("{}", (length_ns + 999'999'999) / 1'000'000'000);
    values["component"] = component.name;
    values["cgroup"] = component.cgroup;
    const auto memory = limits.find("memory.max");
    const auto bytes = memory == limits.end() ? std::nullopt : calibrate::limit_number("memory.max", memory->second);
    if (bytes)
        values["memory_max_bytes"] = fmt::format("{:.0f}", *bytes);
    if (bytes && stress) {
        values["stress_bytes"] = fmt::format("{:.0f}", *bytes * *stress);
        values["stress_mib"] = fmt::format("{:.0f}", *bytes * *stress / kMiB);
    }
    return values;
}

// Its commands run where the component says.
std::vector<std::string> at_home(const calibrate::Component& component, std::vector<std::string> command)
{
    if (!component.directory.empty() && !command.empty())
        command.insert(command.begin(), {"/usr/bin/env", "-C", component.directory});
    return command;
}

}  // namespace

Result<ScenarioCommands> commands_of(const calibrate::Component& component, const calibrate::Scenario& scenario,
                                     const calibrate::Stage* stage, const calibrate::Limits& limits,
                                     std::uint64_t length_ns)
{
    calibrate::Parameters values = with_runtime(stage != nullptr ? stage->parameters : scenario.parameters, component,
                                                limits, scenario.memory_stress, length_ns);
    values["scenario"] = scenario.name;
    ScenarioCommands commands{
        .workload = {}, .service = {}, .health = {}, .restart = {}, .environment = {}, .inside = scenario.inside};
    const auto fill = [&](const calibrate::Command& command, std::vector<std::string>& into) -> Result<> {
        auto filled = calibrate::fill(command, values);
        if (!filled)
            return std::unexpected(std::move(filled.error()).context(component.name + ", " + scenario.name));
        into = at_home(component, std::move(*filled));
        return {};
    };
    if (auto filled = fill(scenario.command, commands.workload); !filled)
        return std::unexpected(std::move(filled.error()));
    if (component.start && !scenario.inside) {
        if (auto filled = fill(*component.start, commands.service); !filled)
            return std::unexpected(std::move(filled.error()));
    }
    if (component.health) {
        if (auto filled = fill(*component.health, commands.health); !filled)
            return std::unexpected(std::move(filled.error()));
    }
    if (component.restart) {
        if (auto filled = fill(*component.restart, commands.restart); !filled)
            return std::unexpected(std::move(filled.error()));
    }
    for (const auto& [name, text] : scenario.environment) {
        auto value = calibrate::fill(text, values);
        if (!value)
            return std::unexpected(std::move(value.error()).context(component.name + ", " + scenario.name));
        commands.environment.push_back(name + "=" + *value);
    }
    return commands;
}

Result<std::vector<std::string>> oom_command_of(const calibrate::Component& component, const calibrate::Limits& limits)
{
    calibrate::Parameters values =
        with_runtime(component.scenarios.front().parameters, component, limits, component.oom_test->stress, kOomNs);
    values["scenario"] = "oom_test";
    auto filled = calibrate::fill(component.oom_test->command, values);
    if (!filled)
        return std::unexpected(std::move(filled.error()).context(component.name + ", oom_test"));
    return at_home(component, std::move(*filled));
}

std::vector<tune::Write> writes_of(const calibrate::Limits& limits)
{
    // memory.max before memory.high, the quota before its burst.
    constexpr std::array<std::string_view, 6> kOrder{"memory.max",       "memory.high", "memory.swap.max",
                                                     "memory.oom.group", "cpu.max",     "cpu.max.burst"};
    std::vector<tune::Write> writes;
    for (const std::string_view file : kOrder) {
        if (const auto found = limits.find(std::string(file)); found != limits.end())
            writes.push_back({found->first, found->second});
    }
    for (const auto& [file, text] : limits) {
        if (std::ranges::find(kOrder, file) == kOrder.end())
            writes.push_back({file, text});
    }
    return writes;
}

LiveSubjectOptions subject_options(const calibrate::Component& component, const ScenarioCommands& commands,
                                   const calibrate::Limits& limits)
{
    LiveSubjectOptions options;
    options.cgroup = component.cgroup;
    options.writes = writes_of(limits);
    // A kernel service is not to go as a whole when one of its tasks is killed (P4.2, appendix B).
    if (component.critical && component.cgroup.empty())
        options.writes.push_back({"memory.oom.group", "0"});
    options.environment = commands.environment;
    options.metrics_patterns = component.metrics_regex;
    if (!component.cgroup.empty()) {
        options.load = commands.workload;
    } else if (commands.inside || commands.service.empty()) {
        options.command = commands.workload;
    } else {
        options.command = commands.service;
        options.load = commands.workload;
    }
    return options;
}

}  // namespace flyball::live
