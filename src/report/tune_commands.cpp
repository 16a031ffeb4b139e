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

constexpr std::string_view kBurst = "cpu.max.burst";

// To compare two texts of one file.
std::optional<double> size_of(std::string_view file, std::string_view text)
{
    if (unlimited(text))
        return std::numeric_limits<double>::infinity();
    if (file == "cpu.max") {
        const auto quota = quota_of(text);
        return quota ? std::optional(quota->cpus()) : std::nullopt;
    }
    const auto number = parse_u64(trim(without_default(text)));
    return number ? std::optional(static_cast<double>(*number)) : std::nullopt;
}

bool raised(const Value& value)
{
    const auto before = size_of(value.file, value.before), now = size_of(value.file, value.text);
    return before && now && *now > *before;
}

bool changes(const Value& value)
{
    return trim(value.text) != trim(value.before) && without_default(value.text) != without_default(value.before);
}

const Value* find(const Proposal& proposal, std::string_view file)
{
    const auto found = std::ranges::find(proposal.values, file, &Value::file);
    return found == proposal.values.end() ? nullptr : &*found;
}

std::vector<Write> cpu_writes(const Proposal& proposal, const Value& burst)
{
    std::vector<Write> writes;
    bool quota_changes = false;
    for (const Value& value : proposal.values) {
        if (value.file != kBurst && changes(value)) {
            writes.push_back({value.file, value.text});
            quota_changes = true;
        }
    }
    const bool none_before = trim(burst.before) == "0", none_now = trim(burst.text) == "0";
    if (quota_changes && !none_before)
        writes.insert(writes.begin(), {burst.file, "0"});
    if ((quota_changes && !none_now) || (!quota_changes && changes(burst)))
        writes.push_back({burst.file, burst.text});
    return writes;
}

// Names of cgroups are bytes: those that are no text are told by their numbers.
bool printable(std::string_view word)
{
    return harmless(word) == word;
}

}  // namespace

std::vector<Write> writes_of(const Proposal& proposal)
{
    if (const Value* const burst = find(proposal, kBurst))
        return cpu_writes(proposal, *burst);
    std::vector<Write> up, down;
    for (const Value& value : proposal.values) {
        if (changes(value))
            (raised(value) ? up : down).push_back({value.file, value.text});
    }
    std::ranges::reverse(up);
    std::ranges::move(down, std::back_inserter(up));
    return up;
}

bool lowered(const Value& value)
{
    const auto before = size_of(value.file, value.before), now = size_of(value.file, value.text);
    return before && now && *now < *before;
}

bool settable(const Proposal& proposal)
{
    return (proposal.answer == tune::Answer::Limit || proposal.answer == tune::Answer::NoLimit) && !proposal.values.empty();
}

std::string shell_word(std::string_view word)
{
    constexpr std::string_view kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";
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
        for (const Write& write : writes_of(proposal))
            lines.push_back(fmt::format("echo {} > \"$cgroup\"/{}", harmless(write.text), harmless(write.file)));
    }
    if (lines.size() == 1)
        lines.clear();
    return lines;
}

}  // namespace flyball::report
