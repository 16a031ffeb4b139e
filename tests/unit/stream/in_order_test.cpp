// SPDX-License-Identifier: Apache-2.0
#include "flyball/stream/in_order.hpp"
#include "support/catch.hpp"

#include <vector>

using namespace flyball::stream;

namespace {

struct Times final : OrderedSink {
    void on_event(const fb_event& event) override { seen.push_back(event.hdr.ts_ns * 10 + event.hdr.cpu); }
    void on_control(std::span<const std::byte>) override { ++controls; }
    std::vector<std::uint64_t> seen;
    int controls = 0;
};

void send(Sink& sink, std::uint16_t cpu, std::initializer_list<std::uint64_t> times)
{
    std::vector<fb_event> events;
    for (const std::uint64_t time : times) {
        fb_event event{};
        event.hdr.ts_ns = time;
        event.hdr.cpu = cpu;
        events.push_back(event);
    }
    const fb_batch header{};
    sink.on_batch(header, events);
}

}  // namespace

TEST_CASE("events of several CPUs come in the order of their times, up to the round", "[stream]")
{
    Times times;
    InOrder in_order(times);
    send(in_order, 0, {5, 7, 7, 20});
    send(in_order, 1, {4, 6, 30});
    CHECK(times.seen.empty());
    in_order.on_round(20);
    CHECK(times.seen == std::vector<std::uint64_t>{41, 50, 61, 70, 70});
    send(in_order, 1, {25});
    in_order.finish();
    CHECK(times.seen == std::vector<std::uint64_t>{41, 50, 61, 70, 70, 200, 251, 301});
    CHECK(in_order.late() == 0);
}

TEST_CASE("events of one time keep the order in which they came", "[stream]")
{
    Times times;
    InOrder in_order(times);
    send(in_order, 1, {5});
    send(in_order, 0, {5});
    send(in_order, 2, {5});
    in_order.finish();
    CHECK(times.seen == std::vector<std::uint64_t>{51, 50, 52});
}

TEST_CASE("what comes after its round is counted, and passed on", "[stream]")
{
    Times times;
    InOrder in_order(times);
    send(in_order, 0, {5, 9});
    in_order.on_round(10);
    send(in_order, 1, {8, 12});
    CHECK(in_order.late() == 1);
    in_order.finish();
    CHECK(times.seen == std::vector<std::uint64_t>{50, 90, 81, 121});
}
