// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <set>

namespace flyball::calibrate::detail {
namespace {

constexpr std::array<std::string_view, 4> kResources{"memory", "cpu", "pids", "io"};
constexpr std::array<std::string_view, 8> kTuningKeys{"step_down", "step_up",     "convergence", "max_iterations",
                                                      "floor",     "performance", "confidence",  "experiments"};
constexpr std::array<std::string_view, 9> kProfileKeys{
    "description", "duration", "warmup", "iterations", "samples", "parameters", "components", "scenarios", "tuning"};

template <class T>
void hold(T& value, const std::optional<T>& profile, bool own, bool outermost)
{
    if (profile)
        value = own && !outermost ? std::min(value, *profile) : *profile;
}

std::optional<std::uint64_t> optional_duration(const Fields& fields, std::string_view key, bool zero)
{
    std::uint64_t ns = 0;
    fields.read_duration(key, ns, zero);
    return fields.get(key) != nullptr ? std::optional(ns) : std::nullopt;
}

std::optional<std::uint32_t> optional_count(const Fields& fields, std::string_view key, Range range)
{
    std::uint32_t count = 1;
    fields.read(key, count, range);
    return fields.get(key) != nullptr ? std::optional(count) : std::nullopt;
}

Profile read_profile(const Member& member, const std::string& path, Problems& problems)
{
    const Fields fields(member.value, path, kProfileKeys, problems);
    Profile profile;
    profile.name = member.key;
    std::string description;
    fields.read("description", description);
    profile.duration_ns = optional_duration(fields, "duration", false);
    profile.warmup_ns = optional_duration(fields, "warmup", true);
    profile.iterations = optional_count(fields, "iterations", kIterations);
    profile.samples = optional_count(fields, "samples", {1, 1e6});
    fields.read_parameters("parameters", profile.parameters, true);
    profile.components = fields.read_texts("components");
    profile.scenarios = fields.read_texts("scenarios");
    Tuning unused;
    read_tuning(fields, unused);
    profile.tuning = fields.get("tuning");
    return profile;
}

void check_references(const Fields& top, const Member& profile, std::string_view key,
                      const std::vector<std::string>& known)
{
    const Node* const list = profile.value.find(key);
    if (list == nullptr)
        return;
    const std::vector<std::string_view> names(known.begin(), known.end());
    for (std::size_t i = 0; i < list->elements.size(); ++i) {
        const Node& element = list->elements[i];
        const std::string path = join(join(join(top.at("profiles"), profile.key), key), i);
        if (element.is(Node::Kind::String) && std::ranges::find(known, element.text) == known.end())
            top.problems().add(element, path, fmt::format("there is no '{}' among the {}", element.text, key),
                               did_you_mean(element.text, names));
    }
}

}  // namespace

void read_timing(const Fields& fields, const Profile& profile, bool outermost, Timing& timing)
{
    fields.read_duration("duration", timing.duration_ns, false);
    fields.read_duration("warmup", timing.warmup_ns, true);
    fields.read("iterations", timing.iterations, kIterations);
    hold(timing.duration_ns, profile.duration_ns, fields.get("duration") != nullptr, outermost);
    hold(timing.warmup_ns, profile.warmup_ns, fields.get("warmup") != nullptr, outermost);
    hold(timing.iterations, profile.iterations, fields.get("iterations") != nullptr, outermost);
}

void read_tuning_object(const Node& node, const std::string& path, Tuning& tuning, Problems& problems)
{
    const Fields fields(node, path, kTuningKeys, problems);
    fields.read_share("step_down", tuning.step_down, {0.001, 1.0});
    fields.read_share("step_up", tuning.step_up, kStepRange);
    fields.read_share("convergence", tuning.convergence, {0.001, 0.5});
    fields.read("max_iterations", tuning.max_iterations, kIterations);
    fields.read_share("floor", tuning.floor, {0.01, 1});
    fields.read("performance", tuning.performance);
    fields.read_share("confidence", tuning.confidence, {0.5, 0.9999});
    fields.read("experiments", tuning.experiments);
    if (tuning.convergence > tuning.step_down)
        problems.add(
            node, path,
            fmt::format("a step down of {:g}% is below the convergence of {:g}%: no step would change anything",
                        tuning.step_down * 100, tuning.convergence * 100),
            "give a convergence of at most the step");
}

void read_tuning(const Fields& fields, Tuning& tuning)
{
    if (const Node* const node = fields.get("tuning"))
        read_tuning_object(*node, fields.at("tuning"), tuning, fields.problems());
}

std::optional<std::vector<tune::Resource>> read_tune(const Fields& fields)
{
    constexpr std::array kValues{tune::Resource::Memory, tune::Resource::Cpu, tune::Resource::Pids, tune::Resource::Io};
    const Node* const list = fields.get("tune");
    if (list == nullptr)
        return std::nullopt;
    std::vector<tune::Resource> resources;
    const std::vector<std::string> texts = fields.read_texts("tune");
    for (std::size_t i = 0; i < texts.size() && i < list->elements.size(); ++i) {
        const auto* const found = std::ranges::find(kResources, texts[i]);
        if (found != kResources.end())
            resources.push_back(kValues[static_cast<std::size_t>(found - kResources.begin())]);
        else
            (void)expect_one_of(list->elements[i], join(fields.at("tune"), i), texts[i], kResources, fields.problems());
    }
    return resources;
}

Profile read_profiles(const Fields& top, std::string_view wanted, std::vector<std::string>& names)
{
    Profile chosen;
    const Node* const all = top.get("profiles", Node::Kind::Object);
    std::vector<std::string_view> known;
    if (all != nullptr) {
        for (const Member& member : all->members) {
            if (std::ranges::find(known, member.key) != known.end())
                top.problems().add(member.begin, join(top.at("profiles"), member.key), "is there twice",
                                   "remove one of them");
            known.push_back(member.key);
            names.push_back(member.key);
            Profile profile = read_profile(member, join(top.at("profiles"), member.key), top.problems());
            if (member.key == wanted)
                chosen = std::move(profile);
        }
    }
    if (!wanted.empty() && std::ranges::find(known, wanted) == known.end())
        top.problems().add(
            all == nullptr ? top.node() : *all, top.at("profiles"), fmt::format("there is no profile '{}'", wanted),
            known.empty() ? fmt::format("add \"profiles\": {{\"{}\": {{\"duration\": \"10s\"}}}}", wanted)
                          : did_you_mean(wanted, known));
    return chosen;
}

void check_profiles(const Fields& top, const std::vector<std::string>& components,
                    const std::vector<std::string>& scenarios)
{
    const Node* const all = top.get("profiles");
    if (all == nullptr)
        return;
    for (const Member& profile : all->members) {
        check_references(top, profile, "components", components);
        check_references(top, profile, "scenarios", scenarios);
    }
}

void read_name(const Fields& fields, std::string& name)
{
    fields.require("name", "give it a name of letters, digits and _-.");
    fields.read("name", name);
    const Node* const node = fields.get("name");
    const auto allowed = [](unsigned char c) {
        return (c < 0x80 && std::isalnum(c) != 0) || c == '_' || c == '-' || c == '.';
    };
    const bool good = !name.empty() && name.size() <= 64 && name.front() != '.' && name.front() != '-' &&
                      std::ranges::all_of(name, allowed);
    if (node != nullptr && node->is(Node::Kind::String) && !good)
        fields.problems().add(*node, fields.at("name"), fmt::format("'{}' is no name for files and cgroups", name),
                              "use up to 64 letters, digits and _-., a letter or digit first");
}

std::optional<double> as_number(const std::string& text)
{
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end || !std::isfinite(value))
        return std::nullopt;
    return value;
}

