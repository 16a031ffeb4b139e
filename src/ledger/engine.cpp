// SPDX-License-Identifier: Apache-2.0
#include "engine.hpp"

#include "flyball/profile/histogram.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace flyball::ledger {
namespace {

constexpr std::size_t kEpisodesKept = 256;  // of a CPU: a wait that spans more of them is held for minutes
constexpr std::size_t kMovesKept = 64;
constexpr std::size_t kRequestsKept = 64;
constexpr std::size_t kStalledKept = 64;
// A dead task may run once more (its parent reaps it) or its last events may be late.
constexpr std::uint64_t kDeadKeptNs = 1'000'000'000;

template <class T>
void push_bounded(std::vector<T>& list, std::size_t kept, const T& value)
{
    if (list.size() >= kept)
        list.erase(list.begin());
    list.push_back(value);
}

// Of a slice's interrupts, the share of a part of it.
std::uint64_t irq_share(const Slice& slice, std::uint64_t ns)
{
    if (slice.irq_ns == 0)
        return 0;
    const std::uint64_t whole = slice.span.length();
    return std::min(
        ns, static_cast<std::uint64_t>(profile::Uint128{slice.irq_ns} * ns / std::max<std::uint64_t>(whole, 1)));
}

}  // namespace

Engine::Engine(std::uint64_t window_start_ns, Inside inside) : start_ns_(window_start_ns), inside_(std::move(inside)) {}

Task& Engine::task(std::uint32_t tid)
{
    const auto [slot, is_new] = tasks_.try_emplace(tid);
    if (is_new)
        slot->second.until_ns = slot->second.entered_ns = start_ns_;
    return slot->second;
}

CpuLog& Engine::log(std::uint32_t cpu)
{
    while (logs_.size() <= cpu) {
        logs_.emplace_back(start_ns_);
        episodes_.emplace_back();
    }
    return logs_[cpu];
}

// Its life up to now belonged to the cgroup that it was in.
void Engine::enter(Task& task, std::uint64_t cgroup, std::uint64_t at_ns)
{
    if (task.cgroup == cgroup)
        return;
    if (task.cgroup != 0)
        accounts_.of(task.cgroup).life_ns += at_ns - task.entered_ns;
    task.cgroup = cgroup;
    task.entered_ns = at_ns;
    ++accounts_.of(cgroup).tasks;
}

void Engine::end_life(Task& task)
{
    if (task.cgroup != 0)
        accounts_.of(task.cgroup).life_ns += task.until_ns - task.entered_ns;
}

void Engine::on_switch(const fb_switch& event)
{
    if (!log(event.hdr.cpu).on_switch(event))
        ++proof_.chain_breaks;
    if ((event.flags & FB_SW_PREV_IDLE) == 0)
        leave(event);
    if ((event.flags & FB_SW_NEXT_IDLE) == 0)
        arrive(event);
    forget_dead(event.hdr.ts_ns);
}

void Engine::leave(const fb_switch& event)
{
    Task& task = this->task(event.prev_tid);
    const std::uint64_t now = std::max<std::uint64_t>(event.hdr.ts_ns, task.until_ns);
    enter(task, event.prev_cgroup_id, task.until_ns);
    OpenAccount& account = accounts_.of(task.cgroup);

    const std::uint64_t span = now - task.until_ns;
    // What the program saw of its slice; without that (it ran when we came) all the time since it arrived.
    const bool told = (event.flags & FB_SW_PREV_SLICE) != 0 || task.now != TaskNow::Running;
    const std::uint64_t ran = told ? std::min<std::uint64_t>(event.slice_ns, span) : span;
    const std::uint64_t irq = std::min<std::uint64_t>(event.irq_ns, ran);
    account[Part::Run] += ran - irq;
    account[Part::Interrupted] += irq;
    account[Part::Unknown] += span - ran;
    account.burn.add(event.prev_tid, ran);

    task.until_ns = now;
    task.cpu = event.hdr.cpu;
    task.left_flags = event.flags;
    task.now = (event.flags & FB_SW_PREV_RUNNABLE) != 0 ? TaskNow::Runnable : TaskNow::Blocked;
    task.moves.clear();
    task.requests.clear();
    if (task.exiting && task.now == TaskNow::Blocked) {
        task.now = TaskNow::Dead;
        dead_.emplace_back(now, event.prev_tid);
    }
}

