// SPDX-License-Identifier: Apache-2.0
// What a level of the file hands down to the next, and the profile that was asked for.
#pragma once

#include "fields.hpp"
#include "flyball/calibrate/spec.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::calibrate::detail {

inline constexpr Range kStepRange{0.001, 1};
inline constexpr Range kIterations{1, 1000};

struct Profile {
    std::string name;
    std::optional<std::uint64_t> duration_ns, warmup_ns;
    std::optional<std::uint32_t> iterations, samples;
    Parameters parameters;
    std::vector<std::string> components, scenarios;  // empty: all
    const Node* tuning = nullptr;
};

struct Inherited {
    Timing timing;
    Tuning tuning;
    std::optional<std::vector<tune::Resource>> tune;
    Parameters parameters;
    Environment environment;
    std::uint64_t cpu_period_us = 100'000;
};

// Reads "duration", "warmup" and "iterations", then holds them to the profile.
void read_timing(const Fields& fields, const Profile& profile, bool outermost, Timing& timing);
void read_tuning(const Fields& fields, Tuning& tuning);
void read_tuning_object(const Node& node, const std::string& path, Tuning& tuning, Problems& problems);
[[nodiscard]] std::optional<std::vector<tune::Resource>> read_tune(const Fields& fields);

// All profiles of the file; the one asked for is returned, an empty one where none was. That it is missing is a
// problem.
[[nodiscard]] Profile read_profiles(const Fields& top, std::string_view wanted, std::vector<std::string>& names);
// The components and scenarios that profiles name must exist.
void check_profiles(const Fields& top, const std::vector<std::string>& components,
                    const std::vector<std::string>& scenarios);

// Letters, digits and "_-.": names become file names and cgroups.
void read_name(const Fields& fields, std::string& name);

[[nodiscard]] Component read_component(const Node& node, const std::string& path, const Inherited& outer,
                                       const Profile& profile, Problems& problems);

// What a scenario needs of its component.
struct ComponentParts {
    const Component* component;
    std::optional<Command> command;
    const Node* command_node = nullptr;
    std::optional<bool> inside;
    std::vector<std::string> load_parameters;
    const Node* targets = nullptr;  // list
    std::string targets_path;
    std::vector<std::string> names;  // of all scenarios
};
[[nodiscard]] Scenario read_scenario(const Node& node, const std::string& path, const Inherited& outer,
                                     const ComponentParts& parts, const Profile& profile, Problems& problems);

// Every placeholder of these texts has a parameter.
void check_placeholders(const Node& node, const std::string& path, const std::vector<std::string>& texts,
                        const Parameters& parameters, bool stress, Problems& problems);

// What is right by itself and wrong together.
void check_component(const Component& component, const Fields& fields);

// Parameters that are numbers times `load`.
[[nodiscard]] std::optional<std::string> multiplied(const std::string& number, double load);
[[nodiscard]] std::optional<double> as_number(const std::string& text);

}  // namespace flyball::calibrate::detail
