// SPDX-License-Identifier: Apache-2.0
// What a cpu.max would have done to a demand that was seen: played through, step by step. Pure; any thread.
//
// The kernel's rule (kernel/sched/fair.c, __refill_cfs_bandwidth_runtime(), since v5.14 with burst): each period adds
// the quota, up to quota + burst in all; what runs takes from it; at nothing all tasks of the cgroup wait for the
// next period. The slices that CPUs draw beforehand are not played (sched_cfs_bandwidth_slice_us; what a CPU keeps of
// them, min_cfs_rq_runtime, is up to 1 ms that another CPU lacks): the bucket is smaller by `slack_ns` instead.
//
// Which phase the periods have against the demand is chance, and so is which part of a longer life was seen. Both are
// resampled: blocks of the trace with replacement (moving-block bootstrap, Künsch 1989), each replicate with a phase of
// its own. What is said is an upper confidence bound over the replicates.
#pragma once

#include "flyball/tune/demand_trace.hpp"

#include <cstdint>
#include <vector>

namespace flyball::tune {

struct Bandwidth {
    std::uint64_t period_ns = 100'000'000, quota_ns = 0, burst_ns = 0;
    friend bool operator==(const Bandwidth&, const Bandwidth&) = default;
};

struct Added {
    double p50 = 0, p99 = 0;        // of jobs: latency with it / latency without, less 1
    double held_share = 0;          // of the demand's CPU time: that was done later than asked for
    double throttled_periods = 0;   // of the periods
};

struct ReplayOptions {
    std::size_t replicates = 100;
    std::uint64_t block_ns = 2'000'000'000;
    std::uint64_t seed = 1;
    std::uint64_t slack_ns = 500'000;
};

class Replay {
public:
    // trace: of whole steps; its jobs say whose latency is added to. Without jobs only the shares are told.
    Replay(const DemandTrace& trace, const ReplayOptions& options);

    // Of each figure by itself, that quantile over the replicates: 0.95 is an upper confidence bound, 0.05 a lower one.
    [[nodiscard]] Added bound(const Bandwidth& limit, double quantile) const;

    [[nodiscard]] std::uint64_t jobs() const { return jobs_; }
    // Latency of jobs as it was, without what cpu.max held.
    [[nodiscard]] double latency_p50_ns() const { return p50_; }
    [[nodiscard]] double latency_p99_ns() const { return p99_; }

private:
    struct Replicate {
        std::vector<std::uint64_t> demand_ns;
        // Of a job: the step in which its last work was asked for, and how long it took as it was.
        struct End {
            std::uint32_t step;
            std::uint32_t latency_us;
        };
        std::vector<End> ends;  // by step
        double p50_us = 0, p99_us = 0;
        double phase = 0;  // of a period, 0 <= phase < 1
    };
    [[nodiscard]] Added play(const Replicate& replicate, const Bandwidth& limit) const;

    ReplayOptions options_;
    std::vector<Replicate> replicates_;
    std::uint64_t jobs_ = 0;
    double widest_ = 0;  // most that runs in a step: what waited does not run on more CPUs than that
    double p50_ = 0, p99_ = 0;
};

}  // namespace flyball::tune
