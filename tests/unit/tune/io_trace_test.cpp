// SPDX-License-Identifier: Apache-2.0
// Streams of block events whose occupancy, latencies and costs can be said by hand, or by adding up instant by instant.
#include "flyball/tune/io_trace.hpp"
#include "io_events.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"

#include <random>

using namespace flyball;
using namespace flyball::tune;
using flyball::test::kMs;
using test::IoPlay;

namespace {

}  // namespace

TEST_CASE("io trace: a request alone has the device while it is in it, in the steps in which it is")
{
    IoPlay play;
    play.request(10 * kMs, 30 * kMs, true);
    play.request(90 * kMs, 130 * kMs, true);
    const IoTrace trace = play.collector.take(play.at(300 * kMs));
    REQUIRE(trace.devices.size() == 1);
    const IoDeviceTrace& device = trace.devices.front();
    REQUIRE(device.steps.size() == 3);
    CHECK(device.steps[0].own_ns == 30.0 * kMs);
    CHECK(device.steps[1].own_ns == 30.0 * kMs);
    CHECK(device.steps[2].own_ns == 0);
    CHECK(device.busy_ns() == 60 * kMs);
    CHECK(device.own_ios() == 2);
    CHECK(device.steps[0].own_ios == 1);  // by their completion
    CHECK(device.steps[1].own_ios == 1);
    CHECK(device.own_bytes() == 8192);
    CHECK(device.most_in_device == 1);
}

TEST_CASE("io trace: time is shared by those who are in the device")
{
    IoPlay play;
    play.request(0, 100 * kMs, true);
    play.request(50 * kMs, 150 * kMs, false);
    play.request(50 * kMs, 150 * kMs, false);
    const IoTrace trace = play.collector.take(play.at(200 * kMs));
    const IoDeviceTrace& device = trace.devices.front();
    CHECK(device.own_ns() == Approx(50.0 * kMs + 50.0 * kMs / 3));
    CHECK(device.busy_ns() == 150 * kMs);
    CHECK(device.depth_ns() == Approx(300.0 * kMs));
    CHECK(device.most_in_device == 3);
    CHECK(device.device_time.count() == 1);
    CHECK(device.others_device_time.count() == 2);
}

TEST_CASE("io trace: any streams, against adding up instant by instant")
{
    std::mt19937_64 random(11);
    for (int round = 0; round < 30; ++round) {
        IoPlay play;
        struct Stay {
            std::uint64_t from, to;
            bool own;
        };
        std::vector<Stay> stays;
        for (int i = 0; i < 60; ++i) {
            const std::uint64_t from = random() % 400, length = 1 + random() % 60;
            stays.push_back({from, from + length, random() % 3 == 0});
        }
        std::ranges::sort(stays, {}, &Stay::to);
        for (const Stay& stay : stays)
            play.request(stay.from * kMs, stay.to * kMs, stay.own);
        const IoTrace trace = play.collector.take(play.at(500 * kMs));
        std::vector<double> own(5, 0);
        std::vector<std::uint64_t> busy(5, 0);
        for (std::uint64_t ms = 0; ms < 500; ++ms) {
            double all = 0, mine = 0;
            for (const Stay& stay : stays) {
                const bool in = stay.from <= ms && ms < stay.to;
                all += in ? 1 : 0;
                mine += in && stay.own ? 1 : 0;
            }
            own[ms / 100] += all > 0 ? mine / all : 0;
            busy[ms / 100] += all > 0 ? 1 : 0;
        }
        for (std::size_t i = 0; i < 5; ++i) {
            CHECK(trace.devices.front().steps[i].own_ns == Approx(own[i] * kMs).margin(1));
            CHECK(trace.devices.front().steps[i].busy_ns == busy[i] * kMs);
        }
    }
}

