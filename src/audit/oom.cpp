// SPDX-License-Identifier: Apache-2.0
// OOM: marks against oom_kill, decisions against oom.
#include "checks.hpp"
#include "flyball/profile/subtree.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::audit {
namespace {

using profile::OomEpisode;
using profile::OomVictim;

struct Tally {
    std::uint64_t marked = 0;     // victims
    std::uint64_t groups = 0;     // chosen victims of group kills: the kernel counts them twice
    std::uint64_t unknown = 0;    // chosen victims whose group policy could not be seen
    std::uint64_t decisions = 0;  // of limits of this cgroup
};

const std::string& chosen_cgroup(const OomEpisode& episode)
{
    const auto chosen = std::ranges::find(episode.victims, episode.victim_tgid, &OomVictim::tgid);
    if (chosen != episode.victims.end())
        return chosen->cgroup;
    return episode.victims.empty() ? episode.domain : episode.victims.front().cgroup;
}

template <class Counts>
Tally tally(const Snapshot& snapshot, Counts counts)
{
    Tally sum;
    for (const OomEpisode& episode : snapshot.ooms) {
        if (episode.kind != OomEpisode::Kind::Kill)
            continue;  // what was counted and not killed is told as an episode
        for (const OomVictim& victim : episode.victims) {
            if (victim.marked_ns && counts(victim.cgroup))
                ++sum.marked;
        }
        if (counts(chosen_cgroup(episode))) {
            if (episode.group_policy.value_or(false))
                ++sum.groups;
            if (!episode.group_policy)
                ++sum.unknown;
        }
        if (episode.decision_seen && !episode.global && counts(episode.domain))
            ++sum.decisions;
    }
    return sum;
}

// memory.events counts the subtree; memory.events.local alone outlives the cgroup's removal.
bool use_local(const CounterWindow* window)
{
    return window != nullptr && window->last && (window->last_from_rmdir || window->last->memory_events.empty());
}

// The chosen one of a group kill is killed, then met again among the group's members and counted
// once more: N victims, oom_kill N + 1 (measured on 6.1, 6.12, 6.18, 7.2). It is not counted again if
// it has lost its memory by then: a slow console between the two makes that possible.
AuditRow kills(const Subject& subject, const Tally& seen, const Reading& kernel)
{
    AuditRow row = compare(subject.path, "oom.kills", Unit::Count,
                           measured(subject, "oom.victims", seen.marked + seen.groups), kernel, {});
    if (seen.groups > 0) {
        row.rule = "victims, the chosen one of a group twice";
        if (row.reason.empty())
            row.reason = fmt::format("{} marked + {} counted twice by the kernel", seen.marked, seen.groups);
    }
    if (row.verdict != Verdict::Disagree)
        return row;
    const std::uint64_t least = seen.marked, most = seen.marked + seen.groups + seen.unknown;
    if (*kernel.value >= least && *kernel.value <= most) {
        row.verdict = Verdict::Agree;
        row.tolerance = row.difference();
        row.reason = seen.unknown > 0 ? "the group policy was not observable: its extra count is allowed for"
                                      : "a chosen victim was gone before the kernel met it again";
    } else if (row.reason.empty()) {
        row.reason = "a task that was exiting anyway is marked without being counted";
    }
    return row;
}

// The kernel counts every allocation that ran into the limit; those that queue up behind one
// decision find memory free when their turn comes, and so may the only one. So its number is the
// larger or the same. KILLED: did a kill follow, by the kernel's count?
AuditRow decisions(const Subject& subject, const Tally& seen, const Reading& kernel, bool killed)
{
    AuditRow row = compare(subject.path, "oom.decisions", Unit::Count,
                           measured(subject, "oom.decision", seen.decisions), kernel, {});
    row.rule = "kernel's >= ours";
    if (row.verdict == Verdict::Disagree && *row.ours < *row.kernel && (*row.ours > 0 || !killed)) {
        row.verdict = Verdict::Agree;
        row.tolerance = row.difference();
        row.reason = "the kernel counts allocations at the limit, also those that needed no kill of their own";
    } else if (row.verdict == Verdict::Disagree && *row.ours < *row.kernel) {
        row.reason = "the kernel killed at the limit, and no decision was seen";
    }
    return row;
}

}  // namespace

void check_oom(const Subject& subject, Rows& rows)
{
    const bool local = use_local(subject.window);
    const Tally seen = tally(*subject.snapshot, [&](const std::string& path) {
        return local ? path == subject.path : profile::in_subtree(path, subject.path);
    });
    if (subject.window == nullptr && seen.marked + seen.decisions == 0)
        return;
    const char* const file = local ? "memory.events.local" : "memory.events";
    const Reading killed = growth(subject.window, event("oom_kill", local), file, local);
    rows.push_back(kills(subject, seen, killed));
    const bool visible = std::ranges::all_of(subject.snapshot->ooms, [](const OomEpisode& episode) {
        return episode.decision_seen || episode.kind != OomEpisode::Kind::Kill;
    });
    const Reading limit = growth(subject.window, event("oom", local), file, local);
    AuditRow row = decisions(subject, seen, limit, killed.value.value_or(0) > 0);
    if (!visible && row.verdict != Verdict::Agree) {
        row = not_comparable(std::move(row), "decisions were not observable, only their victims");
    }
    rows.push_back(std::move(row));
}

}  // namespace flyball::audit
