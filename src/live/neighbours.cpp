// SPDX-License-Identifier: Apache-2.0
#include "neighbours.hpp"

#include "scenario_commands.hpp"
#include "service_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace flyball::live {

Result<> Neighbours::add(const calibrate::Component& component, const cgroup::Layout& layout, std::uint64_t length_ns,
                         int output_fd, const std::function<void(std::string_view)>& say)
{
    const auto steady = std::ranges::find_if(component.scenarios, [](const calibrate::Scenario& scenario) {
        return !scenario.cold_start && !scenario.memory_stress && scenario.stages.empty();
    });
    if (steady == component.scenarios.end())
        return fail(ErrorKind::Usage, fmt::format("neighbour {}: no scenario of it is a steady load", component.name),
                    "give it one");
    auto commands = commands_of(component, *steady, nullptr, component.limits, length_ns);
    if (!commands)
        return std::unexpected(std::move(commands.error()));
    const LiveSubjectOptions subject = subject_options(component, *commands, component.limits);
    process::SpawnOptions spawn{.environment = subject.environment, .descriptors = {}};
    spawn.output_to(output_fd);
    if (!subject.command.empty()) {
        auto made = command_under(subject.writes, subject.command, layout, say, spawn);
        if (!made)
            return std::unexpected(std::move(made.error()));
        running_.push_back(std::move(*made));
        if (auto released = running_.back().child.release(); !released)
            return released;
    }
    if (!subject.load.empty()) {
        auto made = CommandInCgroup::make(subject.load, layout, {}, say, spawn);
        if (!made)
            return std::unexpected(std::move(made.error()));
        running_.push_back(std::move(*made));
        if (auto released = running_.back().child.release(); !released)
            return released;
    }
    return {};
}

Result<Neighbours> Neighbours::start(std::span<const std::string> names, std::span<const calibrate::Component> all,
                                     const cgroup::Layout& layout, std::uint64_t length_ns, int output_fd,
                                     const std::function<void(std::string_view)>& say)
{
    Neighbours neighbours;
    for (const std::string& name : names) {
        // One that a profile leaves out is not there.
        const auto found = std::ranges::find(all, name, &calibrate::Component::name);
        if (found == all.end()) {
            say(fmt::format("neighbour {} is left out by the profile: I/O is tuned without it", name));
            continue;
        }
        if (auto added = neighbours.add(*found, layout, length_ns, output_fd, say); !added)
            return std::unexpected(std::move(added.error()).context("neighbour " + name));
    }
    return neighbours;
}

}  // namespace flyball::live
