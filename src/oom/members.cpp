// SPDX-License-Identifier: Apache-2.0
#include "members.hpp"

#include "contains.hpp"
#include "flyball/profile/subtree.hpp"

#include <algorithm>
#include <set>

namespace flyball::oom {
namespace {

using profile::OomEpisode;
using profile::OomMember;
using profile::OomSharer;
using profile::OomVictim;

bool killed(const OomEpisode& episode, std::uint32_t tgid)
{
    return contains(episode.victims, tgid, &OomVictim::tgid) || contains(episode.sharers, tgid, &OomSharer::tgid);
}

// __oom_kill_process() lets be what has lost its memory by the time it looks, which is a moment after we did.
bool exited_then(const OomMember& member)
{
    constexpr std::uint64_t kMomentNs = 20'000'000;
    return member.exit_ns && member.met_ns && *member.exit_ns <= *member.met_ns + kMomentNs;
}

// In the order in which mm/oom_kill.c asks.
Reason reason_of(const OomMember& member, const Policy& policy, bool group_was_walked)
{
    if (member.flags & FB_OM_INIT)
        return Reason::Init;
    if (member.flags & FB_OM_KTHREAD)
        return Reason::KernelThread;
    if (member.oom_score_adj <= kNever)
        return Reason::Protected;
    if (!policy.group.value_or(false))
        return Reason::NotChosen;
    if (member.flags & FB_OM_VICTIM)
        return Reason::AlreadyDying;
    if ((member.flags & (FB_OM_NO_MM | FB_OM_EXITING)) || exited_then(member))
        return Reason::Exiting;
    // Scanned a moment before, and not met when the group was killed: it had exited or left.
    if (group_was_walked && !member.in_group)
        return Reason::MovedOut;
    return Reason::Unexplained;
}

Reason reason_of(const Living& living, const OomEpisode& episode)
{
    if (living.tgid == 1)
        return Reason::Init;
    if (living.kernel_thread)
        return Reason::KernelThread;
    if (living.oom_score_adj <= kNever)
        return Reason::Protected;
    if (living.born_ns && *living.born_ns >= episode.ts_ns)
        return Reason::BornAfter;
    if (living.moved_in_ns && *living.moved_in_ns >= episode.ts_ns)
        return Reason::MovedIn;
    return Reason::Unexplained;
}

}  // namespace

std::optional<bool> inside(std::string_view path, std::string_view root)
{
    if (path.starts_with('?') || root.starts_with('?') || path.empty() || root.empty())
        return std::nullopt;
    return profile::in_subtree(path, root);
}

std::vector<Survivor> survivors_of(const OomEpisode& episode, const Policy& policy, const Evidence& evidence)
{
    std::vector<Survivor> result;
    std::set<std::uint32_t> told;
    const bool group = policy.group.value_or(false);
    const bool walked = std::ranges::any_of(episode.members, &OomMember::in_group);
    for (const OomMember& member : episode.members) {
        // One that the log alone tells of has no cgroup: whether it was in the group is not known.
        if (killed(episode, member.tgid) || !(member.scanned || member.in_group))
            continue;
        // The kernel scans all that is below the limit; the group may be a part of it.
        if (group && !member.in_group && !inside(member.cgroup, policy.cgroup).value_or(true))
            continue;
        if (told.insert(member.tgid).second)
            result.push_back({member.tgid, member.comm, member.cgroup, reason_of(member, policy, walked)});
    }
    if (!group)
        return result;
    for (const Living& living : evidence.living) {
        const Reason reason = reason_of(living, episode);
        // A number that was a victim's is another process by now, or the victim has not gone.
        const auto victim = std::ranges::find(episode.victims, living.tgid, &OomVictim::tgid);
        if (victim != episode.victims.end() && (!victim->exit_ns || reason == Reason::Unexplained))
            continue;  // told with the exits
        if (told.insert(living.tgid).second) {
            result.push_back({living.tgid, living.comm, living.cgroup, reason});
            continue;
        }
        // Said to have gone, and it is there.
        const auto before = std::ranges::find(result, living.tgid, &Survivor::tgid);
        if (before->reason == Reason::MovedOut || before->reason == Reason::Exiting)
            before->reason = reason;
    }
    return result;
}

}  // namespace flyball::oom
