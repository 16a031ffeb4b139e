// SPDX-License-Identifier: Apache-2.0
// What a task that was held would have done instead.
//
// A spell lasts from the first hold of a task to its next pause: a sleep of kPauseNs or longer. Shorter ones
// (a lock, a page) do not end it.
//
// A spell that ends had so much work to do and no more: what ran after a hold would have run earlier by the
// length of the hold. A spell that outlasts kHolds holds belongs to a task that always wants to run: it would
// have run through the holds, as often as it runs when it may.
#pragma once

#include "quota_throttler.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace flyball::ledger {

inline constexpr std::uint64_t kPauseNs = 5'000'000;  // the kernel's slice of a quota, sched_cfs_bandwidth_slice()

class Spell {
public:
    static constexpr std::size_t kHolds = 8;

    explicit Spell(std::uint64_t cgroup_id) : cgroup_id_(cgroup_id) {}

    // chain: the throttlers at or above the task's cgroup. Demand of an endless spell goes there at once, of
    // another one when it is settled.
    using Chain = std::span<Throttler* const>;
    void add_hold(const Hold& hold, Throttler* by, Chain chain);
    void add_slice(const RunSlice& slice, Chain chain);
    void block(std::uint64_t at_ns) { blocked_at_ns_ = at_ns; }
    // It became runnable again. False: that was a pause, the spell is over.
    [[nodiscard]] bool resume(std::uint64_t at_ns);

    // The spell is over (paused), or nothing more will be seen of it.
    void settle(bool paused, Chain chain);

    [[nodiscard]] std::uint64_t cgroup_id() const { return cgroup_id_; }
    [[nodiscard]] bool endless() const { return endless_; }
    // 0: it is not blocked.
    [[nodiscard]] std::uint64_t blocked_at_ns() const { return blocked_at_ns_; }

private:
    // A hold, and what ran until the next one.
    struct Stretch {
        Throttler* by = nullptr;
        Hold hold;
        std::uint64_t begin_ns = 0, end_ns = 0, ran_ns = 0;
    };

    void place_finished(Throttler& throttler) const;
    void place_endless(Throttler& throttler) const;
    void place_appetite(const Hold& hold, Throttler& by) const;
    [[nodiscard]] bool held_by(const Throttler& throttler) const;

    std::uint64_t cgroup_id_;
    std::uint64_t ran_ns_ = 0, blocked_ns_ = 0;  // of the whole spell
    std::uint64_t blocked_at_ns_ = 0;
    std::size_t holds_ = 0;
    bool endless_ = false;
    Throttler* last_by_ = nullptr;
    std::array<Stretch, kHolds> stretches_{};
};

}  // namespace flyball::ledger