std::optional<std::string> multiplied(const std::string& number, double load)
{
    const auto value = as_number(number);
    if (!value)
        return std::nullopt;
    const double product = *value * load;
    if (product == std::floor(product) && std::abs(product) < 1e15)
        return fmt::format("{:.0f}", product);
    return fmt::format("{:.6g}", product);
}

void check_placeholders(const Node& node, const std::string& path, const std::vector<std::string>& texts,
                        const Parameters& parameters, bool stress, Problems& problems)
{
    std::set<std::string> told;
    for (const std::string& text : texts) {
        for (const std::string& name : placeholders(text)) {
            const bool needs_stress = name.starts_with("stress_");
            const bool runtime = std::ranges::find(kRuntimeValues, name) != kRuntimeValues.end();
            if ((runtime && (!needs_stress || stress)) || parameters.contains(name) || !told.insert(name).second)
                continue;
            if (runtime) {
                problems.add(node, path, fmt::format("{{{}}} is known with memory_stress only", name),
                             "add \"memory_stress\": \"90%\" to the scenario");
                continue;
            }
            std::vector<std::string_view> known(kRuntimeValues.begin(), kRuntimeValues.end());
            for (const auto& [key, value] : parameters)
                known.push_back(key);
            problems.add(node, path, fmt::format("{{{}}} has no value", name),
                         fmt::format("add \"{}\" to parameters, or write {{{{{}}}}} where it is meant as it is; {}",
                                     name, name, did_you_mean(name, known)));
        }
    }
}

}  // namespace flyball::calibrate::detail
