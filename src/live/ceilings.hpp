// SPDX-License-Identifier: Apache-2.0
// The highest that limits of a cgroup can be on this machine. Any thread.
#pragma once

#include "flyball/cgroup/mounts.hpp"

#include <map>
#include <string>

namespace flyball::live {

// By file: CPUs of cpu.max (cpuset.cpus.effective, or those that are online), bytes of memory.max and memory.high (the
// machine's memory, or the least memory.max of a cgroup above), tasks of pids.max (of a cgroup above). More than that
// would limit nothing. path: of the cgroup; empty: one of flyball's own, which has nothing above it.
[[nodiscard]] std::map<std::string, double> ceilings(const cgroup::Layout& layout, const std::string& path);

// CPUs that tasks of this cgroup may run on.
[[nodiscard]] unsigned usable_cpus(const cgroup::Layout& layout, const std::string& path);

}  // namespace flyball::live
