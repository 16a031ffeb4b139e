// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/demand_trace.hpp"

#include "demand_steps.hpp"
#include "own_slices.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <utility>

namespace flyball::tune {
namespace {

// Longer than any idle state takes to leave. Who waited longer for a CPU that was idle in the end was pulled to it.
constexpr std::uint64_t kIdleExitNs = 1'000'000;

template <class Body>
Body body_of(const fb_event& event)
{
    static_assert(sizeof(Body) == sizeof(fb_event));
    Body body;
    std::memcpy(&body, &event, sizeof body);
    return body;
}

struct Task {
    Job job;
    bool in_job = false;
    bool on_cpu = false;
    bool exiting = false;
    std::uint64_t came_ns = 0;      // on the CPU
    std::uint64_t on_since_ns = 0;  // what is accounted of the slice ends here
    std::uint64_t held_before = 0;  // told by fb_held, and not yet part of the job
};

}  // namespace

struct DemandCollector::State {
    const SubtreeIds* ids;
    DemandTrace trace;
    DemandSteps steps;
    std::unordered_map<std::uint32_t, Task> live;  // by tid
    std::vector<std::uint32_t> current;            // by CPU: the subject's task on it, 0: none
    OwnSlices slices;
    std::uint32_t running = 0, tasks = 0;
    std::uint64_t ended = 0;  // jobs, in this window

    State(const SubtreeIds& which, std::uint64_t begin_ns, std::uint32_t now) : ids(&which), steps(begin_ns), tasks(now)
    {
        trace.begin_ns = begin_ns;
        trace.tasks.push_back({begin_ns, now});
    }

