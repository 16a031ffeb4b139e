// SPDX-License-Identifier: Apache-2.0
#include "flyball/load/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace flyball::load {

std::string expand(std::string_view text, const Values& values)
{
    std::string out;
    while (!text.empty()) {
        const std::size_t open = text.find('{');
        out += text.substr(0, open);
        if (open == std::string_view::npos)
            return out;
        text.remove_prefix(open);
        const std::size_t close = text.find('}');
        const auto value =
            close == std::string_view::npos ? values.end() : values.find(std::string(text.substr(1, close - 1)));
        out += value == values.end() ? "{" : value->second;
        text.remove_prefix(value == values.end() ? 1 : close + 1);
    }
    return out;
}

bool Command::uses(std::string_view placeholder) const
{
    const std::string wanted = fmt::format("{{{}}}", placeholder);
    const auto has = [&](const std::string& text) { return text.find(wanted) != std::string::npos; };
    return std::ranges::any_of(words, has) ||
           std::ranges::any_of(environment, [&](const auto& variable) { return has(variable.second); });
}

std::vector<std::string> Command::words_for(const Values& values) const
{
    std::vector<std::string> expanded;
    for (const std::string& word : words)
        expanded.push_back(expand(word, values));
    return expanded;
}

std::vector<std::string> Command::environment_for(const Values& values, const char* const* inherited) const
{
    std::vector<std::string> all;
    for (; inherited != nullptr && *inherited != nullptr; ++inherited) {
        const std::string_view variable = *inherited;
        const std::string_view name = variable.substr(0, variable.find('='));
        if (std::ranges::none_of(environment, [&](const auto& own) { return own.first == name; }))
            all.emplace_back(variable);
    }
    for (const auto& [name, value] : environment)
        all.push_back(fmt::format("{}={}", name, expand(value, values)));
    return all;
}

Result<std::pair<std::string, std::string>> parse_assignment(std::string_view text)
{
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const auto letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
    const bool named = !name.empty() && std::ranges::all_of(name, letter) &&
                       std::isdigit(static_cast<unsigned char>(name.front())) == 0;
    if (equals == std::string_view::npos || !named)
        return fail(ErrorKind::Usage, fmt::format("'{}' is no NAME=VALUE", text),
                    "a name has letters, digits and _, and begins with no digit");
    return std::pair{std::string(name), std::string(text.substr(equals + 1))};
}

}  // namespace flyball::load
