// SPDX-License-Identifier: Apache-2.0
#include "hierarchy.hpp"

#include <string>
#include <string_view>

namespace flyball::ledger {

Hierarchy::Hierarchy(int number, std::span<const profile::KnownCgroup> known) : number_(number)
{
    std::unordered_map<std::string_view, std::uint64_t> ids;
    for (const profile::KnownCgroup& cgroup : known) {
        if (cgroup.hierarchy == number)
            ids[cgroup.path] = cgroup.id;
    }
    for (const auto& [path, id] : ids) {
        const std::size_t slash = path.rfind('/');
        if (path == "/" || slash == std::string_view::npos)
            continue;
        const auto parent = ids.find(slash == 0 ? std::string_view("/") : path.substr(0, slash));
        if (parent != ids.end())
            add(id, parent->second);
    }
}

void Hierarchy::on_cgroup(const fb_cgroup& record)
{
    if (record.hierarchy == number_ && (record.op == FB_CG_MKDIR || record.op == FB_CG_RENAME))
        add(record.hdr.cgroup_id, record.parent_id);
}

bool Hierarchy::inside(std::uint64_t id, std::uint64_t ancestor) const
{
    bool found = false;
    upwards(id, [&](std::uint64_t at) { return !(found = at == ancestor); });
    return found;
}

}  // namespace flyball::ledger
