// SPDX-License-Identifier: Apache-2.0
// Jobs of one look, or of several.
#include "flyball/tune/demand_trace.hpp"

#include <algorithm>
#include <functional>

namespace flyball::tune {

void thin(DemandTrace& trace)
{
    const std::size_t all = trace.jobs.size();
    for (std::size_t i = 1; 2 * i < all; ++i)
        trace.jobs[i] = trace.jobs[2 * i];
    trace.jobs.resize((all + 1) / 2);
    trace.jobs_left_out += all - trace.jobs.size();
    trace.one_of *= 2;
}

namespace {

void join_displaced(std::vector<DisplacedBy>& seen, const std::vector<DisplacedBy>& next)
{
    for (const DisplacedBy& one : next) {
        const auto known = std::ranges::find(seen, one.cgroup_id, &DisplacedBy::cgroup_id);
        if (known == seen.end())
            seen.push_back(one);
        else
            known->ns += one.ns;
    }
    std::ranges::stable_sort(seen, std::ranges::greater{}, &DisplacedBy::ns);
}

}  // namespace

void append(DemandTrace& seen, const DemandTrace& next)
{
    const std::uint64_t end_ns = seen.begin_ns + seen.demand_ns.size() * kDemandStepNs;
    // Earlier, mostly: unsigned numbers wrap around.
    const std::uint64_t shift_ns = end_ns - next.begin_ns;
    const auto before = static_cast<double>(seen.demand_ns.size()), now = static_cast<double>(next.demand_ns.size());
    seen.spare = (seen.spare * before + next.spare * now) / std::max(before + now, 1.0);
    seen.demand_ns.insert(seen.demand_ns.end(), next.demand_ns.begin(), next.demand_ns.end());
    seen.undisturbed_ns.insert(seen.undisturbed_ns.end(), next.undisturbed_ns.begin(), next.undisturbed_ns.end());
    while (seen.one_of < next.one_of)
        thin(seen);
    const std::size_t step = seen.one_of / next.one_of;
    for (std::size_t i = 0; i < next.jobs.size(); i += step) {
        Job job = next.jobs[i];
        job.begin_ns += shift_ns;
        job.end_ns += shift_ns;
        seen.jobs.push_back(job);
    }
    seen.jobs_left_out += next.jobs.size() - (next.jobs.size() + step - 1) / step;
    while (seen.jobs.size() > kMostJobs)
        thin(seen);
    for (const TaskCount& count : next.tasks)
        seen.tasks.push_back({count.at_ns + shift_ns, count.tasks});
    seen.run_ns += next.run_ns;
    seen.held_ns += next.held_ns;
    seen.wait_ns += next.wait_ns;
    seen.displaced_ns += next.displaced_ns;
    join_displaced(seen.displaced_by, next.displaced_by);
    seen.others_ns += next.others_ns;
    seen.interrupted_ns += next.interrupted_ns;
    seen.endless_ns += next.endless_ns;
    seen.surely_endless_ns += next.surely_endless_ns;
    seen.jobs_left_out += next.jobs_left_out;
    seen.most_running = std::max(seen.most_running, next.most_running);
    seen.forks += next.forks;
    seen.refused_forks += next.refused_forks;
}

}  // namespace flyball::tune
