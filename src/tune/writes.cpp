// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/writes.hpp"

#include "flyball/base/strings.hpp"
#include "flyball/cgroup/limits.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <string_view>

namespace flyball::tune {
namespace {

constexpr std::string_view kBurst = "cpu.max.burst";

// "default 100", as io.weight says it, is 100.
std::string_view plain(std::string_view text)
{
    constexpr std::string_view kDefault = "default ";
    text = trim(text);
    return text.starts_with(kDefault) ? trim(text.substr(kDefault.size())) : text;
}

// To compare two texts of one file.
std::optional<double> size_of(std::string_view file, std::string_view text)
{
    if (text.starts_with("max"))
        return std::numeric_limits<double>::infinity();
    if (file == "cpu.max") {
        const auto limit = cgroup::parse_cpu_max(text);
        return limit ? std::optional(static_cast<double>(limit->quota_us) / static_cast<double>(limit->period_us))
                     : std::nullopt;
    }
    const auto number = parse_u64(trim(plain(text)));
    return number ? std::optional(static_cast<double>(*number)) : std::nullopt;
}

bool raised(const Value& value)
{
    const auto before = size_of(value.file, value.before), now = size_of(value.file, value.text);
    return before && now && *now > *before;
}

bool changes(const Value& value)
{
    return trim(value.text) != trim(value.before) && plain(value.text) != plain(value.before);
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

}  // namespace flyball::tune
