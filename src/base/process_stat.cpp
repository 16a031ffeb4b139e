// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/process_stat.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"

#include <fmt/format.h>

namespace flyball {

std::optional<ProcessStat> parse_process_stat(std::string_view text)
{
    // The comm may hold anything, blanks and parentheses too: the last parenthesis ends it.
    const auto open = text.find('('), close = text.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open)
        return std::nullopt;
    const auto fields = split_blanks(trim(text.substr(close + 1)));
    // Counted from the field after the comm, which is the third.
    constexpr std::size_t kState = 3 - 3, kFlags = 9 - 3, kStart = 22 - 3;
    // The field after it shows that it was not cut.
    if (fields.size() <= kStart + 1 || fields[kState].size() != 1)
        return std::nullopt;
    const auto flags = parse_u64(fields[kFlags]), start = parse_u64(fields[kStart]);
    if (!flags || !start)
        return std::nullopt;
    return ProcessStat{std::string(text.substr(open + 1, close - open - 1)), fields[kState][0], *flags, *start};
}

std::optional<ProcessStat> process_stat(pid_t pid)
{
    const auto text = read_if_exists(fmt::format("/proc/{}/stat", pid));
    return text && *text ? parse_process_stat(**text) : std::nullopt;
}

}  // namespace flyball
