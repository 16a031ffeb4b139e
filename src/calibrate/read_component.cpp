// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/strings.hpp"
#include "flyball/calibrate/decision.hpp"
#include "limit_value.hpp"
#include "settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace flyball::calibrate::detail {
namespace {

constexpr std::array<std::string_view, 27> kComponentKeys{
    "name",     "description",   "cgroup",     "start",           "restart",    "health",          "directory",
    "critical", "command",       "inside",     "resource_limits", "tune",       "tuning",          "bounds",
    "metrics",  "metrics_regex", "neighbours", "oom_test",        "parameters", "load_parameters", "environment",
    "targets",  "duration",      "warmup",     "iterations",      "scenarios",  "cpu_period"};
constexpr std::array<std::string_view, 5> kOomKeys{"command", "stress", "processes", "repeats", "recover_within"};
constexpr std::array<std::string_view, 2> kBoundKeys{"min", "max"};

void read_limits(const Fields& fields, const Inherited& outer, Component& component)
{
    fields.require("resource_limits",
                   "add \"resource_limits\": {\"memory.max\": \"512M\"}, or {} where there is none yet");
    const Node* const node = fields.get("resource_limits", Node::Kind::Object);
    if (node == nullptr)
        return;
    Problems& problems = fields.problems();
    const LimitNodes found = limit_nodes(*node, fields.at("resource_limits"));
    for (const LimitNode& one : found.strange) {
        const auto dot = one.file.rfind('.');
        if (!problems.ignores(dot == std::string::npos ? one.file : one.file.substr(dot + 1)))
            problems.add(one.member->begin, one.path, "is no limit that flyball knows",
                         did_you_mean(one.file, limit_files()));
    }
    for (const LimitNode& one : found.twice)
        problems.add(one.member->begin, one.path, "is there twice", "make one of them");
    for (const LimitNode& one : found.limits) {
        const auto value = read_limit(one.file, *one.value, outer.cpu_period_us);
        if (!value)
            problems.add(*one.value, one.path, value.error());
        else if (!component.limits.emplace(one.file, *value).second)
            problems.add(one.member->begin, one.path, fmt::format("{} is there twice", one.file), "remove one of them");
    }
}

void read_bounds(const Fields& fields, const Inherited& outer, Component& component)
{
    const Node* const node = fields.get("bounds");
    if (node == nullptr)
        return;
    const Fields all(*node, fields.at("bounds"), limit_files(), fields.problems());
    for (const Member& member : node->members) {
        if (!is_limit_file(member.key))
            continue;
        const Fields one(member.value, all.at(member.key), kBoundKeys, fields.problems());
        const auto read = [&](std::string_view key) -> std::optional<double> {
            const Node* const value = one.get(key);
            if (value == nullptr)
                return std::nullopt;
            const auto text = read_limit(member.key, *value, outer.cpu_period_us);
            const auto number = text ? limit_number(member.key, *text) : std::nullopt;
            if (!text)
                fields.problems().add(*value, one.at(key), text.error());
            else if (!number)
                fields.problems().add(*value, one.at(key), "'max' bounds nothing", "give a value, or leave it out");
            return number;
        };
        component.bounds[member.key] = Bounds{read("min"), read("max")};
    }
}

void read_metrics(const Fields& fields, Component& component)
{
    const Node* const node = fields.get("metrics", Node::Kind::Object);
    if (node == nullptr)
        return;
    Problems& problems = fields.problems();
    for (const Member& member : node->members) {
        const std::string path = join(fields.at("metrics"), member.key);
        if (!expect(member.value, path, Node::Kind::String, problems) ||
            !expect_one_of(member.value, path, member.value.text, declared_units(), problems))
            continue;
        if (std::ranges::find(component.metrics, member.key, &Metric::name) != component.metrics.end())
            problems.add(member.begin, path, "is there twice", "remove one of them");
        else if (!is_placeholder_name(member.key))
            problems.add(member.begin, path, "is no name of a metric", "use a-z, 0-9 and _, a letter first");
        else if (std::ranges::find(common_metrics(), member.key, &Metric::name) != common_metrics().end())
            problems.add(member.begin, path, "is the name of a metric that flyball measures", "choose another name");
        else
            component.metrics.push_back(*declared_metric(member.key, member.value.text));
    }
}

void read_oom_test(const Fields& fields, const Parameters& parameters, Component& component)
{
    const Node* const node = fields.get("oom_test");
    if (node == nullptr)
        return;
    const Fields oom(*node, fields.at("oom_test"), kOomKeys, fields.problems());
    OomTest test;
    std::optional<Command> command;
    oom.require("command", "give one that uses {stress_mib} MiB of memory");
    oom.read("command", command);
    test.command = command.value_or(Command{});
    oom.read_share("stress", test.stress, {1.01, 10});
    oom.read("processes", test.processes, {1, 1000});
    oom.read("repeats", test.repeats, {1, 100});
    oom.read_duration("recover_within", test.recover_within_ns, false);
    check_placeholders(*node, oom.at("command"), test.command.argv, parameters, true, fields.problems());
    component.oom_test = std::move(test);
}

// Commands of the service itself; scenarios have their own.
void read_service(const Fields& fields, const Parameters& parameters, Component& component)
{
    constexpr std::array<std::string_view, 3> kKeys{"start", "restart", "health"};
    const std::array<std::optional<Command>*, 3> commands{&component.start, &component.restart, &component.health};
    for (std::size_t i = 0; i < kKeys.size(); ++i) {
        fields.read(kKeys[i], *commands[i]);
        if (*commands[i])
            check_placeholders(*fields.get(kKeys[i]), fields.at(kKeys[i]), (*commands[i])->argv, parameters, false,
                               fields.problems());
    }
    fields.read("cgroup", component.cgroup);
    constexpr std::string_view kRoot = "/sys/fs/cgroup/";
    if (component.cgroup.starts_with(kRoot))
        component.cgroup.erase(0, kRoot.size());
    const auto parts = split(component.cgroup, '/');
    const bool climbs = std::ranges::find(parts, "..") != parts.end();
    if (const Node* const node = fields.get("cgroup"); node != nullptr && node->is(Node::Kind::String))
        if (climbs || trim(component.cgroup).empty() || component.cgroup.starts_with('/') ||
            component.cgroup.find('\0') != std::string::npos)
            fields.problems().add(*node, fields.at("cgroup"), "is no path of a cgroup",
                                  "give one below /sys/fs/cgroup, such as \"clawos/worker.slice\"");
}

std::vector<tune::Resource> tuned(const std::optional<std::vector<tune::Resource>>& asked, const Component& component)
{
    if (asked)
        return *asked;
    std::vector<tune::Resource> resources;
    for (const auto resource : {tune::Resource::Memory, tune::Resource::Cpu, tune::Resource::Pids, tune::Resource::Io})
        if (std::ranges::any_of(component.limits,
                                [&](const auto& limit) { return resource_of(limit.first) == resource; }))
            resources.push_back(resource);
    return resources;
}

void check_load_parameters(const Fields& fields, const ComponentParts& parts, const Parameters& parameters)
{
    for (std::size_t i = 0; i < parts.load_parameters.size(); ++i) {
        const auto found = parameters.find(parts.load_parameters[i]);
        if (found == parameters.end() || !as_number(found->second))
            fields.problems().add(*fields.get("load_parameters"), join(fields.at("load_parameters"), i),
                                  fmt::format("'{}' is no parameter that is a number", parts.load_parameters[i]),
                                  "add it to the component's parameters");
    }
}

void read_scenarios(const Fields& fields, const Inherited& inner, ComponentParts& parts, const Profile& profile,
                    Component& component)
{
    fields.require("scenarios", "add \"scenarios\": [{\"name\": \"normal\"}]");
    const Node* const list = fields.get("scenarios", Node::Kind::Array);
    if (list == nullptr)
        return;
    Problems& problems = fields.problems();
    if (list->elements.empty())
        problems.add(*list, fields.at("scenarios"), "is empty", "add {\"name\": \"normal\"}");
    for (const Node& node : list->elements)
        if (const Node* const name = node.find("name"); name != nullptr && name->is(Node::Kind::String))
            parts.names.push_back(name->text);
    for (std::size_t i = 0; i < list->elements.size(); ++i) {
        const std::string path = join(fields.at("scenarios"), i);
        Scenario scenario = read_scenario(list->elements[i], path, inner, parts, profile, problems);
        if (!scenario.name.empty() &&
            std::ranges::find(component.scenarios, scenario.name, &Scenario::name) != component.scenarios.end())
            problems.add(*list->elements[i].find("name"), join(path, "name"),
                         fmt::format("there is another scenario '{}'", scenario.name), "choose another name");
        component.scenarios.push_back(std::move(scenario));
    }
}

// Told here once, not with each scenario that takes them.
void check_component_targets(const Fields& fields, const ComponentParts& parts, const Parameters& parameters)
{
    if (parts.targets == nullptr)
        return;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < parts.targets->elements.size(); ++i) {
        const Node& node = parts.targets->elements[i];
        const std::string path = join(parts.targets_path, i);
        if (!expect(node, path, Node::Kind::String, fields.problems()))
            continue;
        const auto text = fill(node.text, parameters);
        if (!text)
            fields.problems().add(node, path, text.error());
        else if (const auto target = parse_target(*text, parts.component->metrics); !target)
            fields.problems().add(node, path, target.error());
        else if (!seen.insert(node.text).second)
            fields.problems().add(node, path, "is there twice", "remove one of them");
    }
}

}  // namespace

