// SPDX-License-Identifier: Apache-2.0
// What the kernel must have counted for the kills that were seen, by the memcg and up to an instant.
//
// mm/oom_kill.c: __oom_kill_process() counts oom_kill and sends SIGKILL next; the chosen one of a group is killed, then
// met again among the members and counted once more, if it has not let go of its memory by then (N victims, oom_kill
// N + 1 on 6.1, 6.12, 6.18, 7.2). oom_group_kill is counted before the members are killed, oom before anyone is chosen.
#pragma once

#include "flyball/profile/snapshot.hpp"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace flyball::oom {

struct Bounds {
    std::uint64_t least = 0, most = 0;
};

struct MemcgTally {
    Bounds kills, group_kills, decisions;
};

class Tally {
public:
    void add(const profile::OomEpisode& episode);
    // What was killed up to from_ns is left out: whoever counts began there.
    [[nodiscard]] MemcgTally between(std::uint64_t memcg_id, std::uint64_t from_ns, std::uint64_t at_ns) const;
    void forget(std::uint64_t memcg_id) { memcgs_.erase(memcg_id); }

private:
    struct Counted {
        std::uint64_t ns;
        MemcgTally what;
    };
    struct Memcg {
        MemcgTally before;  // of those that were let go of
        std::vector<Counted> latest;
    };
    void add(std::uint64_t memcg_id, std::uint64_t ns, const MemcgTally& what);

    std::unordered_map<std::uint64_t, Memcg> memcgs_;
};

}  // namespace flyball::oom
