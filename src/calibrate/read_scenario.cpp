// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace flyball::calibrate::detail {
namespace {

constexpr std::array<std::string_view, 14> kScenarioKeys{
    "name",     "description", "command",    "inside",     "parameters",    "load",   "environment",
    "duration", "warmup",      "iterations", "cold_start", "memory_stress", "stages", "targets"};
constexpr std::array<std::string_view, 3> kColdStartKeys{"until", "metric", "samples"};
constexpr std::array<std::string_view, 3> kUntil{"exit", "health", "metric"};
constexpr std::array<std::string_view, 5> kStageKeys{"name", "duration", "load", "parameters", "measured"};
constexpr Range kLoads{0.001, 1e6};

// "5x", or 5.
double read_load(const Fields& fields)
{
    const Node* const node = fields.get("load");
    if (node == nullptr)
        return 1;
    std::optional<double> load;
    if (node->is(Node::Kind::Number))
        load = node->number;
    else if (node->is(Node::Kind::String) && node->text.ends_with('x'))
        load = as_number(node->text.substr(0, node->text.size() - 1));
    if (load && *load >= kLoads.least && *load <= kLoads.most)
        return *load;
    fields.problems().add(*node, fields.at("load"), "is not a multiple of the normal load",
                          "write it like 2 or \"2x\"");
    return 1;
}

void multiply(const Fields& fields, const std::vector<std::string>& names, double load, Parameters& parameters)
{
    const Node* const node = fields.get("load");
    if (node == nullptr)
        return;
    if (names.empty())
        fields.problems().add(*node, fields.at("load"), "multiplies nothing",
                              "name the parameters that grow with the load in the component's load_parameters");
    for (const std::string& name : names) {
        const auto found = parameters.find(name);
        if (found == parameters.end())
            continue;  // told with load_parameters
        if (const auto product = multiplied(found->second, load))
            found->second = *product;
    }
}

std::optional<ColdStart> read_cold_start(const Fields& scenario, const Component& component, const Profile& profile)
{
    const Node* const node = scenario.get("cold_start");
    if (node == nullptr)
        return std::nullopt;
    const Fields fields(*node, scenario.at("cold_start"), kColdStartKeys, scenario.problems());
    ColdStart start;
    std::string until = "exit";
    fields.read("until", until);
    fields.read("metric", start.metric);
    fields.read("samples", start.samples, {1, 1e6});
    if (profile.samples)
        start.samples = fields.get("samples") != nullptr ? std::min(start.samples, *profile.samples) : *profile.samples;
    if (const Node* const at = fields.get("until"); at != nullptr && at->is(Node::Kind::String))
        (void)expect_one_of(*at, fields.at("until"), until, kUntil, fields.problems());
    start.until = until == "health"   ? ColdStart::Until::Health
                  : until == "metric" ? ColdStart::Until::Metric
                                      : ColdStart::Until::Exit;
    const auto known = std::ranges::find(component.metrics, start.metric, &Metric::name);
    if (start.until == ColdStart::Until::Metric &&
        (known == component.metrics.end() || known->unit != Unit::Nanoseconds))
        fields.problems().add(*node, fields.at("metric"),
                              fmt::format("'{}' is no time that the component declares", start.metric),
                              "declare it: \"metrics\": {\"cold_start_ms\": \"ms\"}, and name it here");
    if (start.until != ColdStart::Until::Metric && fields.get("metric") != nullptr)
        fields.problems().add(*fields.get("metric"), fields.at("metric"), "is not used", "write \"until\": \"metric\"");
    if (start.until == ColdStart::Until::Health && !component.health)
        fields.problems().add(*node, fields.at("until"), "waits for a health command that the component does not have",
                              "add \"health\" to the component");
    return start;
}

std::vector<Stage> read_stages(const Fields& scenario, const ComponentParts& parts, const Parameters& outer,
                               const Profile& profile)
{
    std::vector<Stage> stages;
    const Node* const list = scenario.get("stages", Node::Kind::Array);
    if (list == nullptr)
        return stages;
    for (std::size_t i = 0; i < list->elements.size(); ++i) {
        const Fields fields(list->elements[i], join(scenario.at("stages"), i), kStageKeys, scenario.problems());
        Stage stage;
        read_name(fields, stage.name);
        if (std::ranges::find(stages, stage.name, &Stage::name) != stages.end())
            fields.problems().add(list->elements[i], fields.at("name"), fmt::format("'{}' is there twice", stage.name),
                                  "choose another");
        fields.require("duration", "give it a time such as 30s");
        fields.read_duration("duration", stage.duration_ns, false);
        if (profile.duration_ns)
            stage.duration_ns = std::min(stage.duration_ns, *profile.duration_ns);
        fields.read("measured", stage.measured);
        stage.parameters = outer;
        fields.read_parameters("parameters", stage.parameters, true);
        multiply(fields, parts.load_parameters, read_load(fields), stage.parameters);
        stages.push_back(std::move(stage));
    }
    const bool none = std::ranges::none_of(stages, &Stage::measured);
    if (none)
        scenario.problems().add(*list, scenario.at("stages"), "none is measured",
                                "leave \"measured\" out of one at least");
    return stages;
}

void check_target(const Node& node, const std::string& path, const Target& target, const Scenario& scenario,
                  const ComponentParts& parts, Problems& problems)
{
    if (target.metric == "cold_start" && !scenario.cold_start)
        problems.add(node, path, "nothing provides cold_start in this scenario", "add \"cold_start\": {} to it");
    if (!target.per.empty()) {
        const auto parameter = scenario.parameters.find(target.per);
        const auto value = parameter == scenario.parameters.end() ? std::nullopt : as_number(parameter->second);
        if (!value || *value <= 0)
            problems.add(node, path, fmt::format("'{}' is no parameter above zero to divide by", target.per),
                         fmt::format("add \"{}\" to the scenario's parameters", target.per));
    }
    if (target.of == scenario.name)
        problems.add(node, path, "compares the scenario with itself", "name another scenario, or baseline");
    else if (!target.of.empty() && target.of != "baseline" &&
             std::ranges::find(parts.names, target.of) == parts.names.end()) {
        std::vector<std::string_view> known(parts.names.begin(), parts.names.end());
        known.push_back("baseline");
        problems.add(node, path, fmt::format("there is no scenario '{}' to compare with", target.of),
                     did_you_mean(target.of, known));
    }
}

void read_targets(const Node& list, const std::string& path, const ComponentParts& parts, bool of_component,
                  Scenario& scenario, Problems& problems)
{
    for (std::size_t i = 0; i < list.elements.size(); ++i) {
        const Node& node = list.elements[i];
        const std::string where = join(path, i);
        // Those of the component are told once, by the component.
        Problems unheard{""};
        Problems& told = of_component ? unheard : problems;
        if (!expect(node, where, Node::Kind::String, told))
            continue;
        const auto text = fill(node.text, scenario.parameters);
        auto target = text ? parse_target(*text, parts.component->metrics) : std::unexpected(text.error());
        if (!target) {
            told.add(node, where, target.error());
            continue;
        }
        // "under 3s" is about the start where there is nothing else.
        if (scenario.cold_start && target->metric == "latency" && node.text.find("latency") == std::string::npos)
            target->metric = "cold_start";
        if (std::ranges::find(scenario.targets, *target) != scenario.targets.end())
            told.add(node, where, "is there twice", "remove one of them");
        check_target(node, where, *target, scenario, parts, problems);
        scenario.targets.push_back(std::move(*target));
    }
}

// Those of a component are about its work under load.
bool takes_component_targets(const Scenario& scenario)
{
    return !scenario.cold_start && !scenario.memory_stress;
}

void read_command_of(const Fields& fields, const ComponentParts& parts, Scenario& scenario)
{
    std::optional<Command> own;
    fields.read("command", own);
    const Node* const node = fields.get("command") != nullptr ? fields.get("command") : parts.command_node;
    if (!own && fields.get("command") == nullptr)
        own = parts.command;
    if (node == nullptr) {
        fields.problems().add(fields.node(), fields.at("command"), "is missing",
                              "give the scenario or its component a command");
        return;
    }
    if (!own)
        return;
    scenario.command = *own;
    const bool inherited = fields.get("command") == nullptr;
    Problems& problems = fields.problems();
    check_placeholders(inherited ? fields.node() : *node, fields.at("command"), own->argv, scenario.parameters,
                       scenario.memory_stress.has_value(), problems);
}

void check_scenario(const Fields& fields, const Scenario& scenario)
{
    std::vector<std::string> values;
    for (const auto& [name, value] : scenario.environment)
        values.push_back(value);
    check_placeholders(fields.node(), fields.at("environment"), values, scenario.parameters,
                       scenario.memory_stress.has_value(), fields.problems());
    if (scenario.cold_start && !scenario.stages.empty())
        fields.problems().add(*fields.get("stages"), fields.at("stages"), "a cold start has no stages",
                              "make it a scenario of its own");
}

}  // namespace

