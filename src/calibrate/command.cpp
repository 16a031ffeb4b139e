// SPDX-License-Identifier: Apache-2.0
#include "flyball/calibrate/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace flyball::calibrate {
namespace {

// A name in braces at this place of a text.
struct Found {
    std::string_view name;
    bool quoted = false;     // by double braces
    std::size_t length = 0;  // of the whole
};

std::optional<Found> at(std::string_view text, std::size_t offset)
{
    if (text[offset] != '{')
        return std::nullopt;
    const bool quoted = text.substr(offset).starts_with("{{");
    const std::string_view rest = text.substr(offset + (quoted ? 2 : 1));
    const auto close = rest.find('}');
    if (close == std::string_view::npos || !is_placeholder_name(rest.substr(0, close)))
        return std::nullopt;
    if (quoted)
        return rest.substr(close).starts_with("}}") ? std::optional(Found{rest.substr(0, close), true, close + 4})
                                                    : std::nullopt;
    // The shell's variable.
    if (offset > 0 && text[offset - 1] == '$')
        return std::nullopt;
    return Found{rest.substr(0, close), false, close + 2};
}

}  // namespace

bool is_placeholder_name(std::string_view name)
{
    const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    return !name.empty() && name.front() >= 'a' && name.front() <= 'z' && std::ranges::all_of(name, allowed);
}

std::vector<std::string> placeholders(std::string_view text)
{
    std::vector<std::string> names;
    for (std::size_t i = 0; i < text.size();) {
        const auto found = at(text, i);
        if (found && !found->quoted)
            names.emplace_back(found->name);
        i += found ? found->length : 1;
    }
    return names;
}

Result<std::string> fill(std::string_view text, const Parameters& values)
{
    std::string filled;
    for (std::size_t i = 0; i < text.size();) {
        const auto found = at(text, i);
        if (!found) {
            filled.push_back(text[i++]);
            continue;
        }
        i += found->length;
        if (found->quoted) {
            filled.append("{").append(found->name).append("}");
            continue;
        }
        const auto value = values.find(std::string(found->name));
        if (value == values.end())
            return fail(ErrorKind::Usage, fmt::format("{{{}}} has no value", found->name),
                        "give it under parameters, or write it with two braces where it is meant as it is");
        filled.append(value->second);
    }
    return filled;
}

Result<std::vector<std::string>> fill(const Command& command, const Parameters& values)
{
    std::vector<std::string> argv;
    for (const std::string& word : command.argv) {
        auto filled = fill(word, values);
        if (!filled)
            return std::unexpected(filled.error());
        argv.push_back(std::move(*filled));
    }
    return argv;
}

}  // namespace flyball::calibrate
