// SPDX-License-Identifier: Apache-2.0
// How busy this machine was beside the cgroup under examination. Any thread.
#pragma once

#include "flyball/tune/subject.hpp"

#include <vector>

namespace flyball::live {

// Of all CPUs together, since the start of the machine: proc(5), /proc/stat.
struct MachineTime {
    double busy_s = 0, steal_s = 0;
};
[[nodiscard]] MachineTime machine_time();

// by: the displacers that the window's trace knows by number. Ten tasks may wait behind one: no more CPU time can have
// been taken than others used.
[[nodiscard]] tune::Disturbance disturbance(const tune::Window& window, const MachineTime& before,
                                            const MachineTime& after, std::vector<tune::Displacer> by);

}  // namespace flyball::live