Component read_component(const Node& node, const std::string& path, const Inherited& outer, const Profile& profile,
                         Problems& problems)
{
    const Fields fields(node, path, kComponentKeys, problems);
    Component component;
    if (!fields.valid())
        return component;
    Inherited inner = outer;
    read_name(fields, component.name);
    fields.read("description", component.description);
    fields.read("directory", component.directory);
    fields.read("critical", component.critical);
    read_timing(fields, profile, false, inner.timing);
    read_tuning(fields, inner.tuning);
    if (profile.tuning != nullptr) {
        Problems told_already{""};
        read_tuning_object(*profile.tuning, "", inner.tuning, told_already);
    }
    component.tuning = inner.tuning;
    fields.read_parameters("parameters", inner.parameters, true);
    for (const auto& [name, value] : profile.parameters)
        inner.parameters[name] = value;
    fields.read_parameters("environment", inner.environment, false);
    std::uint64_t period_ns = inner.cpu_period_us * 1000;
    fields.read_duration("cpu_period", period_ns, false);
    inner.cpu_period_us = period_ns / 1000;
    read_service(fields, inner.parameters, component);
    read_limits(fields, inner, component);
    read_bounds(fields, inner, component);
    read_metrics(fields, component);
    component.metrics_regex = fields.read_texts("metrics_regex");
    component.neighbours = fields.read_texts("neighbours");
    read_oom_test(fields, inner.parameters, component);
    const auto own = read_tune(fields);
    component.tune = tuned(own ? own : inner.tune, component);
    ComponentParts parts{.component = &component};
    fields.read("command", parts.command);
    parts.command_node = fields.get("command");
    if (fields.get("inside") != nullptr)
        fields.read("inside", parts.inside.emplace(true));
    parts.load_parameters = fields.read_texts("load_parameters");
    check_load_parameters(fields, parts, inner.parameters);
    parts.targets = fields.get("targets", Node::Kind::Array);
    parts.targets_path = fields.at("targets");
    check_component_targets(fields, parts, inner.parameters);
    read_scenarios(fields, inner, parts, profile, component);
    check_component(component, fields);
    return component;
}

}  // namespace flyball::calibrate::detail