Scenario read_scenario(const Node& node, const std::string& path, const Inherited& outer, const ComponentParts& parts,
                       const Profile& profile, Problems& problems)
{
    const Fields fields(node, path, kScenarioKeys, problems);
    Scenario scenario;
    if (!fields.valid())
        return scenario;
    read_name(fields, scenario.name);
    if (scenario.name == "baseline")
        problems.add(*fields.get("name"), fields.at("name"), "'baseline' is what targets call the first measurement",
                     "choose another name");
    fields.read("description", scenario.description);
    scenario.timing = outer.timing;
    read_timing(fields, profile, false, scenario.timing);
    scenario.environment = outer.environment;
    fields.read_parameters("environment", scenario.environment, false);
    scenario.parameters = outer.parameters;
    fields.read_parameters("parameters", scenario.parameters, true);
    for (const auto& [name, value] : profile.parameters)
        scenario.parameters[name] = value;
    scenario.stages = read_stages(fields, parts, scenario.parameters, profile);
    scenario.load = read_load(fields);
    multiply(fields, parts.load_parameters, scenario.load, scenario.parameters);
    scenario.inside = parts.inside.value_or(parts.component->cgroup.empty() && !parts.component->start);
    fields.read("inside", scenario.inside);
    scenario.cold_start = read_cold_start(fields, *parts.component, profile);
    if (fields.get("memory_stress") != nullptr) {
        scenario.memory_stress = 0.9;
        fields.read_share("memory_stress", *scenario.memory_stress, {0.01, 2});
    }
    read_command_of(fields, parts, scenario);
    if (parts.targets != nullptr && takes_component_targets(scenario))
        read_targets(*parts.targets, parts.targets_path, parts, true, scenario, problems);
    if (const Node* const list = fields.get("targets", Node::Kind::Array))
        read_targets(*list, fields.at("targets"), parts, false, scenario, problems);
    check_scenario(fields, scenario);
    return scenario;
}

}  // namespace flyball::calibrate::detail
