// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/subtree_ids.hpp"

#include "flyball/abi/events.h"

#include <cstring>

namespace flyball::tune {
namespace {

bool at_or_below(std::string_view path, std::string_view top)
{
    if (top == "/")
        return true;
    return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
}

constexpr int kNowhere = -1;

}  // namespace

SubtreeIds::SubtreeIds(const cgroup::Layout& layout, std::span<const profile::KnownCgroup> known, std::string_view path)
    : hierarchy_of_(layout.hierarchy_of.begin(), layout.hierarchy_of.end())
{
    for (const profile::KnownCgroup& node : known) {
        if (at_or_below(node.path, path))
            ids_[node.hierarchy].insert(node.id);
        if (node.path == path)
            roots_[node.hierarchy] = node.id;
    }
}

void SubtreeIds::on_control(std::span<const std::byte> bytes)
{
    fb_cgroup record{};
    if (bytes.size() < sizeof record)
        return;
    std::memcpy(&record, bytes.data(), sizeof record);
    if (record.hdr.type != FB_EV_CGROUP || record.op != FB_CG_MKDIR)
        return;
    const auto ids = ids_.find(record.hierarchy);
    if (ids != ids_.end() && ids->second.contains(record.parent_id))
        ids->second.insert(record.hdr.cgroup_id);
}

int SubtreeIds::hierarchy(std::string_view controller) const
{
    const auto found = hierarchy_of_.find(controller);
    return found == hierarchy_of_.end() ? kNowhere : found->second;
}

const std::unordered_set<std::uint64_t>& SubtreeIds::of(std::string_view controller) const
{
    static const std::unordered_set<std::uint64_t> kNone;
    const auto found = ids_.find(hierarchy(controller));
    return found == ids_.end() ? kNone : found->second;
}

std::uint64_t SubtreeIds::root(std::string_view controller) const
{
    const auto found = roots_.find(hierarchy(controller));
    return found == roots_.end() ? 0 : found->second;
}

}  // namespace flyball::tune
