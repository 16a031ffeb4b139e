// SPDX-License-Identifier: Apache-2.0
// What a verdict needs besides events: the kernel's files. Passed in, so that verdicts are tested without.
#pragma once

#include "flyball/cgroup/mounts.hpp"
#include "flyball/oom/verdict.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace flyball::oom {

// memory.events and memory.events.local; on cgroup v1 oom_kill of memory.oom_control is the local one.
struct MemoryEvents {
    std::map<std::string, std::uint64_t> hierarchical, local;
    bool v1 = false;
};

class Surroundings {
public:
    virtual ~Surroundings() = default;
    // nullopt: the cgroup is gone (or never was).
    [[nodiscard]] virtual std::optional<MemoryEvents> memory_events(const std::string& path) = 0;
    // Processes in the cgroup and below it now, without zombies.
    [[nodiscard]] virtual std::vector<Living> living(const std::string& path) = 0;
    // The uppermost cgroup from the root down to this one with memory.oom.group = 1; empty: none.
    // nullopt: not known (the cgroup is gone, or there is no such file).
    [[nodiscard]] virtual std::optional<std::string> oom_group(const std::string& path) = 0;
};

// Of this machine. The layout must outlive it.
[[nodiscard]] std::unique_ptr<Surroundings> live_surroundings(const cgroup::Layout& layout);

// Of a recording: nothing can be asked any more.
[[nodiscard]] std::unique_ptr<Surroundings> no_surroundings();

}  // namespace flyball::oom
