// SPDX-License-Identifier: Apache-2.0
// Commands with placeholders. Pure.
//
// "{workers}" is a placeholder; "{{workers}}" is the text "{workers}"; "${workers}" and any other brace stay as they
// are, so that shell and awk programs need no quoting.
#pragma once

#include "flyball/base/result.hpp"

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::calibrate {

// Values as texts; numbers as they are written.
using Parameters = std::map<std::string, std::string>;
using Environment = std::map<std::string, std::string>;

struct Command {
    // A single text in the file is run by a shell: {"/bin/sh", "-c", TEXT}.
    std::vector<std::string> argv;
    friend bool operator==(const Command&, const Command&) = default;
};

// What the engine knows when it starts a command; no parameter may have such a name. duration: seconds, warm-up
// included. cgroup: its directory. memory_max_bytes: the limit in force. stress_*: memory_stress of that.
inline constexpr std::array<std::string_view, 7> kRuntimeValues{
    "duration", "cgroup", "component", "scenario", "memory_max_bytes", "stress_bytes", "stress_mib"};

// The names in a text, in their order, each as often as it is there.
[[nodiscard]] std::vector<std::string> placeholders(std::string_view text);
[[nodiscard]] bool is_placeholder_name(std::string_view name);

// Usage: a placeholder without a value.
[[nodiscard]] Result<std::string> fill(std::string_view text, const Parameters& values);
[[nodiscard]] Result<std::vector<std::string>> fill(const Command& command, const Parameters& values);

}  // namespace flyball::calibrate
