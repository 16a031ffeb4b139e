// SPDX-License-Identifier: Apache-2.0
#include "flyball/probe/confirm.hpp"

#include "flyball/probe/session.hpp"
#include "flyball/probe/stack_sampler.hpp"

#include <unistd.h>

#include <utility>

namespace flyball::probe {

kernel::Plan confirm(kernel::Plan plan)
{
    if (plan.nothing)
        return plan;
    // The least of rings: nothing comes.
    const auto session = Session::open(plan, {.ring_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))});
    if (!session)
        return kernel::without_all(plan, session.error().what, session.error().hint);
    plan = session->plan();
    const kernel::MetricPlan* stacks = plan.metric("cpu.stacks");
    if (stacks != nullptr && stacks->available)
        if (const auto sampler = StackSampler::open(plan, {}); !sampler)
            return kernel::without_stacks(plan, sampler.error().what);
    return plan;
}

}  // namespace flyball::probe
