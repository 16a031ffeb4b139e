// SPDX-License-Identifier: Apache-2.0
#include "names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace flyball::report {

void TaskNames::say(std::uint32_t tid, std::uint64_t at_ns, std::string comm)
{
    std::vector<Name>& names = names_[tid];
    const auto after = std::ranges::upper_bound(names, at_ns, {}, &Name::since_ns);
    if (after != names.begin() && std::prev(after)->comm == comm)
        return;
    names.insert(after, {at_ns, std::move(comm)});
}

void TaskNames::add(std::span<const fb_task_record> tasks)
{
    for (const fb_task_record& task : tasks)
        say(task.tid, task.start_ns, field_text(task.comm));
}

void TaskNames::fork(const fb_task& task)
{
    // A tid is not used again so soon: this is the task that an iterator gave a whole name.
    constexpr std::uint64_t kSame = 1'000'000'000;
    const std::uint64_t ts = task.hdr.ts_ns;
    for (const Name& name : names_[task.tid]) {
        if (name.since_ns <= ts + kSame && ts <= name.since_ns + kSame)
            return;
    }
    say(task.tid, ts, field_text(task.comm));
}

const std::string& TaskNames::of(std::uint32_t tid, std::uint64_t at_ns) const
{
    static const std::string kNone = "?";
    const auto names = names_.find(tid);
    if (names == names_.end() || names->second.empty())
        return kNone;
    const auto after = std::ranges::upper_bound(names->second, at_ns, {}, &Name::since_ns);
    return after == names->second.begin() ? kNone : std::prev(after)->comm;
}

CgroupNames::CgroupNames(const profile::Meta& meta, std::span<const profile::KnownCgroup> known)
{
    constexpr const char* kControllers[] = {"cpu", "memory", "io"};
    for (std::size_t i = 0; i < std::size(kControllers); ++i) {
        const auto found = meta.hierarchy.find(kControllers[i]);
        hierarchies_[i] = found == meta.hierarchy.end() ? 0 : found->second;
    }
    for (const profile::KnownCgroup& cgroup : known)
        paths_[{cgroup.hierarchy, cgroup.id}] = cgroup.path;
}

void CgroupNames::apply(const fb_cgroup& record)
{
    const std::size_t room = std::min<std::size_t>(record.path_len, sizeof record.path);
    const std::string path(record.path, strnlen(record.path, room));
    if (path.empty())
        return;
    std::string& name = paths_[{record.hierarchy, record.hdr.cgroup_id}];
    if (name.empty() || record.op == FB_CG_RENAME)
        name = path;
}

std::string CgroupNames::of(Controller controller, std::uint64_t id) const
{
    if (id == 0)
        return "";
    const int hierarchy = hierarchies_[static_cast<std::size_t>(controller)];
    const auto found = paths_.find({hierarchy, id});
    return found == paths_.end() ? fmt::format("?{}:{}", hierarchy, id) : found->second;
}

}  // namespace flyball::report