TEST_CASE("io trace: what a request waited for before it was one counts from its bio")
{
    IoPlay play;
    SECTION("held by iocost between bio and request")
    {
        play.bio(0, 1000, 8);
        play.request(20 * kMs, 30 * kMs, true, 1000, 8, 1 * kMs);
        const auto trace = play.collector.take(play.at(100 * kMs));
        CHECK(trace.devices.front().total.max() == 30 * kMs);
        CHECK(trace.devices.front().queue.max() == 20 * kMs);
        CHECK(trace.devices.front().device_time.max() == 10 * kMs);
        CHECK(trace.devices.front().without_bio == 0);
    }
    SECTION("held by io.max, and sent on later by a worker")
    {
        play.bio(0, 1000, 8, FB_EV_BIO_HELD);
        play.bio(15 * kMs, 1000, 8);
        play.request(20 * kMs, 30 * kMs, true, 1000, 8, 1 * kMs);
        CHECK(play.collector.take(play.at(100 * kMs)).devices.front().total.max() == 30 * kMs);
    }
    SECTION("two bios merged: since the first")
    {
        play.bio(2 * kMs, 1000, 8);
        play.bio(5 * kMs, 1008, 8);
        play.request(6 * kMs, 8 * kMs, true, 1000, 16, 1 * kMs);
        CHECK(play.collector.take(play.at(100 * kMs)).devices.front().total.max() == 6 * kMs);
    }
    SECTION("one bio in two requests: both since the bio")
    {
        play.bio(1 * kMs, 1000, 16);
        play.request(2 * kMs, 4 * kMs, true, 1000, 8);
        play.request(2 * kMs, 9 * kMs, true, 1008, 8);
        const auto trace = play.collector.take(play.at(100 * kMs));
        CHECK(trace.devices.front().total.min() == 3 * kMs);
        CHECK(trace.devices.front().total.max() == 8 * kMs);
        CHECK(trace.devices.front().without_bio == 0);
    }
    SECTION("without a bio: since the request was made")
    {
        play.request(20 * kMs, 30 * kMs, true, 1000, 8, 4 * kMs);
        const auto trace = play.collector.take(play.at(100 * kMs));
        CHECK(trace.devices.front().total.max() == 14 * kMs);
        CHECK(trace.devices.front().without_bio == 1);
    }
}

TEST_CASE("io trace: windows follow each other; devices are apart, the one it has most of first")
{
    IoPlay play;
    play.request(10 * kMs, 20 * kMs, true);
    CHECK(play.collector.take(play.at(50 * kMs)).devices.front().own_ns() == 10.0 * kMs);
    // Under way at the end of the first: of the second window is what lies in it.
    play.request(40 * kMs, 60 * kMs, true);
    play.device = 7;
    play.request(60 * kMs, 100 * kMs, true);
    const IoTrace second = play.collector.take(play.at(150 * kMs));
    CHECK(second.begin_ns == play.at(50 * kMs));
    REQUIRE(second.devices.size() == 2);
    CHECK(second.devices[0].device == 7);
    CHECK(second.devices[0].own_ns() == 40.0 * kMs);
    CHECK(second.devices[1].own_ns() == 10.0 * kMs);
    CHECK(second.device(7)->steps.size() == 1);
    CHECK(second.device(8) == nullptr);
}

TEST_CASE("io trace: cost by the linear model, as the kernel counted it")
{
    // On 6.12 with iocost 842 reads of 4 KiB at random gave cost.usage=3007136 (us) at this model.
    cgroup::CostModel model;
    model.bytes_per_s = {73400320, 73400320};
    model.sequential_per_s = {280, 280};
    model.random_per_s = {280, 280};
    IoPlay play;
    for (std::uint64_t i = 0; i < 842; ++i)
        play.bio(i * kMs / 10, 8 + (i % 2) * 1'000'000, 8);
    play.request(1 * kMs, 2 * kMs, true);
    const auto trace = play.collector.take(play.at(100 * kMs));
    const IoWork& work = trace.devices.front().steps[0].work;
    CHECK(work.random[0] == 841);
    CHECK(work.sequential[0] == 1);
    CHECK(work.pages[0] == 842);
    CHECK(cost_s(model, work) == Approx(3.007136).epsilon(1e-4));

    // Sequential operations and pages have prices of their own: 1 MiB at 100 MiB/s takes 10 ms, less one page that the
    // operation's price holds already.
    model.bytes_per_s = {100 << 20, 50 << 20};
    model.sequential_per_s = {1000, 500};
    IoWork large;
    large.sequential[0] = 1;
    large.pages[0] = 256;
    CHECK(cost_s(model, large) == Approx(0.001 - 1.0 / 25600 + 256.0 / 25600));
    IoWork write;
    write.sequential[1] = 3;
    write.pages[1] = 3;
    CHECK(cost_s(model, write) == Approx(3.0 / 500));
    CHECK(cost_s(cgroup::CostModel{}, write) == 0);
}

TEST_CASE("io trace: a bio far from the one before is random, by cgroup and device")
{
    IoPlay play;
    play.bio(1, 100, 8);
    play.bio(2, 108, 8);                // follows
    play.bio(3, 116 + 32768, 8);        // 16 MiB on: near still
    play.bio(4, 116 + 65536 + 100, 8);  // further
    play.cgroup = play.kChild;
    play.bio(5, 116 + 65536, 8);  // its first one
    play.device = 9;
    play.bio(6, 1, 8);
    play.cgroup = 12345;  // not the subject's
    play.bio(7, 1 << 30, 8);
    play.request(0, kMs, true);
    IoWork all;
    for (const IoDeviceTrace& device : play.collector.take(play.at(100 * kMs)).devices)
        all += device.steps[0].work;
    CHECK(all.random[0] == 1);
    CHECK(all.sequential[0] == 5);
}
