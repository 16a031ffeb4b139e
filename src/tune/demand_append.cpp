// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/demand_trace.hpp"

#include <algorithm>

namespace flyball::tune {

void append(DemandTrace& seen, const DemandTrace& next)
{
    const std::uint64_t end_ns = seen.begin_ns + seen.demand_ns.size() * kDemandStepNs;
    // Earlier, mostly: unsigned numbers wrap around.
    const std::uint64_t shift_ns = end_ns - next.begin_ns;
    seen.demand_ns.insert(seen.demand_ns.end(), next.demand_ns.begin(), next.demand_ns.end());
    for (Job job : next.jobs) {
        job.begin_ns += shift_ns;
        job.end_ns += shift_ns;
        seen.jobs.push_back(job);
    }
    for (const TaskCount& count : next.tasks)
        seen.tasks.push_back({count.at_ns + shift_ns, count.tasks});
    seen.run_ns += next.run_ns;
    seen.held_ns += next.held_ns;
    seen.wait_ns += next.wait_ns;
    seen.displaced_ns += next.displaced_ns;
    seen.endless_ns += next.endless_ns;
    seen.jobs_left_out += next.jobs_left_out;
    seen.most_running = std::max(seen.most_running, next.most_running);
    seen.forks += next.forks;
    seen.refused_forks += next.refused_forks;
}

}  // namespace flyball::tune
