// SPDX-License-Identifier: Apache-2.0
// Block events of a subject and of others, fed to a collector.
#pragma once

#include "flyball/tune/io_trace.hpp"

#include <bit>
#include <cstdint>
#include <vector>

namespace flyball::test {

struct IoPlay {
    static constexpr std::uint64_t kOurs = 100, kChild = 101, kOther = 7;
    static constexpr std::uint64_t kBegin = 5'000'000'000;
    static constexpr std::uint64_t kSector = 512;

    static tune::SubtreeIds ids()
    {
        cgroup::Layout layout;
        layout.hierarchy_of = {{"io", 0}};
        const std::vector<profile::KnownCgroup> known{
            {0, kOurs, "/ours"}, {0, kChild, "/ours/child"}, {0, kOther, "/other"}};
        return {layout, known, "/ours"};
    }

    static std::uint64_t at(std::uint64_t ns) { return kBegin + ns; }

    void bio(std::uint64_t ns, std::uint64_t sector, std::uint64_t sectors, fb_event_type type = FB_EV_BIO)
    {
        fb_bio body{};
        body.hdr = {.type = static_cast<__u16>(type),
                    .size = sizeof body,
                    .cpu = 0,
                    .prog = FB_P_BIO,
                    .ts_ns = at(ns),
                    .cgroup_id = cgroup};
        body.sector = sector;
        body.dev = device;
        body.bytes = static_cast<__u32>(sectors * kSector);
        collector.on_event(std::bit_cast<fb_event>(body));
    }

    // In the device from `from` to `to`.
    void request(std::uint64_t from, std::uint64_t to, bool own, std::uint64_t sector = 0, std::uint64_t sectors = 8,
                 std::uint64_t queue_ns = 0)
    {
        fb_rq body{};
        body.hdr = {.type = FB_EV_RQ,
                    .size = sizeof body,
                    .cpu = 0,
                    .prog = FB_P_RQ,
                    .ts_ns = at(to),
                    .cgroup_id = own ? cgroup : kOther};
        body.queue_ns = queue_ns;
        body.device_ns = to - from;
        body.dev = device;
        body.bytes = static_cast<__u32>(sectors * kSector);
        body.sector = sector;
        collector.on_event(std::bit_cast<fb_event>(body));
    }

    tune::SubtreeIds subtree = ids();
    std::uint32_t device = 253U << 20;
    std::uint64_t cgroup = kOurs;
    tune::IoCollector collector{subtree, kBegin};
};

}  // namespace flyball::test