void Engine::arrive(const fb_switch& event)
{
    Task& task = this->task(event.next_tid);
    const std::uint64_t now = std::max<std::uint64_t>(event.hdr.ts_ns, task.until_ns);
    if (task.now == TaskNow::Unseen)
        enter(task, event.hdr.cgroup_id, task.until_ns);
    std::uint64_t held = 0, throttler = 0;
    if (const auto found = held_.find(event.next_tid); found != held_.end()) {
        if (found->second.hdr.ts_ns == event.hdr.ts_ns) {
            held = found->second.held_ns;
            throttler = found->second.throttler_id;
        }
        held_.erase(found);
    }
    if ((event.flags & FB_SW_NEXT_WAIT) != 0) {
        // A wait that reaches back over the window's edge (or a lost event) is cut there.
        const std::uint64_t length = std::min<std::uint64_t>(event.wait_ns + held, now - task.until_ns);
        const Wait wait{.span = {now - length, now},
                        .cpu = event.hdr.cpu,
                        .held_ns = std::min(held, length),
                        .throttler = throttler};
        spend_blocked(task, {task.until_ns, wait.span.from});
        task.until_ns = wait.span.from;
        enter(task, event.hdr.cgroup_id, wait.span.from);
        spend_wait(event.next_tid, task, wait);
        ++accounts_.of(task.cgroup).waits;
    } else {
        enter(task, event.hdr.cgroup_id, task.until_ns);
        accounts_.of(task.cgroup)[Part::Unknown] += now - task.until_ns;
    }
    task.until_ns = now;
    task.cpu = event.hdr.cpu;
    task.now = TaskNow::Running;
}

void Engine::spend_wait(std::uint32_t tid, Task& task, const Wait& wait)
{
    OpenAccount& account = accounts_.of(task.cgroup);
    const std::uint64_t before = total(account.parts, Family::Wait);
    account.longest_wait_ns = std::max(account.longest_wait_ns, wait.span.length());
    split_at_moves(wait, task.moves, legs_);
    for (const Leg& leg : legs_)
        (void)log(leg.cpu);

    std::uint64_t throttler = wait.throttler;
    const auto concerns = [&](std::uint64_t cgroup) {
        if (wait.throttler != 0)
            return cgroup == wait.throttler;
        if (!inside_(task.cgroup, cgroup))
            return false;
        throttler = cgroup;  // queued behind the one that spent the quota: its own limit or an ancestor's
        return true;
    };
    place_holds(wait, legs_, [&](std::uint32_t cpu) -> const auto& { return episodes_[cpu]; }, concerns, holds_);
    if (wait.held_ns > 0) {
        account[Part::Held] += wait.held_ns;
        account.held_by[throttler].add(wait.cpu, tid, wait.held_ns);
    }
    for (const Leg& leg : legs_) {
        std::uint64_t from = leg.span.from;
        for (const Span& hold : holds_) {
            const Span common = overlap(hold, leg.span);
            if (common.length() == 0)
                continue;
            spend_wait_part(tid, task, account, {leg.cpu, {from, common.from}});
            from = common.to;
        }
        spend_wait_part(tid, task, account, {leg.cpu, {from, leg.span.to}});
    }
    ++proof_.waits;
    if (total(account.parts, Family::Wait) - before != wait.span.length())
        ++proof_.unbalanced_waits;
}

