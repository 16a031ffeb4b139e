// SPDX-License-Identifier: Apache-2.0
#include "tally.hpp"

#include "flyball/profile/subtree.hpp"

#include <algorithm>

namespace flyball::oom {

using profile::OomEpisode;
using profile::OomVictim;

CgroupTally& CgroupTally::operator+=(const CgroupTally& other)
{
    kills += other.kills;
    group_kills += other.group_kills;
    decisions += other.decisions;
    return *this;
}

void Tally::add(const OomEpisode& episode)
{
    for (const OomVictim& victim : episode.victims) {
        // SIGKILL and the count are one step; a mark alone is of a task that was exiting.
        by_path_[victim.cgroup].kills += {victim.sigkill_ns ? 1U : 0U, 1};
    }
    const auto chosen = std::ranges::find(episode.victims, episode.victim_tgid, &OomVictim::tgid);
    const std::string& chosen_in = chosen != episode.victims.end() ? chosen->cgroup
                                   : episode.victims.empty()       ? episode.domain
                                                                   : episode.victims.front().cgroup;
    if (episode.group_policy.value_or(true))
        by_path_[chosen_in].kills += {0, 1};
    if (episode.group_policy.value_or(false))
        by_path_[episode.group_cgroup].group_kills += {1, 1};
    if (episode.decision_seen && !episode.global)
        by_path_[episode.domain].decisions += {1, 1};
}

CgroupTally Tally::local(const std::string& path) const
{
    const auto found = by_path_.find(path);
    return found == by_path_.end() ? CgroupTally{} : found->second;
}

CgroupTally Tally::subtree(const std::string& path) const
{
    CgroupTally sum;
    for (const auto* tallies : {&by_path_, &gone_below_}) {
        for (const auto& [each, tally] : *tallies) {
            if (profile::in_subtree(each, path))
                sum += tally;
        }
    }
    return sum;
}

void Tally::forget(const std::string& path)
{
    CgroupTally gone;
    for (auto* tallies : {&by_path_, &gone_below_}) {
        if (const auto found = tallies->find(path); found != tallies->end()) {
            gone += found->second;
            tallies->erase(found);
        }
    }
    const auto slash = path.rfind('/');
    if (gone.kills.most > 0 && slash != std::string::npos && slash > 0)
        gone_below_[path.substr(0, slash)] += gone;
}

}  // namespace flyball::oom
