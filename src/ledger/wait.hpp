// SPDX-License-Identifier: Apache-2.0
// One run-queue wait, taken apart.
#pragma once

#include "cpu_log.hpp"
#include "span.hpp"

#include <cstdint>
#include <deque>
#include <vector>

namespace flyball::ledger {

// A move of the task while it waited.
struct Move {
    std::uint64_t at_ns = 0;
    std::uint16_t from_cpu = 0, to_cpu = 0;
};

struct Wait {
    Span span;                    // runnable .. on the CPU
    std::uint32_t cpu = 0;        // where it came to run
    std::uint64_t held_ns = 0;    // of it, by cpu.max; at most its length
    std::uint64_t throttler = 0;  // 0: not told
};

// A stretch of a wait in the run queue of one CPU.
struct Leg {
    std::uint32_t cpu = 0;
    Span span;
};

// The legs cover the wait without gap or overlap. Moves before the wait began say nothing.
void split_at_moves(const Wait& wait, const std::vector<Move>& moves, std::vector<Leg>& legs);

// A throttle episode of a cgroup on a CPU.
struct Throttled {
    std::uint64_t cgroup = 0;
    Span span;
};

// Where in the wait its held time lies: spans whose lengths sum to held_ns, in order.
//
// The kernel tells how long a task was held, and when the episodes on each CPU were. The hold lies in the
// episodes. A task may join an episode late (since v6.18 each is stopped on its own way to user space), so
// that what is too much is cut off the first ones. What the episodes do not explain (one was folded, or
// told late) is put at the front of the wait, where a task that was taken off begins.
template <class EpisodesOf, class Concerns>
void place_holds(const Wait& wait, const std::vector<Leg>& legs, EpisodesOf&& episodes_of, Concerns&& concerns,
                 std::vector<Span>& holds)
{
    holds.clear();
    if (wait.held_ns == 0)
        return;
    for (const Leg& leg : legs) {
        for (const Throttled& episode : episodes_of(leg.cpu)) {
            const Span common = overlap(episode.span, leg.span);
            if (common.length() > 0 && concerns(episode.cgroup))
                holds.push_back(common);
        }
    }
    std::ranges::sort(holds, {}, &Span::from);
    std::uint64_t end = 0;  // nested limits overlap
    for (Span& hold : holds) {
        hold.from = std::max(hold.from, std::min(end, hold.to));
        end = std::max(end, hold.to);
    }
    std::uint64_t known = length(holds);
    for (auto first = holds.begin(); known > wait.held_ns; ++first) {
        const std::uint64_t cut = std::min(known - wait.held_ns, first->length());
        first->from += cut;
        known -= cut;
    }
    if (known < wait.held_ns) {
        std::vector<Span> free{wait.span};
        for (const Span& hold : holds)
            (void)claim(free, hold);
        for (Span span : free) {
            span.to = std::min(span.to, span.from + (wait.held_ns - known));
            known += span.length();
            holds.push_back(span);
        }
        std::ranges::sort(holds, {}, &Span::from);
    }
    std::erase_if(holds, [](const Span& span) { return span.length() == 0; });
}

}  // namespace flyball::ledger