void Engine::spend_wait_part(std::uint32_t tid, const Task& task, OpenAccount& account, const Leg& leg)
{
    if (leg.span.length() == 0)
        return;
    log(leg.cpu).over(leg.span, [&](const Slice& slice, std::uint64_t ns) {
        if (slice.who == Occupant::Idle) {
            account[Part::WaitIdle] += ns;
            return;
        }
        // nobody waits for himself: a switch was lost
        if (slice.who == Occupant::Unknown || slice.tid == tid) {
            account[Part::WaitUnknown] += ns;
            return;
        }
        const std::uint64_t irq = irq_share(slice, ns);
        account[Part::WaitInterrupts] += irq;
        const std::uint64_t taken = ns - irq;
        if (slice.cgroup == task.cgroup) {
            account[Part::OwnTasks] += taken;
            account.own_tasks.add(slice.tid, taken);
        } else if (slice.who == Occupant::KernelThread) {
            account[Part::KernelThreads] += taken;
            account.kernel_threads.add(slice.tid, taken);
        } else {
            account[Part::Displaced] += taken;
            account.displaced_by[slice.cgroup].add(leg.cpu, slice.tid, taken);
        }
    });
}

void Engine::spend_blocked(Task& task, Span span)
{
    const std::uint64_t ns = span.length();
    if (ns == 0)
        return;
    OpenAccount& account = accounts_.of(task.cgroup);
    if (task.now == TaskNow::Unseen) {
        account[Part::BlockedBefore] += ns;
        return;
    }
    if (task.now != TaskNow::Blocked && task.now != TaskNow::Dead) {
        account[Part::Unknown] += ns;  // it blocked or ran meanwhile, and that was not seen
        return;
    }
    if ((task.left_flags & FB_SW_PREV_MEMSTALL) != 0) {
        account[Part::MemoryOther] += ns;  // until its stall tells
        push_bounded(task.stalled, kStalledKept, span);
        return;
    }
    if ((task.left_flags & FB_SW_PREV_IOWAIT) == 0) {
        account[Part::Sleep] += ns;
        return;
    }
    std::vector<Span> free{span};
    for (const Request& r : task.requests)
        account[Part::IoDevice] += claim(free, {r.issued_ns, r.done_ns});
    for (const Request& r : task.requests)
        account[Part::IoQueued] += claim(free, {r.begun_ns, r.issued_ns});
    for (const Request& r : task.requests)
        account[Part::IoThrottled] += claim(free, {r.submitted_ns, r.begun_ns});
    account[Part::IoOther] += length(free);
}

void Engine::on_held(const fb_held& event)
{
    held_[event.tid] = event;
}

void Engine::on_migrate(const fb_migrate& event)
{
    push_bounded(task(event.tid).moves, kMovesKept, {event.hdr.ts_ns, event.from_cpu, event.to_cpu});
}

void Engine::on_throttle(const fb_throttle& event)
{
    if (event.kind != FB_THROTTLE_OWN)
        return;
    (void)log(event.cpu);
    auto& episodes = episodes_[event.cpu];
    episodes.push_back(
        {event.hdr.cgroup_id,
         {event.hdr.ts_ns - std::min<std::uint64_t>(event.duration_ns, event.hdr.ts_ns), event.hdr.ts_ns}});
    if (episodes.size() > kEpisodesKept)
        episodes.pop_front();
}

void Engine::on_stall(const fb_stall& event)
{
    const auto found = tasks_.find(event.tid);
    if (found == tasks_.end() || found->second.stalled.empty())
        return;
    Task& task = found->second;
    const Span stall{event.hdr.ts_ns - std::min<std::uint64_t>(event.duration_ns, event.hdr.ts_ns), event.hdr.ts_ns};
    const std::uint64_t ns = claim(task.stalled, stall);
    OpenAccount& account = accounts_.of(task.cgroup);
    const std::uint64_t moved = std::min(ns, account[Part::MemoryOther]);  // less: it changed its cgroup meanwhile
    account[Part::MemoryOther] -= moved;
    account[event.kind == FB_STALL_HIGH      ? Part::MemoryHigh
            : event.kind == FB_STALL_REFAULT ? Part::MemoryRefault
                                             : Part::MemoryReclaim] += moved;
}

