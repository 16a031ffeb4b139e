// SPDX-License-Identifier: Apache-2.0
// Events of tasks under a quota, written down in any order and played in that of time.
#pragma once

#include "../../../src/ledger/quota.hpp"
#include "../profile/make.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace flyball::ledger::quota_test {

inline constexpr std::uint64_t kMs = 1'000'000;
inline constexpr std::uint64_t kStart = 1'000'037 * kMs;  // a refill, off the grid of round times
inline constexpr std::uint64_t kPeriod = 100 * kMs;

enum Group : std::uint64_t { kRoot = 1, kProd = 10, kBatch = 11, kShop = 12, kOther = 20 };

inline Hierarchy sample_hierarchy()
{
    return Hierarchy(0, std::vector<profile::KnownCgroup>{{0, kRoot, "/"},
                                                          {0, kProd, "/prod"},
                                                          {0, kBatch, "/prod/batch"},
                                                          {0, kShop, "/prod/shop"},
                                                          {0, kOther, "/other"}});
}

struct Thread {
    std::uint32_t tid;
    std::uint64_t group;
    std::uint16_t cpu = 0;
};

class Script {
public:
    struct In {
        std::uint64_t held_ns = 0, throttler = 0, wait_ns = 0;
    };
    enum Out { Sleeps, Throttled, Preempted };

    // All times since kStart.
    void run(const Thread& task, std::uint64_t begin, std::uint64_t end, Out out) { run(task, begin, end, out, {}); }
    void run(const Thread& task, std::uint64_t begin, std::uint64_t end, Out out, const In& in)
    {
        if (in.held_ns > 0) {
            fb_held e{};
            e.hdr = header(FB_EV_HELD, begin, task);
            e.throttler_id = in.throttler;
            e.held_ns = in.held_ns;
            e.held_until_ns = e.hdr.ts_ns;
            e.tid = task.tid;
            add(2, e);
        }
        fb_switch come{};
        come.hdr = header(FB_EV_SWITCH, begin, task);
        come.next_tid = task.tid;
        come.wait_ns = in.wait_ns;
        come.flags = FB_SW_PREV_IDLE | FB_SW_NEXT_WAIT | (in.held_ns > 0 ? FB_SW_NEXT_HELD : 0);
        add(3, come);
        fb_switch go{};
        go.hdr = header(FB_EV_SWITCH, end, {0, kRoot, task.cpu});
        go.prev_cgroup_id = task.group;
        go.prev_tid = task.tid;
        go.slice_ns = end - begin;
        go.flags = FB_SW_NEXT_IDLE | FB_SW_PREV_SLICE | (out == Sleeps ? 0 : FB_SW_PREV_RUNNABLE) |
                   (out == Throttled ? FB_SW_PREV_THROTTLED : 0);
        add(0, go);
    }
    void episode(std::uint64_t group, std::uint32_t cpu, std::uint64_t begin, std::uint64_t end,
                 fb_throttle_kind kind = FB_THROTTLE_OWN)
    {
        fb_throttle e{};
        e.hdr = header(FB_EV_THROTTLE, end, {0, group, static_cast<std::uint16_t>(cpu)});
        e.throttler_id = group;
        e.duration_ns = end - begin;
        e.kind = kind;
        e.cpu = cpu;
        add(1, e);
    }

    std::vector<QuotaFinding> play(std::uint64_t window_ns, const CpuLimit& limit, std::uint32_t cpus = 2,
                                   const Hierarchy& hierarchy = sample_hierarchy())
    {
        std::ranges::stable_sort(events_, {}, [](const Event& e) { return std::tuple(e.wire.hdr.ts_ns, e.rank); });
        Quotas quotas(hierarchy, cpus);
        for (const Event& event : events_) {
            switch (event.wire.hdr.type) {
            case FB_EV_SWITCH:
                quotas.on_switch(std::bit_cast<fb_switch>(event.wire));
                break;
            case FB_EV_HELD:
                quotas.on_held(std::bit_cast<fb_held>(event.wire));
                break;
            default:
                quotas.on_throttle(std::bit_cast<fb_throttle>(event.wire));
                break;
            }
        }
        QuotaContext context;
        context.start_ns = kStart;
        context.end_ns = kStart + window_ns;
        context.names.path = [](std::uint64_t id) {
            const std::map<std::uint64_t, std::string> paths{
                {kProd, "/prod"}, {kBatch, "/prod/batch"}, {kShop, "/prod/shop"}, {kOther, "/other"}};
            return paths.contains(id) ? paths.at(id) : "?";
        };
        context.names.comm = [](std::uint32_t tid) { return "task" + std::to_string(tid); };
        context.limit_of = [&](std::string_view) { return limit; };
        return std::move(quotas).finish(context);
    }

private:
    struct Event {
        fb_event wire;
        int rank;  // of those at the same time
    };
    static fb_hdr header(std::uint16_t type, std::uint64_t at, const Thread& task)
    {
        fb_hdr hdr = profile::test::header(type, FB_P_SWITCH, task.group, kStart + at);
        hdr.cpu = task.cpu;
        return hdr;
    }
    template <class Wire>
    void add(int rank, const Wire& wire)
    {
        events_.push_back({profile::test::event(wire), rank});
    }

    std::vector<Event> events_;
};

inline CpuLimit limit(std::uint64_t quota_ms, std::uint64_t period_ms = 100, std::uint64_t burst_ms = 0)
{
    return {.quota_ns = quota_ms * kMs, .period_ns = period_ms * kMs, .burst_ns = burst_ms * kMs, .changed = false};
}

// A task that always wants to run: its share of each period, held for the rest.
inline void spin(Script& script, const Thread& task, std::uint64_t throttler, std::uint64_t ran_ns,
                 std::uint64_t periods, std::uint64_t period_ns = kPeriod)
{
    for (std::uint64_t i = 0; i < periods; ++i) {
        const std::uint64_t begin = i * period_ns, rest = period_ns - ran_ns;
        script.run(task, begin, begin + ran_ns, Script::Throttled,
                   i == 0 ? Script::In{} : Script::In{.held_ns = rest, .throttler = throttler, .wait_ns = 0});
        script.episode(throttler, task.cpu, begin + ran_ns, begin + period_ns);
    }
}

// Wakes up every `every` periods with so much work; sleeps when it is done.
inline void bursts(Script& script, const Thread& task, std::uint64_t throttler, std::uint64_t work_ns,
                   std::uint64_t quota_ns, std::uint64_t every, std::uint64_t times)
{
    for (std::uint64_t i = 0; i < times; ++i) {
        std::uint64_t at = i * every * kPeriod, left = work_ns;
        Script::In in;
        for (; left > quota_ns; left -= quota_ns, at += kPeriod) {
            script.run(task, at, at + quota_ns, Script::Throttled, in);
            script.episode(throttler, task.cpu, at + quota_ns, at + kPeriod);
            in = {.held_ns = kPeriod - quota_ns, .throttler = throttler, .wait_ns = 0};
        }
        script.run(task, at, at + left, Script::Sleeps, in);
    }
}

inline std::uint64_t periods_at(const QuotaFinding& finding, double cpus)
{
    for (const DemandBin& bin : finding.demand) {
        if (bin.cpus > cpus - 1e-9)
            return bin.periods;
    }
    return 0;
}

}  // namespace flyball::ledger::quota_test
