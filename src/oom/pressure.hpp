// SPDX-License-Identifier: Apache-2.0
// Makes a service run out of memory in its own limit, and lets go as soon as the kernel has killed.
//
// Beside it: shared memory that flyball holds and that is charged to the service's cgroup, since a `dd` that runs in
// there writes it. No process has it mapped, so that the kernel's choice (by resident memory, mm/oom_kill.c:
// oom_badness()) falls on the service's largest process, as if the service had grown itself; dd has 2 MiB. It is gone
// with flyball, too. Below it: memory.max a little below what is in use, put back at once; by the actuator.
#pragma once

#include "trial.hpp"

#include <cstdint>
#include <string>

namespace flyball::oom {

// Bytes of the cgroup that reclaim without swap cannot take: what is charged, less page cache and reclaimable slab.
// 0 where the cgroup is not there.
[[nodiscard]] std::uint64_t held_bytes(Trial& trial, const std::string& path);

// How it ended.
struct Pressed {
    bool killed = false;
    std::uint32_t by_pid = 0;  // the dd that ran last; 0: none
    std::string why_not;
};

// Lacking: it would harm others, or cannot be done here. Broken: a limit could not be put back.
[[nodiscard]] Pressed press(Trial& trial, const std::string& path);
[[nodiscard]] Pressed lower_limit(Trial& trial, const std::string& path);

}  // namespace flyball::oom
