// SPDX-License-Identifier: Apache-2.0
// What memcgs have counted themselves, as FB_EV_MEMCG and the records of removed cgroups tell it.
#pragma once

#include "flyball/abi/events.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

namespace flyball::oom {

class Counted {
public:
    void add(const fb_memcg& record);
    // A removal, which carries the last counters.
    void add(const fb_cgroup& record);
    // Read at or after that, or at its removal; what was counted before the run began is taken off. nullopt: not read.
    [[nodiscard]] std::optional<fb_memcg> since_start(std::uint64_t id, std::uint64_t from_ns) const;
    // When the counters were read that it counts from; 0: it began with zeros.
    [[nodiscard]] std::uint64_t first_ns(std::uint64_t id) const;
    void forget(std::uint64_t id) { memcgs_.erase(id); }

private:
    struct Memcg {
        std::optional<fb_memcg> first;  // without: made during the run, it began with zeros
        std::deque<fb_memcg> latest;
        bool removed = false;  // the latest is the last
    };
    std::unordered_map<std::uint64_t, Memcg> memcgs_;
};

}  // namespace flyball::oom
