// SPDX-License-Identifier: Apache-2.0
// When a quota is refilled, told from when throttling ends.
//
// The kernel unthrottles when its period timer has refilled the quota (do_sched_cfs_period_timer()). That
// timer advances by whole periods for ever (hrtimer_forward_now()), also over idle time, so its phase is a
// constant of the cgroup until its limit is written. Ends that are no ticks (the slack timer gave back what
// another CPU did not use; the kernel's clock told late) are few or scattered: the densest place counts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace flyball::ledger {

inline constexpr std::uint64_t kDefaultPeriodNs = 100'000'000;  // default_cfs_period(), kernel/sched/sched.h

class Ticks {
public:
    // An episode ended. In the order of time.
    void add(std::uint64_t end_ns, std::uint64_t throttled_ns);

    // What the distances of the ends suggest: 100 ms wherever that fits them, for hardly anyone sets another.
    [[nodiscard]] std::uint64_t period_ns() const;
    // Of the refills: time modulo the period.
    [[nodiscard]] std::uint64_t phase_ns(std::uint64_t period_ns) const;
    // The last refill at or before it, by period_ns().
    [[nodiscard]] std::uint64_t refill_before(std::uint64_t at_ns) const;
    // Which share of the ends lies on the grid of that period; 1 when there are none.
    [[nodiscard]] double fit(std::uint64_t period_ns) const;

private:
    struct Tick {
        std::uint64_t end_ns;
        std::uint64_t throttled_ns;
    };
    static constexpr std::size_t kTicks = 128;  // the phase is a constant: the last ones tell it

    static constexpr std::size_t kPeriods = 14;  // that are thought possible

    void count_gap(std::size_t i, int by);
    [[nodiscard]] std::vector<std::uint64_t> offsets_of(std::uint64_t period_ns) const;
    [[nodiscard]] std::uint64_t infer_period() const;

    // Each throttling asks for period and phase: what they are told from is kept in order as ticks come and go.
    std::deque<Tick> ticks_;                      // ascending by time
    std::vector<std::uint64_t> lengths_;          // ascending, of throttling
    std::array<int, kPeriods> fitting_{};         // gaps that fit each period
    mutable std::vector<std::uint64_t> offsets_;  // ascending, of the ends in period_ns_
    mutable bool known_ = false;                  // what follows is worked out when asked for, once a tick
    mutable std::uint64_t period_ns_ = kDefaultPeriodNs;
    mutable std::uint64_t phase_ns_ = 0;
};

}  // namespace flyball::ledger
