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
};

// Of this machine; read_counted: as Collector::read_memcgs(). The layout must outlive it.
[[nodiscard]] std::unique_ptr<Surroundings>
live_surroundings(const cgroup::Layout& layout, std::function<std::optional<std::vector<fb_memcg>>()> read_counted);

}  // namespace flyball::oom
