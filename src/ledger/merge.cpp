// SPDX-License-Identifier: Apache-2.0
#include "merge.hpp"

#include <algorithm>
#include <tuple>

namespace flyball::ledger {

void merge(std::vector<TaskShare>& into, const std::vector<TaskShare>& from)
{
    for (const TaskShare& share : from) {
        const auto same =
            std::ranges::find_if(into, [&](const TaskShare& t) { return t.tid == share.tid && t.comm == share.comm; });
        if (same == into.end()) {
            into.push_back(share);
        } else {
            same->ns += share.ns;
        }
    }
    std::ranges::sort(into, [](const TaskShare& a, const TaskShare& b) {
        return std::tie(b.ns, a.tid, a.comm) < std::tie(a.ns, b.tid, b.comm);
    });
}

void merge(std::vector<Blame>& into, const Blame& from)
{
    auto same = std::ranges::find(into, from.path, &Blame::path);
    if (same == into.end())
        same = into.insert(into.end(), Blame{.path = from.path, .ns = 0, .by_cpu = {}, .tasks = {}});
    same->ns += from.ns;
    for (const auto& [cpu, ns] : from.by_cpu)
        same->by_cpu[cpu] += ns;
    merge(same->tasks, from.tasks);
}

void worst_first(std::vector<Blame>& blames)
{
    std::ranges::sort(blames,
                      [](const Blame& a, const Blame& b) { return std::tie(b.ns, a.path) < std::tie(a.ns, b.path); });
}

}  // namespace flyball::ledger
