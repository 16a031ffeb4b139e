// SPDX-License-Identifier: Apache-2.0
#include "tune_commands.hpp"

#include "cells.hpp"
#include "flyball/base/strings.hpp"
#include "tune_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

namespace flyball::report {
namespace {

using tune::Proposal;
using tune::Value;

// Names of cgroups are bytes: those that are no text are told by their numbers.
bool printable(std::string_view word)
{
    return harmless(word) == word;
}

}  // namespace

bool settable(const Proposal& proposal)
{
    return (proposal.answer == tune::Answer::Limit || proposal.answer == tune::Answer::NoLimit) &&
           !proposal.values.empty();
}

std::string shell_word(std::string_view word)
{
    constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos)
        return std::string(word);
    const bool plain = printable(word);
    std::string quoted = plain ? "'" : "$'";
    for (const char c : word) {
        const auto byte = static_cast<unsigned char>(c);
        if (plain)
            quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
        else if (byte < 0x20 || byte >= 0x7f || c == '\'' || c == '\\')
            quoted += fmt::format("\\x{:02x}", byte);
        else
            quoted += c;
    }
    return quoted + "'";
}

CommandLines echo_commands(std::span<const Proposal> proposals, std::string_view cgroup_root)
{
    CommandLines lines;
    for (const Proposal& proposal : proposals) {
        if (!settable(proposal))
            continue;
        if (lines.empty())
            lines.push_back("cgroup=" + shell_word(std::string(cgroup_root) + proposal.cgroup));
        for (const tune::Write& write : tune::writes_of(proposal))
            lines.push_back(fmt::format("echo {} > \"$cgroup\"/{}", harmless(write.text), harmless(write.file)));
    }
    if (lines.size() == 1)
        lines.clear();
    return lines;
}

}  // namespace flyball::report