    void switched(const fb_switch& event);
    void vanishes(std::uint32_t tid);
    [[nodiscard]] bool of_cpu(std::uint64_t id) const { return ids->of("cpu").contains(id); }
    void comes(const fb_switch& event);
    void leaves(const fb_switch& event);
    void account(Task& task, std::uint64_t from_ns, std::uint64_t to_ns, std::uint64_t irq_ns);
    void held(const fb_held& event);
    void counted(const fb_task& event);
    void ends(Task& task, std::uint64_t at_ns);
};

void DemandCollector::State::switched(const fb_switch& event)
{
    if (current.size() <= event.hdr.cpu)
        current.resize(event.hdr.cpu + std::size_t{1}, 0);
    const std::uint32_t before = std::exchange(current[event.hdr.cpu], 0);
    // Its switch-out was folded: when it left is not known, so that it cannot be counted.
    if (before != 0 && before != event.prev_tid)
        vanishes(before);
    if ((event.flags & FB_SW_PREV_IDLE) == 0 && (of_cpu(event.prev_cgroup_id) || before == event.prev_tid))
        leaves(event);
    if ((event.flags & FB_SW_NEXT_IDLE) == 0 && of_cpu(event.hdr.cgroup_id)) {
        comes(event);
        current[event.hdr.cpu] = event.next_tid;
    }
}

void DemandCollector::State::vanishes(std::uint32_t tid)
{
    const auto found = live.find(tid);
    if (found == live.end())
        return;
    running -= found->second.on_cpu ? 1 : 0;
    live.erase(found);
}

// A task gets a CPU: its wait is over.
void DemandCollector::State::comes(const fb_switch& event)
{
    Task& task = live[event.next_tid];
    const std::uint64_t at_ns = event.hdr.ts_ns;
    const std::uint64_t wait_ns = (event.flags & FB_SW_NEXT_WAIT) != 0 ? event.wait_ns : 0;
    const std::uint64_t held_ns = std::exchange(task.held_before, 0);
    const bool anew = (event.flags & (FB_SW_NEXT_WOKEN | FB_SW_NEXT_NEW)) != 0;
    if (anew || !task.in_job)
        task.job = {.begin_ns = at_ns - std::min(at_ns, wait_ns + held_ns)};
    task.in_job = true;
    task.job.wait_ns += wait_ns;
    task.job.held_ns += held_ns;
    trace.wait_ns += wait_ns;
    // Behind its own siblings it is not others who keep it waiting, nor is it while an idle CPU wakes up.
    const bool waking_up = (event.flags & FB_SW_PREV_IDLE) != 0 && wait_ns <= kIdleExitNs;
    trace.displaced_ns +=
        waking_up ? 0 : wait_ns - slices.within(event.hdr.cpu, at_ns - std::min(at_ns, wait_ns), at_ns);
    if (!task.on_cpu)
        trace.most_running = std::max(trace.most_running, ++running);
    task.on_cpu = true;
    task.came_ns = task.on_since_ns = at_ns;
}

// It gives the CPU up, or has lost it.
void DemandCollector::State::leaves(const fb_switch& event)
{
    Task& task = live[event.prev_tid];
    const std::uint64_t at_ns = event.hdr.ts_ns;
    if (!task.on_cpu && (event.flags & FB_SW_PREV_SLICE) != 0) {
        // It was on the CPU when this began, or its switch-in was lost.
        const std::uint64_t slice_ns = event.slice_ns;
        task.came_ns = task.on_since_ns = at_ns - std::min(at_ns, slice_ns);
        if (!task.in_job)
            task.job = {.begin_ns = task.on_since_ns};
        task.in_job = true;
        task.on_cpu = true;
        trace.most_running = std::max(trace.most_running, ++running);
    }
    if (task.on_cpu) {
        account(task, task.on_since_ns, at_ns, event.irq_ns);
        slices.add(event.hdr.cpu, task.came_ns, at_ns);
        task.on_cpu = false;
        --running;
    }
    if ((event.flags & FB_SW_PREV_RUNNABLE) == 0)
        ends(task, at_ns);
    // Gone, or moved to a cgroup that is not the subject's.
    if (task.exiting || !of_cpu(event.prev_cgroup_id))
        live.erase(event.prev_tid);
}

void DemandCollector::State::account(Task& task, std::uint64_t from_ns, std::uint64_t to_ns, std::uint64_t irq_ns)
{
    if (to_ns <= from_ns)
        return;
    const std::uint64_t wall = to_ns - from_ns, ran = wall - std::min(wall, irq_ns);
    task.job.cpu_ns += ran;
    trace.run_ns += ran;
    const bool endless = from_ns - std::min(from_ns, task.job.begin_ns) > kEndlessNs;
    trace.endless_ns += endless ? ran : 0;
    // Asked for earlier by as much as cpu.max has held this job.
    const std::uint64_t earlier =
        endless ? 0 : std::min(task.job.held_ns, from_ns - std::min(from_ns, task.job.begin_ns));
    steps.add(from_ns - earlier, to_ns - earlier, ran);
}

void DemandCollector::State::held(const fb_held& event)
{
    const std::uint64_t until_ns = event.held_until_ns, held_ns = event.held_ns;
    const std::uint64_t from_ns = until_ns - std::min(until_ns, held_ns);
    Task& task = live[event.tid];
    task.held_before += held_ns;
    trace.held_ns += held_ns;
    if (task.in_job && from_ns - std::min(from_ns, task.job.begin_ns) > kEndlessNs)
        steps.add(from_ns, until_ns, held_ns);
}

void DemandCollector::State::ends(Task& task, std::uint64_t at_ns)
{
    if (!task.in_job)
        return;
    task.in_job = false;
    task.job.end_ns = at_ns;
    if (ended++ % trace.one_of != 0) {
        ++trace.jobs_left_out;
        return;
    }
    if (trace.jobs.size() >= kMostJobs)
        thin(trace);
    trace.jobs.push_back(task.job);
}

void DemandCollector::State::counted(const fb_task& event)
{
    if (event.kind == FB_TASK_REFUSED) {
        ++trace.refused_forks;
        return;
    }
    const bool born = event.kind == FB_TASK_FORK;
    trace.forks += born ? 1 : 0;
    // It runs until its last switch.
    if (const auto found = live.find(event.tid); !born && found != live.end())
        found->second.exiting = true;
    // The counter of the subject itself says it exactly; of a cgroup below it, only that there is one more or less.
    if (event.hdr.cgroup_id == ids->root("pids") && event.pids_current != FB_UNKNOWN_PIDS)
        tasks = event.pids_current;
    else if (born)
        ++tasks;
    else if (tasks > 0)
        --tasks;
    TaskCount& last = trace.tasks.back();
    if (event.hdr.ts_ns / kDemandStepNs == last.at_ns / kDemandStepNs)
        last.tasks = std::max(last.tasks, tasks);
    else
        trace.tasks.push_back({event.hdr.ts_ns, tasks});
}

DemandCollector::DemandCollector(const SubtreeIds& ids, std::uint64_t begin_ns, std::uint32_t tasks)
    : state_(std::make_unique<State>(ids, begin_ns, tasks))
{
}
DemandCollector::~DemandCollector() = default;
DemandCollector::DemandCollector(DemandCollector&&) noexcept = default;
DemandCollector& DemandCollector::operator=(DemandCollector&&) noexcept = default;

void DemandCollector::on_event(const fb_event& event)
{
    switch (event.hdr.type) {
    case FB_EV_SWITCH:
        state_->switched(body_of<fb_switch>(event));
        break;
    case FB_EV_HELD:
        if (state_->of_cpu(event.hdr.cgroup_id))
            state_->held(body_of<fb_held>(event));
        break;
    case FB_EV_TASK:
        if (state_->ids->of("pids").contains(event.hdr.cgroup_id))
            state_->counted(body_of<fb_task>(event));
        break;
    default:
        break;
    }
}

DemandTrace DemandCollector::take(std::uint64_t at_ns)
{
    State& state = *state_;
    // Whoever is on a CPU has run so far, though no event says so yet.
    for (auto& [tid, task] : state.live) {
        if (!task.on_cpu || task.on_since_ns >= at_ns)
            continue;
        state.account(task, task.on_since_ns, at_ns, 0);
        task.on_since_ns = at_ns;
    }
    state.trace.demand_ns = state.steps.take(at_ns);
    DemandTrace done = std::exchange(state.trace, DemandTrace{});
    state.trace.begin_ns = at_ns;
    state.ended = 0;
    state.trace.tasks.push_back({at_ns, state.tasks});
    state.trace.most_running = state.running;
    return done;
}

}  // namespace flyball::tune
