// SPDX-License-Identifier: Apache-2.0
// Where decoded records go. The stream calls a Sink from one thread, in the order of each CPU.
// Implementations do not throw, block or keep references beyond the call.
#pragma once

#include "flyball/abi/events.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace flyball::stream {

class Sink {
public:
    virtual ~Sink() = default;

    // One batch of one CPU; events.size() == header.n. header.events must not be touched.
    virtual void on_batch(const fb_batch& header, std::span<const fb_event> events) = 0;

    // One record of the control ring: starts with fb_hdr, hdr.size <= bytes.size().
    virtual void on_control(std::span<const std::byte> bytes) = 0;

    // All events older than this have been handed over, but for those of a program that was preempted
    // between its clock and its ring.
    virtual void on_round(std::uint64_t /*until_ns*/) {}
};

}  // namespace flyball::stream
