// SPDX-License-Identifier: Apache-2.0
// A small scheduler that makes random schedules, tells them in wire events, and keeps the true ledger by
// the dumbest means: whenever time passes, each task is charged for it.
#pragma once

#include "flyball/abi/events.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <utility>
#include <vector>

namespace flyball::test {

// Bugs that other tools shipped, put into what the events say (prior art: the traps of scheduling).
enum class Bug {
    None,
    ThrottledWaitIsContention,  // the hold is part of the wait
    OwnLimitOnly,               // the hold is blamed on the task's own cgroup, never on an ancestor
    CurrentIsTheWokenTask,      // the wait goes to the cgroup of who runs there
    IdleIsATask,                // the idle task of each CPU shares pid 0 and counts as somebody
    OneEpisodeACgroup,          // throttling is dated by cgroup, not by cgroup and CPU
    MovesAreNotTold,            // the whole wait is laid over the CPU where it ended
};

struct TrueAccount {
    std::uint64_t run = 0, sleep = 0, idle = 0, own = 0, kernel = 0, waits = 0;
    std::map<std::uint64_t, std::uint64_t> held_by, displaced_by;  // by cgroup
    friend bool operator==(const TrueAccount&, const TrueAccount&) = default;
};

class Schedule {
public:
    // The tree: root 1; 10 with a quota, 11 and 12 below it; 20 and 30 beside it. Kernel threads are in 1.
    static constexpr std::uint64_t kRoot = 1, kQuota = 10, kBelow = 11, kBelowToo = 12, kRival = 20, kOther = 30;

    Schedule(unsigned seed, std::uint32_t cpus, std::uint32_t tasks, Bug bug = Bug::None)
        : random_(seed), bug_(bug), cpus_(cpus)
    {
        constexpr std::uint64_t kGroups[] = {kBelow, kBelowToo, kRival, kOther, kQuota, kRoot};
        for (std::uint32_t i = 0; i < tasks; ++i)
            tasks_.push_back({.tid = 100 + i, .cgroup = kGroups[i % 6], .cpu = pick(cpus)});
        // Who has a CPU is told by its first switch: here nobody has, from the beginning.
        for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
            fb_switch e{};
            e.hdr = header(FB_EV_SWITCH, cpu, kRoot);
            e.prev_cgroup_id = kRoot;
            e.flags = FB_SW_PREV_IDLE | FB_SW_NEXT_IDLE;
            events_.push_back(std::bit_cast<fb_event>(e));
        }
    }

