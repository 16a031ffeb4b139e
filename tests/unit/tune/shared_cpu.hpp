// SPDX-License-Identifier: Apache-2.0
// One CPU that a service, the client that drives it, and a neighbour share: round robin, nobody is preempted by a
// wake-up. Its switches as the kernel tells them go to a collector.
#pragma once

#include "flyball/tune/demand_trace.hpp"
#include "support/units.hpp"

#include <array>
#include <cstring>

namespace flyball::test {

class SharedCpu {
public:
    static constexpr std::uint64_t kService = 100, kClient = 200, kNeighbour = 300;
    static constexpr std::uint64_t kStepNs = 10'000;

    struct Does {
        std::uint64_t work_ns = 0, every_ns = 0;
        std::uint64_t after_ns = 0;  // of a period: it begins then
    };
    Does service, client, neighbour;
    std::uint64_t turn_ns = 3 * kMs, neighbour_turn_ns = 3 * kMs;

    explicit SharedCpu(bool load_is_known)
        : service_ids_(ids(kService, "/service")),
          client_ids_(ids(kClient, "/client")),
          collector_(service_ids_, 0, 1, load_is_known ? &client_ids_ : nullptr)
    {
    }

    tune::DemandTrace run(std::uint64_t length_ns)
    {
        for (const std::uint64_t end_ns = now_ns_ + length_ns; now_ns_ < end_ns; now_ns_ += kStepNs)
            step();
        return collector_.take(now_ns_);
    }
    [[nodiscard]] std::uint64_t now_ns() const { return now_ns_; }

private:
    struct Task {
        std::uint64_t left_ns = 0, since_ns = 0;  // of its work; runnable or on the CPU
        bool woken = false;
    };
    static constexpr std::size_t kTasks = 3, kNobody = kTasks;

    static tune::SubtreeIds ids(std::uint64_t id, const std::string& path)
    {
        cgroup::Layout layout;
        layout.hierarchy_of = {{"cpu", 3}, {"pids", 4}};
        const std::vector<profile::KnownCgroup> known{{3, id, path}, {4, id, path}};
        return {layout, known, path};
    }
    void step()
    {
        const std::array<const Does*, kTasks> all{&service, &client, &neighbour};
        for (std::size_t i = 0; i < kTasks; ++i) {
            if (all[i]->work_ns == 0 || now_ns_ % all[i]->every_ns != all[i]->after_ns)
                continue;
            if (tasks_[i].left_ns == 0) {
                tasks_[i].since_ns = now_ns_;
                tasks_[i].woken = true;
            }
            tasks_[i].left_ns += all[i]->work_ns;
        }
        const bool over = on_ == kNobody || tasks_[on_].left_ns == 0 ||
                          now_ns_ - tasks_[on_].since_ns >= (on_ == 2 ? neighbour_turn_ns : turn_ns);
        if (const std::size_t next = over ? next_one() : on_; next != on_)
            change(next);
        if (on_ != kNobody)
            tasks_[on_].left_ns -= std::min(tasks_[on_].left_ns, kStepNs);
    }
    // The one that has waited for longest; who runs now comes last.
    [[nodiscard]] std::size_t next_one() const
    {
        std::size_t next = kNobody;
        for (std::size_t i = 0; i < kTasks; ++i) {
            const bool longer = next == kNobody || tasks_[i].since_ns < tasks_[next].since_ns;
            if (i != on_ && tasks_[i].left_ns > 0 && longer)
                next = i;
        }
        return next == kNobody && on_ != kNobody && tasks_[on_].left_ns > 0 ? on_ : next;
    }
    void change(std::size_t next)
    {
        constexpr std::array<std::uint64_t, kTasks + 1> kCgroups{kService, kClient, kNeighbour, 1};
        constexpr std::array<std::uint32_t, kTasks + 1> kTids{10, 20, 30, 0};
        fb_switch event{};
        event.hdr = {.type = FB_EV_SWITCH,
                     .size = sizeof event,
                     .cpu = 0,
                     .prog = FB_P_SWITCH,
                     .ts_ns = now_ns_,
                     .cgroup_id = kCgroups[next]};
        event.prev_cgroup_id = kCgroups[on_];
        event.prev_tid = kTids[on_];
        event.next_tid = kTids[next];
        event.flags = static_cast<std::uint16_t>((on_ == kNobody ? FB_SW_PREV_IDLE : FB_SW_PREV_SLICE) |
                                                 (next == kNobody ? FB_SW_NEXT_IDLE : FB_SW_NEXT_WAIT));
        event.migrations = 1;  // moves are told here
        if (on_ != kNobody) {
            event.slice_ns = now_ns_ - tasks_[on_].since_ns;
            event.flags |= static_cast<std::uint16_t>(tasks_[on_].left_ns > 0 ? FB_SW_PREV_RUNNABLE : 0);
            tasks_[on_].since_ns = now_ns_;
            tasks_[on_].woken = false;
        }
        if (next != kNobody) {
            event.wait_ns = now_ns_ - tasks_[next].since_ns;
            event.flags |= static_cast<std::uint16_t>(tasks_[next].woken ? FB_SW_NEXT_WOKEN : 0);
            tasks_[next].since_ns = now_ns_;
        }
        on_ = next;
        fb_event wire;
        std::memcpy(&wire, &event, sizeof wire);
        collector_.on_event(wire);
    }

    tune::SubtreeIds service_ids_, client_ids_;
    tune::DemandCollector collector_;
    std::array<Task, kTasks> tasks_;
    std::size_t on_ = kNobody;
    std::uint64_t now_ns_ = 0;
};

}  // namespace flyball::test
