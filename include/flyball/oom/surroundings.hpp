// SPDX-License-Identifier: Apache-2.0
// What a verdict needs besides events: asked of the machine when an episode is complete. Passed in, so that verdicts
// are tested without a kernel.
//
// A cgroup is asked about by its 64-bit id, which is the inode of its directory: of one that was made later under the
// same path nothing is told.
#pragma once

#include "flyball/abi/events.h"
#include "flyball/cgroup/mounts.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace flyball::oom {

// Who grew up to then?
struct GrowthAsked {
    std::uint64_t at_ns = 0;
    std::function<bool(std::uint64_t memcg_id)> in_scope;
    // What the kernel saw them hold at that instant; start_ns 0: not known.
    std::vector<fb_process_memory> held;
};

class Surroundings {
public:
    virtual ~Surroundings() = default;
    // What the memcgs that exist have counted, of those that have. nullopt: it cannot be read.
    [[nodiscard]] virtual std::optional<std::vector<fb_memcg>> counted() = 0;
    // Processes in the cgroup and below it now, without zombies, as FB_OM_LEFT. It is gone: nobody. nullopt: it cannot
    // be looked at.
    [[nodiscard]] virtual std::optional<std::vector<fb_oom_member>> living(std::uint64_t id,
                                                                           const std::string& path) = 0;
    // The uppermost cgroup from `top` (whose limit was hit; empty: the root) down to this one with memory.oom.group =
    // 1; 0: none. nullopt: not known (it is gone, or there is no such file).
    [[nodiscard]] virtual std::optional<std::uint64_t> oom_group(std::uint64_t id, const std::string& path,
                                                                 const std::string& top) = 0;
    // What its memory is made of now. nullopt: it is gone.
    [[nodiscard]] virtual std::optional<fb_oom_report> memory(std::uint64_t id, const std::string& path) = 0;
    // What each process holds is looked at. When it is to be again: in a second, or later where that would take more
    // than a 500th of a CPU.
    [[nodiscard]] virtual std::uint64_t sample(std::uint64_t now_ns) = 0;
    // Those who grew most, first; five at most. Empty also where it cannot be known.
    [[nodiscard]] virtual std::vector<fb_oom_grew> grown(const GrowthAsked& asked) = 0;
};

// What the kernel tells by iterators, as Collector::read_memcgs() and read_memory(); nullopt: it does not.
struct Readings {
    std::function<std::optional<std::vector<fb_memcg>>()> memcgs;
    std::function<std::optional<std::vector<fb_process_memory>>()> processes;
};
// Of this machine. The layout must outlive it.
[[nodiscard]] std::unique_ptr<Surroundings> live_surroundings(const cgroup::Layout& layout, Readings readings);

}  // namespace flyball::oom
