// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/demand_trace.hpp"

#include "demand_steps.hpp"
#include "displaced_waits.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace flyball::tune {
namespace {

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
    std::uint64_t on_since_ns = 0;  // what is accounted of the slice ends here
    std::uint64_t held_before = 0;  // told by fb_held, and not yet part of the job
    WaitMoves moves;                // of the wait that goes on
};

}  // namespace

struct DemandCollector::State {
    const SubtreeIds* ids;
    const std::unordered_set<std::uint64_t>& own_cpu;   // of ids: looked up once, as each switch asks for it
    const std::unordered_set<std::uint64_t>* load_cpu;  // nullptr: no load is known
    DemandTrace trace;
    DemandSteps steps, undisturbed;
    std::unordered_map<std::uint32_t, Task> live;  // by tid
    std::vector<std::uint32_t> current;            // by CPU: the subject's task on it, 0: none
    DisplacedWaits waits;
    std::uint32_t running = 0, tasks = 0;
    std::uint64_t ended = 0;  // jobs, in this window

    State(const SubtreeIds& which, std::uint64_t begin_ns, std::uint32_t now, const SubtreeIds* load)
        : ids(&which),
          own_cpu(which.of("cpu")),
          load_cpu(load != nullptr ? &load->of("cpu") : nullptr),
          steps(begin_ns),
          undisturbed(begin_ns),
          waits(begin_ns),
          tasks(now)
    {
        trace.begin_ns = begin_ns;
        trace.tasks.push_back({begin_ns, now});
    }

    void switched(const fb_switch& event);
    void vanishes(std::uint32_t tid);
    void moved(const fb_migrate& event);
    [[nodiscard]] bool of_cpu(std::uint64_t id) const { return own_cpu.contains(id); }
    [[nodiscard]] Occupant occupant(std::uint64_t cgroup, bool idle, bool kernel_thread) const;
    void comes(const fb_switch& event);
    void leaves(const fb_switch& event);
    void account(Task& task, std::uint64_t from_ns, std::uint64_t to_ns, std::uint64_t irq_ns);
    void held(const fb_held& event);
    void counted(const fb_task& event);
    void ends(Task& task, std::uint64_t at_ns);
};

Occupant DemandCollector::State::occupant(std::uint64_t cgroup, bool idle, bool kernel_thread) const
{
    if (idle)
        return Occupant::Idle;
    if (of_cpu(cgroup))
        return Occupant::Own;
    if (kernel_thread)
        return Occupant::KernelThread;
    return load_cpu != nullptr && load_cpu->contains(cgroup) ? Occupant::Load : Occupant::Other;
}

void DemandCollector::State::switched(const fb_switch& event)
{
    if (current.size() <= event.hdr.cpu)
        current.resize(event.hdr.cpu + std::size_t{1}, 0);
    CpuOccupants& occupants = waits.occupants();
    if (!occupants.knows(event.hdr.cpu))
        occupants.begin(event, occupant(event.prev_cgroup_id, (event.flags & FB_SW_PREV_IDLE) != 0,
                                        (event.flags & FB_SW_PREV_KTHREAD) != 0));
    const Occupant next =
        occupant(event.hdr.cgroup_id, (event.flags & FB_SW_NEXT_IDLE) != 0, (event.flags & FB_SW_NEXT_KTHREAD) != 0);
    occupants.on_switch(event, next);
    const std::uint32_t before = std::exchange(current[event.hdr.cpu], 0);
    // Its switch-out was folded: when it left is not known, so that it cannot be counted.
    if (before != 0 && before != event.prev_tid)
        vanishes(before);
    if ((event.flags & FB_SW_PREV_IDLE) == 0 && (before == event.prev_tid || of_cpu(event.prev_cgroup_id)))
        leaves(event);
    if (event.migrations > 0)
        waits.moves_are_told();
    if (next == Occupant::Own) {
        comes(event);
        current[event.hdr.cpu] = event.next_tid;
    }
}

