// SPDX-License-Identifier: Apache-2.0
// The command under load, with places in it for what changes from request to request or from level to level. Pure.
#pragma once

#include "flyball/base/result.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flyball::load {

using Values = std::map<std::string, std::string>;

// {NAME} of each NAME that has a value; all else stays, other braces too.
[[nodiscard]] std::string expand(std::string_view text, const Values& values);

struct Command {
    std::vector<std::string> words;
    std::vector<std::pair<std::string, std::string>> environment;  // NAME, VALUE; placeholders in the value

    [[nodiscard]] bool uses(std::string_view placeholder) const;
    [[nodiscard]] std::vector<std::string> words_for(const Values& values) const;
    // "NAME=VALUE": that of this process, with ours in place of what has the same name.
    [[nodiscard]] std::vector<std::string> environment_for(const Values& values, const char* const* inherited) const;
};

// "NAME=VALUE". Usage: no name, or one with other characters than letters, digits and _.
[[nodiscard]] Result<std::pair<std::string, std::string>> parse_assignment(std::string_view text);

}  // namespace flyball::load
