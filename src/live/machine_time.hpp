// SPDX-License-Identifier: Apache-2.0
// How busy this machine was beside the cgroup under examination. Any thread.
#pragma once

#include "flyball/tune/subject.hpp"

namespace flyball::live {

// Of all CPUs together, since the start of the machine: proc(5), /proc/stat.
struct MachineTime {
    double busy_s = 0, steal_s = 0;
};
[[nodiscard]] MachineTime machine_time();

// A task may wait for its own kind: no more than others used can have been taken by them.
[[nodiscard]] tune::Disturbance disturbance(const tune::Window& window, const MachineTime& before,
                                            const MachineTime& after);

}  // namespace flyball::live
