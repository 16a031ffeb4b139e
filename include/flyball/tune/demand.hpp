// SPDX-License-Identifier: Apache-2.0
// How much CPU a cgroup asks for at most in any window, and which cpu.max with which burst lets all of it through.
// Pure; any thread.
//
// The envelope is the arrival curve of network calculus (Le Boudec and Thiran, "Network Calculus", 1.2): a(w) is the
// largest demand of any window of w steps. A bucket of Q a period P that holds up to B more (cpu.max.burst, at most Q,
// kernel/sched/core.c: tg_set_cfs_bandwidth()) holds back nothing of that demand if a(kP) <= kQ + B for every k.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace flyball::tune {

class Envelope {
public:
    // demand_ns: of each step, one after the other; what was held back belongs to the step in which it was asked for.
    // Windows of up to most_steps steps. O(steps * most_steps).
    Envelope(std::span<const std::uint64_t> demand_ns, std::uint64_t step_ns, std::size_t most_steps);

    [[nodiscard]] std::uint64_t step_ns() const { return step_ns_; }
    // The largest demand of any window of so many steps (at most most_steps).
    [[nodiscard]] std::uint64_t most_ns(std::size_t steps) const;
    [[nodiscard]] std::size_t most_steps() const { return most_.size() - 1; }
    // Over all steps: below it no quota keeps up, whatever the burst.
    [[nodiscard]] double mean_share() const { return mean_share_; }

private:
    std::vector<std::uint64_t> most_;  // by steps, [0] is 0
    std::uint64_t step_ns_;
    double mean_share_ = 0;
};

struct QuotaBurst {
    std::uint64_t quota_ns = 0, burst_ns = 0;
    friend bool operator==(const QuotaBurst&, const QuotaBurst&) = default;
};

// The smallest burst that lets everything through with this quota; nullopt-like ~0: none that the kernel takes.
// slack_ns: for what a slice runs over before it is stopped (cpu.cfs bandwidth slice, 5 ms by default).
[[nodiscard]] std::uint64_t burst_needed_ns(const Envelope& envelope, std::uint64_t period_ns, std::uint64_t quota_ns,
                                            std::uint64_t slack_ns);

// Quotas from the smallest feasible one up to the one that needs no burst, in these steps; each with its burst, none
// that another one beats in both. Ascending in quota.
[[nodiscard]] std::vector<QuotaBurst> frontier(const Envelope& envelope, std::uint64_t period_ns,
                                               std::uint64_t quota_step_ns, std::uint64_t slack_ns);

}  // namespace flyball::tune
