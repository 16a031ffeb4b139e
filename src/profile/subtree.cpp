// SPDX-License-Identifier: Apache-2.0
#include "flyball/profile/subtree.hpp"

#include <algorithm>

namespace flyball::profile {
namespace {

void join(Histogram& into, const Histogram& from)
{
    into.merge(from);
}

void join(Count& into, const Count& from)
{
    into.count += from.count;
    into.sum += from.sum;
    into.max = std::max(into.max, from.max);
}

// Calls USE with PATH and each of its ancestors.
template <class Use>
void for_lineage(std::string_view path, Use use)
{
    use(path);
    if (path.starts_with('/')) {
        while (path.size() > 1) {
            path = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
            use(path);
        }
    } else if (in_subtree(path, "/")) {
        use(std::string_view("/"));
    }
}

template <class Value, class Get>
Value sum_below(const Snapshot& snapshot, std::string_view path, Get get)
{
    Value total;
    for (const CgroupProfile& cgroup : snapshot.cgroups) {
        if (in_subtree(cgroup.path, path))
            join(total, get(cgroup));
    }
    return total;
}

template <class Value, class Get>
std::map<std::string, Value> sum_all(const Snapshot& snapshot, Get get)
{
    std::map<std::string, Value> totals;
    for (const CgroupProfile& cgroup : snapshot.cgroups) {
        for_lineage(cgroup.path, [&](std::string_view path) { join(totals[std::string(path)], get(cgroup)); });
    }
    return totals;
}

}  // namespace

bool in_subtree(std::string_view path, std::string_view root)
{
    if (path == root)
        return true;
    if (root == "/")
        return path != "(none)";  // a nameless cgroup is still below the root
    return path.size() > root.size() && path.starts_with(root) && path[root.size()] == '/';
}

std::string_view parent_of(std::string_view path)
{
    if (path.size() < 2 || path.front() != '/')
        return {};
    const std::size_t slash = path.rfind('/');
    return slash == 0 ? path.substr(0, 1) : path.substr(0, slash);
}

Histogram subtree(const Snapshot& snapshot, std::string_view path, fb_metric metric)
{
    return sum_below<Histogram>(snapshot, path,
                                [=](const CgroupProfile& c) -> const Histogram& { return c.of(metric); });
}

Count subtree_count(const Snapshot& snapshot, std::string_view path, fb_metric metric)
{
    return sum_below<Count>(snapshot, path, [=](const CgroupProfile& c) -> const Count& { return c.count_of(metric); });
}

std::map<std::string, Histogram> subtrees(const Snapshot& snapshot, fb_metric metric)
{
    return sum_all<Histogram>(snapshot, [=](const CgroupProfile& c) -> const Histogram& { return c.of(metric); });
}

std::map<std::string, Count> subtree_counts(const Snapshot& snapshot, fb_metric metric)
{
    return sum_all<Count>(snapshot, [=](const CgroupProfile& c) -> const Count& { return c.count_of(metric); });
}

}  // namespace flyball::profile