void DemandCollector::State::moved(const fb_migrate& event)
{
    waits.moves_are_told();
    if (of_cpu(event.hdr.cgroup_id))
        live[event.tid].moves.add(event.hdr.ts_ns, event.from_cpu);
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
    const std::uint64_t displaced_ns = waits.of_wait(event, wait_ns, task.moves);
    task.moves.clear();
    task.job.disturbed_ns += displaced_ns;
    trace.displaced_ns += displaced_ns;
    if (!task.on_cpu)
        trace.most_running = std::max(trace.most_running, ++running);
    task.on_cpu = true;
    task.on_since_ns = at_ns;
}

// It gives the CPU up, or has lost it.
void DemandCollector::State::leaves(const fb_switch& event)
{
    Task& task = live[event.prev_tid];
    const std::uint64_t at_ns = event.hdr.ts_ns;
    if (!task.on_cpu && (event.flags & FB_SW_PREV_SLICE) != 0) {
        // It was on the CPU when this began, or its switch-in was lost.
        const std::uint64_t slice_ns = event.slice_ns;
        task.on_since_ns = at_ns - std::min(at_ns, slice_ns);
        if (!task.in_job)
            task.job = {.begin_ns = task.on_since_ns};
        task.in_job = true;
        task.on_cpu = true;
        trace.most_running = std::max(trace.most_running, ++running);
    }
    if (task.on_cpu) {
        account(task, task.on_since_ns, at_ns, event.irq_ns);
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
    const std::uint64_t age_ns = from_ns - std::min(from_ns, task.job.begin_ns);
    const bool endless = age_ns > kEndlessNs;
    trace.endless_ns += endless ? ran : 0;
    trace.surely_endless_ns += age_ns > kEndlessNs + task.job.disturbed_ns ? ran : 0;
    // Asked for earlier by as much as cpu.max has held this job; and, but for others, by as much as they took of it.
    const std::uint64_t held_ns = endless ? 0 : std::min(task.job.held_ns, age_ns);
    const std::uint64_t earlier_ns = endless ? 0 : std::min(task.job.held_ns + task.job.disturbed_ns, age_ns);
    steps.add(from_ns - held_ns, to_ns - held_ns, ran);
    undisturbed.add(from_ns - earlier_ns, from_ns - earlier_ns + ran, ran);
    task.job.disturbed_ns += wall - ran;
    trace.interrupted_ns += wall - ran;
}

void DemandCollector::State::held(const fb_held& event)
{
    const std::uint64_t until_ns = event.held_until_ns, held_ns = event.held_ns;
    const std::uint64_t from_ns = until_ns - std::min(until_ns, held_ns);
    Task& task = live[event.tid];
    task.held_before += held_ns;
    trace.held_ns += held_ns;
    if (task.in_job && from_ns - std::min(from_ns, task.job.begin_ns) > kEndlessNs) {
        steps.add(from_ns, until_ns, held_ns);
        undisturbed.add(from_ns, until_ns, held_ns);
    }
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

DemandCollector::DemandCollector(const SubtreeIds& ids, std::uint64_t begin_ns, std::uint32_t tasks,
                                 const SubtreeIds* load)
    : state_(std::make_unique<State>(ids, begin_ns, tasks, load))
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
    case FB_EV_MIGRATE:
        state_->moved(body_of<fb_migrate>(event));
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
    state.trace.undisturbed_ns = state.undisturbed.take(at_ns);
    state.trace.displaced_by = state.waits.take();
    const CpuOccupants::Totals machine = state.waits.occupants().take(at_ns);
    state.trace.others_ns = machine.others_ns;
    state.trace.spare = machine.spare;
    DemandTrace done = std::exchange(state.trace, DemandTrace{});
    state.trace.begin_ns = at_ns;
    state.ended = 0;
    state.trace.tasks.push_back({at_ns, state.tasks});
    state.trace.most_running = state.running;
    return done;
}

}  // namespace flyball::tune
