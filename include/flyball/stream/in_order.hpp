// SPDX-License-Identifier: Apache-2.0
// From the order of each CPU to the order of time: what one CPU's task waited for happened on another.
//
// A Reader hands over ring after ring. InOrder keeps events until a round says that nothing older can come,
// sorts them, and passes them on. Memory: the events of one round. Not thread-safe.
#pragma once

#include "flyball/stream/sink.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace flyball::stream {

// Gets events in the order of their times; events of the same time in the order of their arrival.
class OrderedSink {
public:
    virtual ~OrderedSink() = default;
    virtual void on_event(const fb_event& event) = 0;
    // As they come: control records carry names and are not in order with the events.
    virtual void on_control(std::span<const std::byte> bytes) = 0;
};

class InOrder final : public Sink {
public:
    explicit InOrder(OrderedSink& next) : next_(next) {}

    void on_batch(const fb_batch& header, std::span<const fb_event> events) override;
    void on_control(std::span<const std::byte> bytes) override;
    void on_round(std::uint64_t until_ns) override;

    // The run is over: passes on what is left.
    void finish();

    // Events that came after their round (a program was preempted between its clock and its ring). They
    // are passed on all the same, out of order.
    [[nodiscard]] std::uint64_t late() const { return late_; }

private:
    OrderedSink& next_;
    std::vector<fb_event> waiting_;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> order_;  // time, index: sorted instead of the events
    std::uint64_t passed_ns_ = 0;
    std::uint64_t late_ = 0;
};

}  // namespace flyball::stream
