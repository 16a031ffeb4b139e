// SPDX-License-Identifier: Apache-2.0
#include "snapshot_builder.hpp"

#include "final_counters.hpp"
#include "flyball/profile/subtree.hpp"
#include "measures.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <set>
#include <utility>

namespace flyball::profile {
namespace {

Life life_of(const Entity& entity)
{
    if (entity.existed > 0)
        return entity.alive > 0 ? Life::Alive : Life::Removed;
    return entity.alive > 0 ? Life::Created : Life::CreatedAndRemoved;
}

bool involves(const OomEpisode& episode, std::span<const std::string> filters)
{
    const auto selected = [&](const std::string& path) { return !path.empty() && filter_selects(filters, path); };
    return filters.empty() || selected(episode.domain) || selected(episode.trigger_cgroup) ||
           selected(episode.group_cgroup) || std::ranges::any_of(episode.victims, selected, &OomVictim::cgroup);
}

// Differences of counters that only grow; a step back (a clock that is off by a tick) is none.
std::uint64_t grown(std::uint64_t first, std::uint64_t last)
{
    return last > first ? last - first : 0;
}

std::vector<TaskWindow> task_windows(const Closing& closing, Names& names)
{
    std::map<std::pair<std::uint32_t, std::uint64_t>, const fb_task_record*> before;
    for (const fb_task_record& task : closing.tasks_first)
        before[{task.tid, task.start_ns}] = &task;
    std::map<std::pair<std::uint32_t, std::uint64_t>, TaskWindow> windows;
    for (const fb_task_record& last : closing.tasks_last) {
        const auto found = before.find({last.tid, last.start_ns});
        if (found == before.end())
            continue;
        const fb_task_record& first = *found->second;
        TaskWindow& window = windows[found->first];
        window.tid = last.tid;
        window.comm.assign(last.comm, strnlen(last.comm, sizeof last.comm));
        window.cgroup = names.of(Controller::Cpu, last.cpu_cgroup_id).profile.path;
        window.kernel_run_delay_ns = grown(first.run_delay_ns, last.run_delay_ns);
        window.kernel_slept_ns = grown(first.slept_delay_ns, last.slept_delay_ns);
        window.our_wait_ns = grown(first.wait_ns, last.wait_ns);
        window.our_held_ns = grown(first.throttled_ns, last.throttled_ns);
        window.kernel_exec_ns = grown(first.sum_exec_ns, last.sum_exec_ns);
        window.gaps = last.gaps - first.gaps;
        window.our_run_ns = grown(first.run_ns, last.run_ns);
    }
    std::vector<TaskWindow> result;
    for (auto& [key, window] : windows)
        result.push_back(std::move(window));
    return result;
}

// The sampled windows, completed by removal records; a cgroup that came and went between two
// samples has a window from its removal alone. Not for one that was there before: its
// counters at the start are not known, and a window without a first would say zero.
std::vector<CounterWindow> counter_windows(std::vector<CounterWindow> sampled, const std::vector<Entity*>& entities)
{
    std::map<std::string, CounterWindow> windows;
    for (CounterWindow& window : sampled)
        windows.try_emplace(window.path, std::move(window));
    for (const Entity* entity : entities) {
        if (!entity->ended)
            continue;
        const std::string& path = entity->profile.path;
        auto window = windows.find(path);
        if (window == windows.end()) {
            if (entity->existed > 0)
                continue;
            window = windows.try_emplace(path).first;
            window->second.path = path;
        }
        complete(window->second, *entity->ended);
    }
    std::vector<CounterWindow> result;
    for (auto& [path, window] : windows)
        result.push_back(std::move(window));
    return result;
}

CgroupProfile profile_of(Entity& entity)
{
    CgroupProfile& profile = entity.profile;
    profile.life = life_of(entity);
    const auto most = [](const std::map<int, std::uint32_t>& times) {
        std::uint32_t n = 0;
        for (const auto& [hierarchy, each] : times)
            n = std::max(n, each);
        return n;
    };
    profile.times_created = most(entity.created);
    profile.times_removed = most(entity.removed);
    for (const auto& [throttler, ns] : entity.held_by) {
        const Entity* holder = resolve(throttler);
        profile.held_by_ns[holder == nullptr ? "?" : holder->profile.path] += ns;
    }
    return profile;
}

std::vector<CgroupProfile> cgroup_profiles(const std::vector<Entity*>& entities,
                                           const std::vector<CounterWindow>& counters,
                                           std::span<const std::string> filters)
{
    std::set<std::string_view> counted;
    for (const CounterWindow& window : counters)
        counted.insert(window.path);
    std::vector<CgroupProfile> result;
    for (Entity* entity : entities) {
        const std::string& path = entity->profile.path;
        const bool worth = has_measures(*entity) || life_of(*entity) != Life::Alive || counted.contains(path);
        // Copied: other entities still need this one's path for their holders.
        if (worth && filter_selects(filters, path))
            result.push_back(profile_of(*entity));
    }
    std::ranges::sort(result, {}, &CgroupProfile::path);
    return result;
}

// The selected cgroups and those above them, whose limits hold them.
bool concerns(const std::string& path, const std::vector<Entity*>& entities, std::span<const std::string> filters)
{
    return filter_selects(filters, path) || std::ranges::any_of(entities, [&](const Entity* entity) {
               return in_subtree(entity->profile.path, path) && filter_selects(filters, entity->profile.path);
           });
}

}  // namespace

Snapshot build_snapshot(Meta meta, Names& names, OomAssembler& ooms, Closing closing, std::uint64_t last_event_ns)
{
    Snapshot snapshot;
    snapshot.meta = std::move(meta);
    snapshot.meta.end_ns = closing.end_ns != 0 ? closing.end_ns : std::max(last_event_ns, snapshot.meta.start_ns);
    std::ranges::move(closing.warnings, std::back_inserter(snapshot.meta.warnings));
    snapshot.loss.programs = std::move(closing.programs);
    snapshot.loss.recursion_misses = std::move(closing.recursion_misses);

    const std::vector<std::string>& filters = snapshot.meta.filters;
    snapshot.tasks = task_windows(closing, names);
    std::erase_if(snapshot.tasks, [&](const TaskWindow& task) { return !filter_selects(filters, task.cgroup); });

    snapshot.ooms = ooms.finish();
    snapshot.sigkills_not_oom = ooms.sigkills_not_oom();
    std::erase_if(snapshot.ooms, [&](const OomEpisode& episode) { return !involves(episode, filters); });

    const std::vector<Entity*> entities = names.entities();
    snapshot.counters = counter_windows(std::move(closing.counters), entities);
    std::erase_if(snapshot.counters, [&](const CounterWindow& w) { return !concerns(w.path, entities, filters); });
    snapshot.cgroups = cgroup_profiles(entities, snapshot.counters, filters);
    // So that each id that was sampled has a name, or at least a stand-in for one.
    if (closing.stacks) {
        for (const Stack& stack : closing.stacks->stacks)
            (void)names.of(Controller::Cpu, stack.cgroup_id);
    }
    snapshot.stacks = std::move(closing.stacks);
    snapshot.paths = names.paths();
    return snapshot;
}

}  // namespace flyball::profile
