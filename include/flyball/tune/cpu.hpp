// SPDX-License-Identifier: Apache-2.0
// The least cpu.max, with its burst, under which a cgroup's jobs take no longer than they may: docs/tune-cpu.md.
//
// No search by trials: the demand is seen once, millisecond by millisecond, candidates are played through on it, and
// the one that comes out is tried once against the limit as it is.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/tune/bandwidth.hpp"
#include "flyball/tune/proposal.hpp"
#include "flyball/tune/subject.hpp"

#include <cstdint>
#include <functional>
#include <optional>

namespace flyball::tune {

struct CpuOptions {
    std::uint64_t profile_ns = 60'000'000'000;
    // Looks for longer while the interval of the quota is wider than this part of it: up to so long in all, and to half
    // of longest_ns.
    double precision = 0.05;
    std::uint64_t most_profile_ns = 600'000'000'000;
    std::uint64_t period_ns = 100'000'000;
    double latency_bound = 0.05;  // jobs may take so much longer, at p50 and at p99
    double throughput_floor = 0.8;
    double confidence = 0.95;
    double most_disturbed = 0.10;  // part of the quota that others may have made wrong: above, nothing is said
    std::uint64_t block_ns = 4'000'000'000;  // of the validation
    std::size_t most_pairs = 15;
    std::uint64_t longest_ns = 1'200'000'000'000;  // with the profile
};

struct BandwidthBounds {
    std::uint64_t period_ns = 100'000'000, most_quota_ns = 0;
    bool burst_allowed = true;
    double latency_bound = 0.05;
};

// Called between the parts of a computation that may take seconds. An error ends it, and is its error.
using KeepUp = std::function<Result<>()>;

// The least quota that keeps to the latency bound, at this quantile over the replicates (0.95: surely enough; 0.05:
// surely not more than is needed), with the least burst for it. nullopt: none below most_quota_ns.
[[nodiscard]] Result<std::optional<Bandwidth>> least_bandwidth(const Replay& replay, const BandwidthBounds& bounds,
                                                               double quantile, const KeepUp& keep_up);

// Errors: those of the subject; Stopped is told as Answer::Aborted; Interrupted is none of its answers.
[[nodiscard]] Result<Proposal> tune_cpu(Subject& subject, const CpuOptions& options);

// The least quota of one demand; nullopt: none below all CPUs. Its interval goes from what is surely needed to it.
struct LeastQuota {
    std::optional<Bandwidth> limit;
    stats::Interval interval;
};

// What the demand of a window needs: as it was seen, and as it would have been but for others. The larger one counts.
struct QuotaPrediction {
    BandwidthBounds bounds;
    Replay replay;                                   // as it was seen
    std::optional<Replay> calm;                      // undisturbed; nullopt: nothing disturbed it
    std::optional<LeastQuota> as_seen, undisturbed;  // of replay and of calm; nullopt: not looked for
    bool by_calm = false;                            // calm needs more

    [[nodiscard]] const Replay& deciding() const { return by_calm ? *calm : replay; }
    // nullopt: none below all CPUs, or the window cannot be used.
    [[nodiscard]] std::optional<Bandwidth> limit() const;
    // Of its quota: both intervals, and what is between.
    [[nodiscard]] stats::Interval interval() const;
    // How wide the interval of the demand that counts is, as a part of its upper end: what looking on makes smaller.
    [[nodiscard]] double by_chance() const;
    // The part of the quota that others may have made wrong.
    [[nodiscard]] double by_others() const;
};

// The parts that only think: from a window in which nothing was changed to a quota, and from there to a proposal that
// is not validated. Errors: those of Subject::keep_up().
[[nodiscard]] Result<QuotaPrediction> predict_quota(const Window& window, Subject& subject, const CpuOptions& options);
// prediction: of this window.
[[nodiscard]] Result<Proposal> propose_cpu(const Window& window, const QuotaPrediction& prediction, Subject& subject,
                                           const CpuOptions& options);

}  // namespace flyball::tune
