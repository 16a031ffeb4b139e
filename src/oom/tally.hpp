// SPDX-License-Identifier: Apache-2.0
// What the events say the kernel must have counted.
//
// mm/oom_kill.c, __oom_kill_process(): oom_kill of the victim's memcg, for each process that is killed;
// oom_kill_process(): oom_group_kill of the memcg that decided (v5.17, b6bf9abb0aa4), and the chosen one is
// met again among the group, and counted again unless its memory is gone by then. A task that is exiting
// anyway is marked and not counted. mm/memcontrol.c: oom of the memcg whose limit was hit, also when no
// kill follows.
#pragma once

#include "flyball/oom/verdict.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace flyball::oom {

struct Range {
    std::uint64_t least = 0, most = 0;
    Range& operator+=(const Range& other)
    {
        least += other.least;
        most += other.most;
        return *this;
    }
};

// Of one cgroup, without those below it.
struct CgroupTally {
    Range kills;
    Range group_kills;
    Range decisions;  // least: the kernel counts more
    CgroupTally& operator+=(const CgroupTally& other);
};

class Tally {
public:
    // Where the decision is hooked, a mark without one was not counted.
    void add(const profile::OomEpisode& episode);
    [[nodiscard]] CgroupTally local(const std::string& path) const;
    [[nodiscard]] CgroupTally subtree(const std::string& path) const;
    // The cgroup is gone for good: of what was counted there only the sums of those above remain.
    void forget(const std::string& path);

private:
    std::map<std::string, CgroupTally> by_path_;
    std::map<std::string, CgroupTally> gone_below_;  // by the cgroup that was above
};

}  // namespace flyball::oom
