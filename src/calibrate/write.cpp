// SPDX-License-Identifier: Apache-2.0
#include "flyball/calibrate/write.hpp"

#include "flyball/base/units.hpp"
#include "flyball/calibrate/spec.hpp"
#include "flyball/cgroup/limits.hpp"
#include "limit_value.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace flyball::calibrate {
namespace {

using detail::LimitNode;
using detail::Node;

// Bytes from `begin` to `end` become `with`.
struct Edit {
    std::size_t begin, end;
    std::string with;
};

std::uint64_t period_of(const Node& object, std::uint64_t outer_us)
{
    const Node* const node = object.find("cpu_period");
    if (node == nullptr)
        return outer_us;
    if (node->is(Node::Kind::Number))
        return static_cast<std::uint64_t>(node->number * 1e6);
    return parse_duration(node->text).value_or(outer_us * 1000) / 1000;
}

// The blanks before a key, so that what is added stands as its neighbour does.
std::string_view blanks_before(std::string_view text, std::size_t key)
{
    const auto before = text.substr(0, key).find_last_not_of(" \t\r\n");
    const std::size_t from = before == std::string_view::npos ? 0 : before + 1;
    return text.substr(from, key - from);
}

// Before the first member, since a comment behind the last one belongs to that.
Edit added(std::string_view text, const Node& limits, const std::vector<std::string>& members)
{
    if (limits.members.empty())
        return {limits.begin + 1, limits.begin + 1, fmt::format("{}", fmt::join(members, ", "))};
    const std::size_t first = limits.members.front().begin;
    const std::string_view blanks = blanks_before(text, first);
    std::string with;
    for (const std::string& member : members)
        with.append(member).append(",").append(blanks.empty() ? " " : blanks);
    return {first, first, std::move(with)};
}

// Where limits are nested, a new one goes to its group, which P4.2's `.cpu.max` looks into.
const Node& group_of(const Node& limits, std::string& file)
{
    const auto dot = file.find('.');
    const Node* const group = limits.find(file.substr(0, dot));
    if (group == nullptr || !group->is(Node::Kind::Object))
        return limits;
    file.erase(0, dot + 1);
    return *group;
}

Result<std::vector<Edit>> edits_of(std::string_view text, const Node& component,
                                   const std::map<std::string, std::string>& values, std::uint64_t period_us)
{
    std::vector<Edit> edits;
    const Node& limits = *component.find("resource_limits");
    const auto found = detail::limit_nodes(limits, "").limits;
    period_us = period_of(component, period_us);
    std::map<const Node*, std::vector<std::string>> additions;
    for (const auto& [file, value] : values) {
        Node given;
        given.kind = Node::Kind::String;
        given.text = value;
        if (!detail::is_limit_file(file))
            return fail(ErrorKind::Usage, fmt::format("{} is no limit that a specification has", file));
        const auto canonical = detail::read_limit(file, given, cgroup::kDefaultCpuPeriodUs);
        if (!canonical)
            return std::unexpected(canonical.error());
        const auto old = std::ranges::find(found, file, &LimitNode::file);
        if (old == found.end()) {
            std::string key = file;
            const Node& group = group_of(limits, key);
            additions[&group].push_back(
                fmt::format("\"{}\": {}", key, detail::limit_token(file, *canonical, nullptr, period_us)));
        } else if (detail::read_limit(file, *old->value, period_us).value_or("") != *canonical) {
            edits.push_back(
                {old->value->begin, old->value->end, detail::limit_token(file, *canonical, old->value, period_us)});
        }
    }
    for (const auto& [group, members] : additions)
        edits.push_back(added(text, *group, members));
    return edits;
}

std::string apply(std::string_view text, std::vector<Edit> edits)
{
    // Those at one place stay in their order.
    std::ranges::stable_sort(edits, {}, &Edit::begin);
    std::string result;
    std::size_t at = 0;
    for (const Edit& edit : edits) {
        result.append(text.substr(at, edit.begin - at)).append(edit.with);
        at = edit.end;
    }
    return result.append(text.substr(at));
}

}  // namespace

Result<std::string> write_calibrated(std::string_view text, const CalibratedValues& values)
{
    if (const auto spec = parse_spec(text); !spec)
        return fail(ErrorKind::Usage, calibrate::text(spec.error().front(), "the specification"));
    const auto root = detail::read_document(text);
    const std::uint64_t period_us = period_of(*root, cgroup::kDefaultCpuPeriodUs);
    const auto& components = root->find("components")->elements;
    std::vector<Edit> edits;
    for (const auto& [name, limits] : values) {
        const auto named = [&name](const Node& node) { return node.find("name")->text == name; };
        const auto component = std::ranges::find_if(components, named);
        if (component == components.end())
            return fail(ErrorKind::Usage, fmt::format("the specification has no component '{}'", name));
        auto more = edits_of(text, *component, limits, period_us);
        if (!more)
            return std::unexpected(std::move(more.error()).context(name));
        edits.insert(edits.end(), more->begin(), more->end());
    }
    return apply(text, std::move(edits));
}

std::string calibrated_name(std::string_view path, std::string_view profile)
{
    constexpr std::string_view kSuffix = ".json";
    if (path.ends_with(kSuffix))
        path.remove_suffix(kSuffix.size());
    return fmt::format("{}{}{}.calibrated.json", path, profile.empty() ? "" : ".", profile);
}

}  // namespace flyball::calibrate
