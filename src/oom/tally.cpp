// SPDX-License-Identifier: Apache-2.0
#include "tally.hpp"

#include <algorithm>

namespace flyball::oom {

using profile::OomEpisode;
using profile::OomVictim;

namespace {

// Between a count and the SIGKILL that is its event.
constexpr std::uint64_t kMomentNs = 1'000'000'000;
constexpr std::size_t kLatest = 128;
// Nobody asks about the state of so long ago.
constexpr std::uint64_t kOldNs = 60'000'000'000;

std::uint64_t killed_ns(const OomVictim& victim, const OomEpisode& episode)
{
    return victim.sigkill_ns.value_or(victim.marked_ns.value_or(episode.ts_ns));
}

void put(const MemcgTally& one, bool certain, MemcgTally& into)
{
    for (auto part : {&MemcgTally::kills, &MemcgTally::group_kills, &MemcgTally::decisions}) {
        (into.*part).least += certain ? (one.*part).least : 0;
        (into.*part).most += (one.*part).most;
    }
}

}  // namespace

void Tally::add(std::uint64_t memcg_id, std::uint64_t ns, const MemcgTally& what)
{
    Memcg& memcg = memcgs_[memcg_id];
    if (memcg.latest.size() >= kLatest) {
        std::erase_if(memcg.latest, [&](const Counted& one) {
            const bool old = one.ns < ns && ns - one.ns > kOldNs;
            if (old)
                put(one.what, true, memcg.before);
            return old;
        });
    }
    memcg.latest.push_back({ns, what});
}

void Tally::add(const OomEpisode& episode)
{
    if (episode.kind != OomEpisode::Kind::Kill)
        return;
    for (const OomVictim& victim : episode.victims) {
        // SIGKILL and the count are one step; a mark alone is of a task that was exiting.
        add(victim.cgroup_id, killed_ns(victim, episode), {.kills = {victim.sigkill_ns ? 1U : 0U, 1}});
    }
    const auto found = std::ranges::find(episode.victims, episode.victim_tgid, &OomVictim::tgid);
    const OomVictim* const chosen = found != episode.victims.end() ? &*found
                                    : episode.victims.empty()      ? nullptr
                                                                   : &episode.victims.front();
    if (episode.group_policy.value_or(true))
        add(chosen == nullptr ? episode.domain_id : chosen->cgroup_id,
            chosen == nullptr ? episode.ts_ns : killed_ns(*chosen, episode), {.kills = {0, 1}});
    if (episode.group_policy.value_or(false))
        add(episode.group_id, chosen == nullptr ? episode.ts_ns : killed_ns(*chosen, episode), {.group_kills = {1, 1}});
    if (episode.decision_seen && !episode.global)
        add(episode.domain_id, episode.ts_ns, {.decisions = {1, 1}});
}

MemcgTally Tally::between(std::uint64_t memcg_id, std::uint64_t from_ns, std::uint64_t at_ns) const
{
    const auto found = memcgs_.find(memcg_id);
    if (found == memcgs_.end())
        return {};
    MemcgTally sum = found->second.before;
    for (const Counted& one : found->second.latest) {
        // A kill is counted a moment before its SIGKILL, on either end.
        const bool after_begin = from_ns == 0 || (one.ns > from_ns && one.ns - from_ns > kMomentNs);
        if ((from_ns == 0 || one.ns > from_ns) && (one.ns <= at_ns || one.ns - at_ns <= kMomentNs))
            put(one.what, after_begin && one.ns <= at_ns, sum);
    }
    return sum;
}

}  // namespace flyball::oom