    void run(int steps)
    {
        for (int i = 0; i < steps; ++i) {
            pass(1 + pick(100'000));
            switch (pick(8)) {
            case 0:
            case 1:
                wake();
                break;
            case 2:
                migrate();
                break;
            case 3:
                throttle();
                break;
            default:
                reschedule(pick(static_cast<std::uint32_t>(cpus_.size())));
                break;
            }
        }
        pass(1000);
        for (std::uint32_t cpu = 0; cpu < cpus_.size(); ++cpu) {
            if (cpus_[cpu].throttled_since)
                unthrottle(cpu);
        }
    }

    // Lets everybody run once more and go to sleep, so that no wait is open at the end.
    void settle()
    {
        for (int rounds = 0; rounds < 1000 && (any(Now::Waiting) != nullptr || any(Now::Running) != nullptr);
             ++rounds) {
            for (std::uint32_t cpu = 0; cpu < cpus_.size(); ++cpu) {
                pass(1000);
                reschedule(cpu);
            }
        }
        pass(5000);
    }

    // Sorted by time, with each CPU's own order kept.
    [[nodiscard]] const std::vector<fb_event>& events() const { return events_; }
    [[nodiscard]] const std::map<std::uint64_t, TrueAccount>& truth() const { return truth_; }
    [[nodiscard]] std::uint64_t now() const { return now_; }
    [[nodiscard]] static constexpr std::uint64_t start() { return kStart; }

    // What the task iterator would say at either end.
    [[nodiscard]] std::vector<fb_task_record> records() const
    {
        std::vector<fb_task_record> result;
        for (const Task& task : tasks_) {
            fb_task_record r{};
            r.tid = r.tgid = task.tid;
            r.cpu_cgroup_id = task.cgroup;
            r.start_ns = 1;
            result.push_back(r);
        }
        return result;
    }

private:
    static constexpr std::uint64_t kStart = 1'000'000'000;
    enum class Now { Blocked, Waiting, Running };
    struct Task {
        std::uint32_t tid = 0;
        std::uint64_t cgroup = 0;
        std::uint32_t cpu = 0;
        Now now = Now::Blocked;
        bool seen = false;
        std::uint64_t since = kStart;  // of its state
        std::uint64_t held = 0;        // of the wait under way
        TrueAccount pending{};         // of the wait under way: booked when it ends
    };
    struct Cpu {
        Task* running = nullptr;
        std::uint64_t switched = kStart;
        std::optional<std::uint64_t> throttled_since;
    };

    std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }
    static bool under_quota(std::uint64_t cgroup)
    {
        return cgroup == kQuota || cgroup == kBelow || cgroup == kBelowToo;
    }
    bool held(const Task& task) const
    {
        return under_quota(task.cgroup) && cpus_[task.cpu].throttled_since.has_value();
    }
    static bool is_kthread(const Task& task) { return task.cgroup == kRoot; }

    void pass(std::uint64_t ns)
    {
        now_ += ns;
        for (Task& task : tasks_) {
            TrueAccount& book = task.now == Now::Waiting ? task.pending : truth_[task.cgroup];
            if (task.now == Now::Blocked) {
                book.sleep += task.seen ? ns : 0;  // before: the ledger cannot know why
            } else if (task.now == Now::Running) {
                book.run += ns;
            } else if (held(task)) {
                book.held_by[kQuota] += ns;
                task.held += ns;
            } else if (const Task* other = cpus_[task.cpu].running; other == nullptr) {
                book.idle += ns;
            } else if (other->cgroup == task.cgroup) {
                book.own += ns;
            } else if (is_kthread(*other)) {
                book.kernel += ns;
            } else {
                book.displaced_by[other->cgroup] += ns;
            }
        }
    }

    Task* any(Now state)
    {
        std::vector<Task*> found;
        for (Task& task : tasks_) {
            if (task.now == state)
                found.push_back(&task);
        }
        return found.empty() ? nullptr : found[pick(static_cast<std::uint32_t>(found.size()))];
    }

    void wake()
    {
        Task* task = any(Now::Blocked);
        if (task == nullptr)
            return;
        task->now = Now::Waiting;
        task->cpu = pick(static_cast<std::uint32_t>(cpus_.size()));
        task->since = now_;
        task->held = 0;
    }

    void migrate()
    {
        Task* task = any(Now::Waiting);
        const std::uint32_t to = pick(static_cast<std::uint32_t>(cpus_.size()));
        if (task == nullptr || task->cpu == to)
            return;
        // The kernel moves nobody out of or into a throttled queue (throttled_lb_pair()).
        if (under_quota(task->cgroup) && (cpus_[task->cpu].throttled_since || cpus_[to].throttled_since))
            return;
        if (bug_ != Bug::MovesAreNotTold) {
            fb_migrate e{};
            e.hdr = header(FB_EV_MIGRATE, pick(static_cast<std::uint32_t>(cpus_.size())), task->cgroup);
            e.tid = task->tid;
            e.from_cpu = static_cast<std::uint16_t>(task->cpu);
            e.to_cpu = static_cast<std::uint16_t>(to);
            events_.push_back(std::bit_cast<fb_event>(e));
        }
        task->cpu = to;
    }

    void throttle()
    {
        const std::uint32_t cpu = pick(static_cast<std::uint32_t>(cpus_.size()));
        if (cpus_[cpu].throttled_since)
            return unthrottle(cpu);
        cpus_[cpu].throttled_since = now_;
        last_throttled_ = now_;
        if (Task* running = cpus_[cpu].running; running != nullptr && under_quota(running->cgroup))
            reschedule(cpu);
    }

    void unthrottle(std::uint32_t cpu)
    {
        fb_throttle e{};
        e.hdr = header(FB_EV_THROTTLE, pick(static_cast<std::uint32_t>(cpus_.size())), kQuota);
        e.throttler_id = kQuota;
        e.duration_ns = now_ - (bug_ == Bug::OneEpisodeACgroup ? last_throttled_ : *cpus_[cpu].throttled_since);
        e.kind = FB_THROTTLE_OWN;
        e.cpu = cpu;
        events_.push_back(std::bit_cast<fb_event>(e));
        cpus_[cpu].throttled_since.reset();
    }

    void reschedule(std::uint32_t cpu)
    {
        Cpu& here = cpus_[cpu];
        std::vector<Task*> ready;
        for (Task& task : tasks_) {
            if (task.now == Now::Waiting && task.cpu == cpu && !held(task))
                ready.push_back(&task);
        }
        Task* next = ready.empty() ? nullptr : ready[pick(static_cast<std::uint32_t>(ready.size()))];
        Task* prev = here.running;
        if (next == nullptr && prev == nullptr)
            return;
        fb_switch e{};
        e.hdr = header(FB_EV_SWITCH, cpu, next != nullptr ? next->cgroup : kRoot);
        e.prev_cgroup_id = prev != nullptr ? prev->cgroup : kRoot;
        if (bug_ == Bug::CurrentIsTheWokenTask && next != nullptr && prev != nullptr)
            e.hdr.cgroup_id = prev->cgroup;
        std::uint32_t flags = 0;
        if (prev == nullptr) {
            flags |= bug_ == Bug::IdleIsATask ? 0 : FB_SW_PREV_IDLE;
        } else {
            const bool throttled = held(*prev);
            const bool wants_more = throttled || pick(2) == 0;
            flags |= FB_SW_PREV_SLICE | (is_kthread(*prev) ? FB_SW_PREV_KTHREAD : 0) |
                     (wants_more ? FB_SW_PREV_RUNNABLE : 0) | (throttled ? FB_SW_PREV_THROTTLED : 0);
            e.prev_tid = prev->tid;
            e.slice_ns = now_ - here.switched;
            prev->now = wants_more ? Now::Waiting : Now::Blocked;
            prev->since = now_;
            prev->held = 0;
        }
        if (next == nullptr) {
            flags |= bug_ == Bug::IdleIsATask ? 0 : FB_SW_NEXT_IDLE;
        } else {
            e.next_tid = next->tid;
            const std::uint64_t held = next->held;
            e.wait_ns = now_ - next->since - (bug_ == Bug::ThrottledWaitIsContention ? 0 : held);
            flags |= FB_SW_NEXT_WAIT | (is_kthread(*next) ? FB_SW_NEXT_KTHREAD : 0);
            if (held > 0 && bug_ != Bug::ThrottledWaitIsContention) {
                flags |= FB_SW_NEXT_HELD;
                fb_held h{};
                h.hdr = header(FB_EV_HELD, cpu, next->cgroup);
                h.throttler_id = bug_ == Bug::OwnLimitOnly ? next->cgroup : pick(2) == 0 ? kQuota : 0;
                h.held_ns = held;
                h.held_until_ns = now_;
                h.tid = next->tid;
                events_.push_back(std::bit_cast<fb_event>(h));
            }
            book(*next);
            next->now = Now::Running;
            next->seen = true;
        }
        e.flags = static_cast<std::uint16_t>(flags);
        events_.push_back(std::bit_cast<fb_event>(e));
        here.running = next;
        here.switched = now_;
    }

    void book(Task& task)
    {
        TrueAccount& book = truth_[task.cgroup];
        ++book.waits;
        book.idle += task.pending.idle;
        book.own += task.pending.own;
        book.kernel += task.pending.kernel;
        for (const auto& [cgroup, ns] : task.pending.held_by)
            book.held_by[cgroup] += ns;
        for (const auto& [cgroup, ns] : task.pending.displaced_by)
            book.displaced_by[cgroup] += ns;
        task.pending = {};
        task.held = 0;
    }

    [[nodiscard]] fb_hdr header(std::uint16_t type, std::uint32_t cpu, std::uint64_t cgroup) const
    {
        fb_hdr hdr{};
        hdr.type = type;
        hdr.size = sizeof(fb_event);
        hdr.cpu = static_cast<std::uint16_t>(cpu);
        hdr.ts_ns = now_;
        hdr.cgroup_id = cgroup;
        return hdr;
    }

    std::mt19937 random_;
    Bug bug_;
    std::vector<Cpu> cpus_;
    std::vector<Task> tasks_;
    std::vector<fb_event> events_;
    std::map<std::uint64_t, TrueAccount> truth_;
    std::uint64_t now_ = kStart;
    std::uint64_t last_throttled_ = 0;
};

}  // namespace flyball::test
