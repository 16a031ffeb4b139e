// SPDX-License-Identifier: Apache-2.0
// Who ran on one CPU, and when: what waits are laid over.
#pragma once

#include "flyball/abi/events.h"
#include "span.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>

namespace flyball::ledger {

enum class Occupant : std::uint8_t { Task, KernelThread, Idle, Unknown };

struct Slice {
    Span span;
    std::uint64_t cgroup = 0;
    std::uint32_t tid = 0;
    std::uint32_t irq_ns = 0;  // of it, interrupts and steal
    Occupant who = Occupant::Unknown;
};

class CpuLog {
public:
    // Before this nothing is known, but that nobody left the CPU up to its first switch.
    explicit CpuLog(std::uint64_t window_start_ns) : open_{.span = {window_start_ns, 0}} {}

    // Closes the slice under way and opens the next one. Gives false when the chain is broken: the task
    // that leaves is not the one that came, so that switches between were not seen.
    bool on_switch(const fb_switch& event);

    // Calls f(slice, ns) for each slice that overlaps; what the log does not cover comes as one Unknown.
    // The sum of ns is the length of the span.
    template <class F>
    void over(Span span, F&& f) const
    {
        std::uint64_t covered = 0;
        for (std::size_t i = first_ending_after(span.from); i < slices_.size(); ++i) {
            if (slices_[i].span.from >= span.to)
                break;
            if (const std::uint64_t ns = overlap(slices_[i].span, span).length(); ns > 0) {
                covered += ns;
                f(slices_[i], ns);
            }
        }
        const Span still{open_.span.from, span.to};  // the slice under way
        if (const std::uint64_t ns = overlap(still, span).length(); ns > 0) {
            covered += ns;
            f(open_, ns);
        }
        if (covered < span.length())
            f(Slice{}, span.length() - covered);
    }

private:
    // A wait that spans more slices than these loses sight of the first ones: they count as unknown.
    static constexpr std::size_t kKept = 16384;

    [[nodiscard]] std::size_t first_ending_after(std::uint64_t time) const;
    void keep(const Slice& slice);

    std::deque<Slice> slices_;  // in time, without overlaps
    Slice open_;                // of whoever runs now: no end yet
    bool first_ = true;
};

}  // namespace flyball::ledger
