// SPDX-License-Identifier: Apache-2.0
// What a cpu.max would have done to a demand that was seen: played through, step by step. Pure; any thread.
//
// The kernel's rule (kernel/sched/fair.c, __refill_cfs_bandwidth_runtime(), since v5.14 with burst): each period adds
// the quota, up to quota + burst in all; what runs takes from it; at nothing all tasks of the cgroup wait for the
// next period. The slices that CPUs draw beforehand are not played (sched_cfs_bandwidth_slice_us; what a CPU keeps of
// them, min_cfs_rq_runtime, is up to 1 ms that another CPU lacks): the bucket is smaller by `slack_ns` instead.
//
// Which phase the periods have against the demand is chance, and so is which part of a longer life was seen. The demand
// is played in evenly spread phases; each replicate takes one of them and resamples blocks of what came out (a block
// bootstrap, Kuensch 1989; of outcomes, since demands cut up and joined anew would have bursts that never were). What
// is said is a quantile over the replicates.
#pragma once

#include "flyball/tune/demand_trace.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace flyball::tune {

struct Bandwidth {
    std::uint64_t period_ns = 100'000'000, quota_ns = 0, burst_ns = 0;
    friend bool operator==(const Bandwidth&, const Bandwidth&) = default;
};

struct Added {
    double p50 = 0, p99 = 0;       // of jobs: latency with it / latency without, less 1
    double held_share = 0;         // of the demand's CPU time: that was done later than asked for
    double throttled_periods = 0;  // of the periods
};

struct ReplayOptions {
    std::size_t replicates = 100;
    std::size_t phases = 20;
    std::uint64_t block_ns = 2'000'000'000;
    std::uint64_t seed = 1;
    std::uint64_t slack_ns = 500'000;
    bool undisturbed = false;  // DemandTrace::undisturbed_ns, and jobs without what disturbed them
};

class Replay {
public:
    // trace: of whole steps; its jobs say whose latency is added to. Without jobs only the shares are told.
    Replay(const DemandTrace& trace, const ReplayOptions& options);

    // Of each figure by itself, that quantile over the replicates: 0.95 is an upper confidence bound, 0.05 a lower one.
    [[nodiscard]] Added bound(const Bandwidth& limit, double quantile) const;
    // Are that quantile of p50 and that of p99 no more than most_added? Plays only as many phases as it takes to know.
    [[nodiscard]] bool within(const Bandwidth& limit, double quantile, double most_added) const;
    // That the demand asks for, at that quantile: a quota below it falls behind for ever, however large its burst.
    [[nodiscard]] double mean_cpus(double quantile) const;

    [[nodiscard]] std::uint64_t jobs() const { return jobs_; }
    // Latency of jobs as it was, without what cpu.max held.
    [[nodiscard]] double latency_p50_ns() const { return p50_; }
    [[nodiscard]] double latency_p99_ns() const { return p99_; }

private:
    // The step in which a job's last work was asked for, and how long the job took as it was.
    struct End {
        std::uint32_t step;
        float latency_us;
    };
    // What became of the blocks in one phase.
    struct Outcome {
        std::vector<float> took_us;                       // of ends_, with the limit
        std::vector<double> late_ns, throttled, periods;  // by block
    };
    // Of a replicate: which phase, and which blocks. The same for all limits, so that more is never worse by chance.
    struct Replicate {
        std::size_t phase;
        std::vector<std::uint32_t> blocks;
        double p50_us = 0, p99_us = 0, asked_ns = 0, mean_cpus = 0;  // as it was
    };
    [[nodiscard]] Outcome play(const Bandwidth& limit, std::size_t phase) const;
    [[nodiscard]] Added resampled(const Outcome& outcome, const Replicate& replicate) const;

    ReplayOptions options_;
    std::vector<std::uint64_t> demand_ns_;
    std::vector<double> asked_ns_;                                 // by so many steps; whole numbers
    std::vector<End> ends_;                                        // by step
    std::vector<std::pair<std::size_t, std::size_t>> block_ends_;  // of ends_, by block
    std::size_t block_steps_ = 1;
    std::vector<Replicate> replicates_;
    std::uint64_t jobs_ = 0;
    double widest_ = 0;  // most that runs in a step: what waited does not run on more CPUs than that
    double p50_ = 0, p99_ = 0;
};

}  // namespace flyball::tune
