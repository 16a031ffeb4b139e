// SPDX-License-Identifier: Apache-2.0
// How much a window may tell wrongly of the cgroup, because others were on the machine as well. Pure; any thread.
//
// Others are neither the cgroup's own tasks nor those of the load that drives it, nor an idle CPU that wakes up. A task
// that waits while they have its CPU is displaced. How long it waited compared with how little it had to do says
// nothing: jobs of 50 us that wait for 11 us each are a fifth longer, and 800 of them a second ask for the same in each
// period. What a disturbance can change in a window is
//
//     possible error = max(steal, min(D / span, D / wanted))
//
// D: time displaced, all tasks together; wanted: time on CPUs and waiting for them. Work that is done one thing after
// the other gets done D later by the end of the window, so that its rate is wrong by D / span at most. Of tasks that
// run at a time each loses its own part of what it wanted, on average D / wanted, which is less where they want more
// than one CPU. Steal is a share of all CPU time already.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace flyball::tune {

// Who had the CPU for which the cgroup's tasks waited.
struct Displacer {
    std::string who;       // a cgroup's path, or words: kKernelThreads, ...
    std::uint64_t ns = 0;  // of the tasks' waits
};

struct Disturbance {
    double steal = 0;              // of the CPUs: taken by the hypervisor
    double displaced = 0;          // D / wanted: waits for CPUs that others had
    double others_busy = 0;        // of the CPUs: used by others, the load among them
    double displaced_of_span = 0;  // D / span
    double spare = 1;              // idle, of the CPUs that it ran on, each as much as it ran there
    std::vector<Displacer> by;     // of D, worst first
};

// The formula above: the part by which a rate may be wrong that was seen in that window.
[[nodiscard]] double possible_error(const Disturbance& disturbance);

// "/build.slice took 61 % of the wait, kernel threads 12 %"; empty: nobody is known to have taken any.
[[nodiscard]] std::string who_displaced(const Disturbance& disturbance);

// Why a window with so much is not used: "the machine is too busy: ...".
[[nodiscard]] std::string too_busy(const Disturbance& disturbance);

// Of two windows one after the other, by their lengths.
[[nodiscard]] Disturbance joined(const Disturbance& first, double first_length, const Disturbance& second,
                                 double second_length);

}  // namespace flyball::tune
