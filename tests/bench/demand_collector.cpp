// SPDX-License-Identifier: Apache-2.0
// What an event costs the collector of demand, in user space: switches of a service with its client on two CPUs, beside
// others. bench_demand_collector [EVENTS]
#include "flyball/tune/demand_trace.hpp"

#include <fmt/core.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

using namespace flyball;

constexpr std::uint64_t kService = 100, kClient = 200, kOther = 300, kUs = 1000;

tune::SubtreeIds ids_of(std::uint64_t id, const std::string& path)
{
    cgroup::Layout layout;
    layout.hierarchy_of = {{"cpu", 3}, {"pids", 4}};
    const std::vector<profile::KnownCgroup> known{{3, id, path}, {4, id, path}};
    return {layout, known, path};
}

// Idle, then the client, the service woken by it, another cgroup's task, idle again: four switches each 100 us.
std::vector<fb_event> events(std::size_t count)
{
    constexpr std::uint64_t kCgroups[] = {kClient, kService, kOther, 1};
    constexpr std::uint32_t kTids[] = {20, 10, 30, 0};
    std::vector<fb_event> all(count);
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t next = i % 4, prev = (i + 3) % 4;
        fb_switch body{};
        body.hdr = {.type = FB_EV_SWITCH,
                    .size = sizeof body,
                    .cpu = static_cast<std::uint16_t>(i / 4 % 2),
                    .prog = FB_P_SWITCH,
                    .ts_ns = (i + 1) * 25 * kUs,
                    .cgroup_id = kCgroups[next]};
        body.prev_cgroup_id = kCgroups[prev];
        body.prev_tid = kTids[prev];
        body.next_tid = kTids[next];
        body.slice_ns = 25 * kUs;
        body.wait_ns = 11 * kUs;
        body.flags = static_cast<std::uint16_t>(FB_SW_NEXT_WAIT | FB_SW_NEXT_WOKEN | FB_SW_PREV_SLICE |
                                                (prev == 3 ? FB_SW_PREV_IDLE : 0) | (next == 3 ? FB_SW_NEXT_IDLE : 0));
        std::memcpy(&all[i], &body, sizeof body);
    }
    return all;
}

}  // namespace

int main(int argc, char** argv)
{
    const std::size_t count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 2'000'000;
    const std::vector<fb_event> all = events(count);
    const tune::SubtreeIds subject = ids_of(kService, "/service");
    for (int round = 0; round < 5; ++round) {
        tune::DemandCollector collector(subject, 0, 1);
        const auto begin = std::chrono::steady_clock::now();
        for (const fb_event& event : all)
            collector.on_event(event);
        const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
        const tune::DemandTrace trace = collector.take(count * 25 * kUs);
        fmt::print("{:.1f} ns an event, {} jobs, {} ms displaced\n", took.count() / static_cast<double>(count),
                   trace.jobs.size() + trace.jobs_left_out, trace.displaced_ns / 1'000'000);
    }
}
