// SPDX-License-Identifier: Apache-2.0
// What a cgroup had of each block device, in steps of 100 ms, from the events of the block layer. Pure; not
// thread-safe.
//
// A device that works on several requests at a time is no CPU: the sum of their service times says nothing of how much
// of it somebody has. Its time is shared instead among those that are in it: at each instant the subject has (its
// requests in the device) / (all requests in the device). For a device that works on one request at a time that is the
// time it works for the subject. For one that has room left it is more than the subject needs, which is why iocost
// counts what requests cost by a model; what that takes is kept as well (IoWork).
#pragma once

#include "flyball/cgroup/io_control.hpp"
#include "flyball/profile/histogram.hpp"
#include "flyball/stream/in_order.hpp"
#include "flyball/tune/subtree_ids.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace flyball::tune {

inline constexpr std::uint64_t kIoStepNs = 100'000'000;

// Bios by what the linear model of iocost tells apart (block/blk-iocost.c: calc_vtime_cost_builtin()): [0] reads, [1]
// writes. Random: further than 16 MiB from the end of the cgroup's bio before.
struct IoWork {
    std::array<std::uint64_t, 2> sequential{}, random{}, pages{};
    IoWork& operator+=(const IoWork& other);
};
// Seconds of the device that this takes by the model (the same file: calc_lcoefs()).
[[nodiscard]] double cost_s(const cgroup::CostModel& model, const IoWork& work);

struct IoStep {
    double own_ns = 0;                         // the subject's share of the device's time
    std::uint64_t busy_ns = 0;                 // with a request of anyone in it
    double depth_ns = 0;                       // requests in it, by time
    std::uint64_t own_ios = 0, own_bytes = 0;  // requests completed
    std::uint64_t all_ios = 0, all_bytes = 0;
    IoWork work;  // of the subject's bios, when they were queued
};

struct IoDeviceTrace {
    cgroup::DeviceNumber device = 0;
    std::vector<IoStep> steps;  // the last one may be cut short by the end of the window
    // Of the subject's requests. total: from when a bio was queued (before io.max and iocost hold it) to its
    // completion; queue: from then to its issue to the driver; device: from issue to completion.
    profile::Histogram total, queue, device_time;
    profile::Histogram others_device_time;
    std::uint32_t most_in_device = 0;
    std::uint64_t without_bio = 0;  // requests whose bio was not seen: `queue` begins with the request

    [[nodiscard]] double own_ns() const;
    [[nodiscard]] std::uint64_t busy_ns() const;
    [[nodiscard]] double depth_ns() const;
    [[nodiscard]] std::uint64_t own_ios() const;
    [[nodiscard]] std::uint64_t own_bytes() const;
};

struct IoTrace {
    std::uint64_t begin_ns = 0, end_ns = 0;
    std::vector<IoDeviceTrace> devices;  // by the subject's share, the largest first
    std::uint64_t left_out = 0;          // requests beyond what is kept
    [[nodiscard]] const IoDeviceTrace* device(cgroup::DeviceNumber device) const;
    [[nodiscard]] std::uint64_t span_ns() const { return end_ns - begin_ns; }
};

class IoCollector final : public stream::OrderedSink {
public:
    // subtree: whose "io" ids are the subject's; outlives the collector. Whoever owns it tells it of control records.
    IoCollector(const SubtreeIds& subtree, std::uint64_t begin_ns);
    ~IoCollector() override;
    IoCollector(IoCollector&&) noexcept;
    IoCollector& operator=(IoCollector&&) noexcept;

    void on_event(const fb_event& event) override;
    void on_control(std::span<const std::byte> /*bytes*/) override {}

    // Ends a window and begins the next. A request belongs to the window of its completion, its time to that part of
    // the window in which it was in the device: of those under way at the end, the time before it is not seen.
    [[nodiscard]] IoTrace take(std::uint64_t at_ns);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace flyball::tune
