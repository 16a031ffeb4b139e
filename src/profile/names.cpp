// SPDX-License-Identifier: Apache-2.0
#include "names.hpp"

#include "final_counters.hpp"
#include "measures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

namespace flyball::profile {
namespace {

constexpr std::array<const char*, kControllers> kControllerNames{"cpu", "memory", "io", "pids"};

// The record's path; empty when it has none. A path that filled its field was cut: its id makes
// it unique again, since two long paths may share all that was kept.
std::string path_of(const fb_cgroup& record)
{
    const std::size_t room = std::min<std::size_t>(record.path_len, sizeof record.path);
    std::string path(record.path, strnlen(record.path, room));
    if (path.empty())
        return path;
    if (path.front() != '/')
        path.insert(path.begin(), '/');
    if (record.path_len >= sizeof record.path) {
        path += fmt::format("...?{}:{}", record.hierarchy, static_cast<std::uint64_t>(record.hdr.cgroup_id));
    }
    return path;
}

}  // namespace

Names::Names(const std::map<std::string, int>& hierarchies, std::span<const KnownCgroup> known)
{
    none_ = &make_entity("(none)");
    none_->existed = none_->alive = 1;
    for (std::size_t i = 0; i < kControllers; ++i) {
        const auto found = hierarchies.find(kControllerNames[i]);
        controllers_[i] = &hierarchy(found == hierarchies.end() ? 0 : found->second);
    }
    for (const KnownCgroup& cgroup : known) {
        const auto tracked = hierarchies_.find(cgroup.hierarchy);
        if (tracked == hierarchies_.end() || cgroup.id == 0 || cgroup.path.empty())
            continue;
        const std::string path = cgroup.path.front() == '/' ? cgroup.path : "/" + cgroup.path;
        give_name(tracked->second, node(tracked->second, cgroup.id, path), path);
    }
}

Entity& Names::make_entity(std::string path)
{
    all_.push_back(std::make_unique<Entity>());
    all_.back()->profile.path = std::move(path);
    return *all_.back();
}

Entity& Names::entity_at(const std::string& path)
{
    const auto [slot, fresh] = by_path_.try_emplace(path, nullptr);
    if (fresh)
        slot->second = &make_entity(path);
    return *slot->second;
}

Names::Hierarchy& Names::hierarchy(int number)
{
    Hierarchy& result = hierarchies_[number];
    result.number = number;
    return result;
}

Names::Node& Names::node(Hierarchy& hierarchy, std::uint64_t id)
{
    const auto [slot, fresh] = hierarchy.nodes.try_emplace(id);
    Node& node = slot->second;
    if (fresh) {
        node.id = id;
        node.entity = &make_entity(fmt::format("?{}:{}", hierarchy.number, id));
        node.entity->profile.ids[hierarchy.number] = id;
        node.entity->existed = node.entity->alive = 1;
    }
    return node;
}

Names::Node& Names::node(Hierarchy& hierarchy, std::uint64_t id, const std::string& path)
{
    const auto [slot, fresh] = hierarchy.nodes.try_emplace(id);
    Node& node = slot->second;
    if (fresh) {
        node.id = id;
        node.named = true;
        node.entity = &entity_at(path);
        node.entity->profile.ids[hierarchy.number] = id;
        ++node.entity->existed;
        ++node.entity->alive;
    }
    return node;
}

// The first name of an id that may have had events before.
void Names::give_name(const Hierarchy& hierarchy, Node& node, const std::string& path)
{
    if (node.named)
        return;
    node.named = true;
    Entity& nameless = *node.entity;
    Entity& target = entity_at(path);
    target.existed += nameless.existed;
    target.alive += nameless.alive;
    target.profile.ids[hierarchy.number] = node.id;
    merge_measures(target, nameless);
    if (!target.ended)
        target.ended = nameless.ended;
    nameless = Entity{};  // hand its memory back; only the forwarding address is left
    nameless.merged_into = &target;
    node.entity = &target;
}

void Names::move(const Hierarchy& hierarchy, Node& node, Entity& to)
{
    if (node.entity == &to)
        return;
    if (node.alive) {
        --node.entity->alive;
        ++to.alive;
    }
    to.profile.ids[hierarchy.number] = node.id;
    node.entity = &to;
    node.began_inside = true;
}

// From here on its events, and those of all below it, go to the new path.
void Names::rename(Hierarchy& hierarchy, Node& node, const std::string& path)
{
    if (!node.named)
        return give_name(hierarchy, node, path);
    const std::string old_prefix = node.entity->profile.path + "/";
    move(hierarchy, node, entity_at(path));
    for (auto& [id, child] : hierarchy.nodes) {
        if (!child.named || !child.alive || !child.entity->profile.path.starts_with(old_prefix))
            continue;
        move(hierarchy, child, entity_at(path + "/" + child.entity->profile.path.substr(old_prefix.size())));
    }
}

void Names::mark_created(const Hierarchy& hierarchy, Node& node)
{
    if (!node.began_inside) {
        ++resolve(node.entity)->created[hierarchy.number];
        node.began_inside = true;
        --node.entity->existed;
    }
    if (!node.announced) {
        node.announced = true;
        created_.push_back(&node);
    }
}

void Names::mark_removed(const Hierarchy& hierarchy, Node& node, std::uint64_t at_ns)
{
    if (!node.alive)
        return;
    ++resolve(node.entity)->removed[hierarchy.number];
    node.alive = false;
    node.removed_ns = at_ns;
    --node.entity->alive;
}

void Names::apply(const fb_cgroup& record)
{
    // A hierarchy that has none of our controllers (name=systemd, freezer) has nothing to say.
    const auto tracked = hierarchies_.find(record.hierarchy);
    if (tracked == hierarchies_.end() || record.hdr.cgroup_id == 0)
        return;
    Hierarchy& hierarchy = tracked->second;
    const std::string path = path_of(record);
    Node& node =
        path.empty() ? this->node(hierarchy, record.hdr.cgroup_id) : this->node(hierarchy, record.hdr.cgroup_id, path);

    if (!path.empty()) {
        if (record.op == FB_CG_RENAME) {
            rename(hierarchy, node, path);
        } else {
            give_name(hierarchy, node, path);
        }
    }
    switch (record.op) {
    case FB_CG_MKDIR:
        mark_created(hierarchy, node);
        break;
    case FB_CG_RMDIR:
        if (node.alive)
            add_final_counters(*node.entity, record);
        mark_removed(hierarchy, node, record.hdr.ts_ns);
        break;
    case FB_CG_RELEASE:
        mark_removed(hierarchy, node, record.hdr.ts_ns);
        break;
    default:
        break;
    }
}

std::vector<std::string> Names::take_created()
{
    std::set<std::string> paths;  // one a path, however many hierarchies made it
    for (const Node* node : created_) {
        if (node->alive && node->named)
            paths.insert(node->entity->profile.path);
    }
    created_.clear();
    return {paths.begin(), paths.end()};
}

std::vector<Entity*> Names::entities() const
{
    std::vector<Entity*> result;
    for (const auto& entity : all_) {
        if (entity->merged_into == nullptr)
            result.push_back(entity.get());
    }
    return result;
}

void Names::forget_removed(std::uint64_t before_ns, const std::set<const Entity*>& held)
{
    created_.clear();
    std::set<const Entity*> kept{none_};
    const auto keep = [&](const Entity* entity) {
        for (; entity != nullptr; entity = entity->merged_into)
            kept.insert(entity);
    };
    for (const Entity* entity : held)
        keep(entity);
    for (auto& [number, hierarchy] : hierarchies_) {
        std::erase_if(hierarchy.nodes,
                      [&](const auto& entry) { return !entry.second.alive && entry.second.removed_ns < before_ns; });
        hierarchy.last = nullptr;
        for (const auto& [id, node] : hierarchy.nodes)
            keep(node.entity);
    }
    std::erase_if(by_path_, [&](const auto& entry) { return !kept.contains(resolve(entry.second)); });
    std::erase_if(all_, [&](const std::unique_ptr<Entity>& entity) {
        return !kept.contains(entity.get()) && !kept.contains(resolve(entity.get()));
    });
}

Entity* Names::find(const std::string& path) const
{
    const auto found = by_path_.find(path);
    return found == by_path_.end() ? nullptr : resolve(found->second);
}

std::uint64_t Names::id_of(Controller controller, const Entity& entity) const
{
    const auto found = entity.profile.ids.find(controllers_[static_cast<std::size_t>(controller)]->number);
    return found == entity.profile.ids.end() ? 0 : found->second;
}

std::map<int, std::map<std::uint64_t, std::string>> Names::paths() const
{
    std::map<int, std::map<std::uint64_t, std::string>> result;
    for (const auto& [number, hierarchy] : hierarchies_) {
        for (const auto& [id, node] : hierarchy.nodes)
            result[number][id] = resolve(node.entity)->profile.path;
    }
    return result;
}

std::optional<bool> Names::inside(const Entity& entity, const Entity& ancestor)
{
    const std::string& path = entity.profile.path;
    const std::string& above = ancestor.profile.path;
    if (&entity == &ancestor)
        return true;
    if (!path.starts_with('/') || !above.starts_with('/'))
        return std::nullopt;
    return above == "/" || (path.starts_with(above) && path[above.size()] == '/');
}

}  // namespace flyball::profile