void Engine::on_request(const fb_rq& event)
{
    devices_.on_request(event, [&](std::uint32_t tid, const Request& request) {
        if (const auto found = tasks_.find(tid); found != tasks_.end())
            push_bounded(found->second.requests, kRequestsKept, request);
    });
}

void Engine::on_task(const fb_task& event)
{
    if (event.kind == FB_TASK_FORK) {
        // The tid of a task that died unseen, or whose last switch was folded.
        if (const auto old = tasks_.find(event.tid); old != tasks_.end()) {
            end_life(old->second);
            tasks_.erase(old);
        }
        Task& task = this->task(event.tid);
        task.until_ns = task.entered_ns = event.hdr.ts_ns;
        task.now = TaskNow::Blocked;  // until it is woken for the first time
        enter(task, event.cpu_cgroup_id, event.hdr.ts_ns);
    } else if (event.kind == FB_TASK_EXIT) {
        task(event.tid).exiting = true;
    }
}

void Engine::forget_dead(std::uint64_t now_ns)
{
    while (!dead_.empty() && dead_.front().first + kDeadKeptNs < now_ns) {
        const auto [since, tid] = dead_.front();
        dead_.pop_front();
        const auto found = tasks_.find(tid);
        // it ran again, and is dead since later; or its tid is another's now
        if (found == tasks_.end() || found->second.now != TaskNow::Dead || found->second.until_ns != since)
            continue;
        end_life(found->second);
        tasks_.erase(found);
    }
}

// Whose limit holds a task that is still held: its episode is not over and was not told.
std::uint64_t Engine::last_throttler(const Task& task, std::uint32_t cpu)
{
    (void)log(cpu);
    for (auto episode = episodes_[cpu].rbegin(); episode != episodes_[cpu].rend(); ++episode) {
        if (inside_(task.cgroup, episode->cgroup))
            return episode->cgroup;
    }
    return 0;
}

void Engine::spend_rest(std::uint32_t tid, Task& task, std::uint64_t end_ns)
{
    if (task.cgroup != 0 && task.now != TaskNow::Dead && end_ns > task.until_ns) {
        OpenAccount& account = accounts_.of(task.cgroup);
        const Span rest{task.until_ns, end_ns};
        switch (task.now) {
        case TaskNow::Running:
            account[Part::Run] += rest.length();
            account.burn.add(tid, rest.length());
            break;
        case TaskNow::Runnable: {
            const bool held = (task.left_flags & FB_SW_PREV_THROTTLED) != 0;
            const std::uint32_t cpu = task.moves.empty() ? task.cpu : task.moves.back().to_cpu;
            spend_wait(tid, task,
                       {.span = rest,
                        .cpu = cpu,
                        .held_ns = held ? rest.length() : 0,
                        .throttler = last_throttler(task, cpu)});
            break;
        }
        default:
            spend_blocked(task, rest);
            break;
        }
        task.until_ns = end_ns;
    }
    end_life(task);
}

void Engine::finish(std::uint64_t end_ns, std::span<const fb_task_record> first, std::span<const fb_task_record> last)
{
    std::map<std::uint32_t, std::uint64_t> started_before;
    for (const fb_task_record& record : first)
        started_before[record.tid] = record.start_ns;
    for (const fb_task_record& record : last) {
        const auto [slot, unseen] = tasks_.try_emplace(record.tid);
        Task& task = slot->second;
        if (!unseen && task.cgroup != 0)
            continue;
        // Nothing was seen of it: it did the same all the time.
        const auto before = started_before.find(record.tid);
        const bool lived = before != started_before.end() && before->second == record.start_ns;
        task.until_ns = lived ? start_ns_ : std::clamp<std::uint64_t>(record.start_ns, start_ns_, end_ns);
        task.entered_ns = task.until_ns;
        task.now = (record.flags & 1) != 0 ? TaskNow::Running : TaskNow::Unseen;
        enter(task, record.cpu_cgroup_id, task.until_ns);
    }
    for (auto& [tid, task] : tasks_)
        spend_rest(tid, task, end_ns);
    tasks_.clear();
}

}  // namespace flyball::ledger
