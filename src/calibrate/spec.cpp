// SPDX-License-Identifier: Apache-2.0
#include "flyball/calibrate/spec.hpp"

#include "flyball/cgroup/limits.hpp"
#include "settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace flyball::calibrate {
namespace {

using namespace detail;

constexpr std::array<std::string_view, 15> kTopKeys{"$schema", "version",    "name",       "description", "profiles",
                                                    "ignore",  "cpu_period", "duration",   "warmup",      "iterations",
                                                    "tuning",  "tune",       "parameters", "environment", "components"};

// Fields of other tools must be known before any object is read.
void read_ignored(const Node& root, Problems& problems)
{
    const Node* const list = root.find("ignore");
    if (list == nullptr)
        return;
    std::vector<std::string> keys;
    for (const Node& element : list->elements)
        keys.push_back(element.text);
    problems.ignore(std::move(keys));
}

Inherited read_defaults(const Fields& top, const Profile& profile)
{
    Inherited defaults;
    read_timing(top, profile, true, defaults.timing);
    read_tuning(top, defaults.tuning);
    defaults.tune = read_tune(top);
    top.read_parameters("parameters", defaults.parameters, true);
    top.read_parameters("environment", defaults.environment, false);
    std::uint64_t period_ns = defaults.cpu_period_us * 1000;
    top.read_duration("cpu_period", period_ns, false);
    if (period_ns < cgroup::kMinCpuPeriodUs * 1000 || period_ns > cgroup::kMaxCpuPeriodUs * 1000)
        top.problems().add(*top.get("cpu_period"), top.at("cpu_period"), "is outside the kernel's bounds",
                           "give 1ms to 1s");
    else
        defaults.cpu_period_us = period_ns / 1000;
    return defaults;
}

void read_components(const Fields& top, const Inherited& defaults, const Profile& profile, Spec& spec)
{
    top.require("components", "add \"components\": [...]");
    const Node* const list = top.get("components", Node::Kind::Array);
    if (list == nullptr)
        return;
    if (list->elements.empty())
        top.problems().add(*list, "components", "is empty", "add a component");
    for (std::size_t i = 0; i < list->elements.size(); ++i) {
        const std::string path = join("components", i);
        Component component = read_component(list->elements[i], path, defaults, profile, top.problems());
        if (!component.name.empty() &&
            std::ranges::find(spec.components, component.name, &Component::name) != spec.components.end())
            top.problems().add(*list->elements[i].find("name"), join(path, "name"),
                               fmt::format("there is another component '{}'", component.name), "choose another name");
        spec.components.push_back(std::move(component));
    }
}

void check_neighbours(const Fields& top, const std::vector<std::string>& names, const Spec& spec)
{
    const std::vector<std::string_view> known(names.begin(), names.end());
    for (std::size_t i = 0; i < spec.components.size(); ++i) {
        for (const std::string& neighbour : spec.components[i].neighbours) {
            const Node& node = *top.get("components")->elements[i].find("neighbours");
            const std::string path = join(join("components", i), "neighbours");
            if (neighbour == spec.components[i].name)
                top.problems().add(node, path, "names the component itself", "remove it");
            else if (std::ranges::find(names, neighbour) == names.end())
                top.problems().add(node, path, fmt::format("there is no component '{}'", neighbour),
                                   did_you_mean(neighbour, known));
        }
    }
}

void keep_only(Spec& spec, const Profile& profile)
{
    const auto unwanted = [](const std::vector<std::string>& wanted, const std::string& name) {
        return !wanted.empty() && std::ranges::find(wanted, name) == wanted.end();
    };
    std::erase_if(spec.components, [&](const Component& c) { return unwanted(profile.components, c.name); });
    for (Component& component : spec.components)
        std::erase_if(component.scenarios, [&](const Scenario& s) { return unwanted(profile.scenarios, s.name); });
    std::erase_if(spec.components, [](const Component& c) { return c.scenarios.empty(); });
}

void check_version(const Fields& top)
{
    const Node* const version = top.get("version", Node::Kind::Number);
    if (version != nullptr && version->number != 1)
        top.problems().add(*version, "version", fmt::format("{} is not known", version->text),
                           "write 1, or leave it out");
}

}  // namespace

std::expected<Spec, std::vector<Problem>> parse_spec(std::string_view text, std::string_view profile)
{
    const auto root = read_document(text);
    if (!root)
        return std::unexpected(std::vector{root.error()});
    Problems problems(text);
    read_ignored(*root, problems);
    const Fields top(*root, "", kTopKeys, problems);
    if (!top.valid())
        return std::unexpected(problems.take());
    Spec spec;
    spec.profile = profile;
    check_version(top);
    std::string schema;
    top.read("$schema", schema);
    (void)top.read_texts("ignore");
    read_name(top, spec.name);
    top.read("description", spec.description);
    const Profile chosen = read_profiles(top, profile, spec.profiles);
    read_components(top, read_defaults(top, chosen), chosen, spec);
    std::vector<std::string> components;
    std::set<std::string> scenarios;
    for (const Component& component : spec.components) {
        components.push_back(component.name);
        for (const Scenario& scenario : component.scenarios)
            scenarios.insert(scenario.name);
    }
    check_neighbours(top, components, spec);
    check_profiles(top, components, {scenarios.begin(), scenarios.end()});
    if (!problems.none())
        return std::unexpected(problems.take());
    keep_only(spec, chosen);
    return spec;
}

}  // namespace flyball::calibrate
