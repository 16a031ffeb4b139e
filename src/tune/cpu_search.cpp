// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/cpu.hpp"

#include <algorithm>

namespace flyball::tune {
namespace {

// The kernel takes no quota below 1 ms. Finer than 0.1 ms, or half a per cent, is beyond what its slices let through.
constexpr std::uint64_t kLeastQuotaNs = 1'000'000;
constexpr std::uint64_t kResolutionNs = 100'000;
// Of the quota: what it falls behind by, a period's quota say, is caught up with in 50 periods.
constexpr double kSpare = 0.02;

std::uint64_t resolution(std::uint64_t at_ns)
{
    return std::max(kResolutionNs, at_ns / 200 / kResolutionNs * kResolutionNs);
}

// The smallest value in (low, high] for which `enough` holds; it holds for high, not for low.
template <class Enough>
std::uint64_t least(std::uint64_t low, std::uint64_t high, Enough enough)
{
    while (high - low > resolution(high)) {
        const std::uint64_t middle = (low + (high - low) / 2) / kResolutionNs * kResolutionNs;
        if (middle <= low)
            break;
        (enough(middle) ? high : low) = middle;
    }
    return high;
}

}  // namespace

std::optional<Bandwidth> least_bandwidth(const Replay& replay, std::uint64_t period_ns, std::uint64_t most_quota_ns,
                                         bool burst_allowed, double latency_bound, double quantile)
{
    const auto keeps = [&](std::uint64_t quota_ns, std::uint64_t burst_ns) {
        const Added added = replay.bound({period_ns, quota_ns, burst_ns}, quantile);
        // The window that is played begins with a full bucket and nothing to catch up with, which hides for its length
        // that a quota is below the mean, or so near to it that it never recovers from anything.
        const bool keeps_up = static_cast<double>(quota_ns) * (1 - kSpare) >= added.mean_cpus * static_cast<double>(period_ns);
        return keeps_up && added.p50 <= latency_bound && added.p99 <= latency_bound;
    };
    if (!keeps(most_quota_ns, 0))
        return std::nullopt;
    // More burst never hurts the cgroup itself, so that the least quota is the one with all the burst the kernel
    // allows.
    const std::uint64_t quota_ns = keeps(kLeastQuotaNs, burst_allowed ? kLeastQuotaNs : 0)
                                       ? kLeastQuotaNs
                                       : least(kLeastQuotaNs, most_quota_ns, [&](std::uint64_t quota) {
                                             return keeps(quota, burst_allowed ? quota : 0);
                                         });
    std::uint64_t burst_ns = 0;
    if (burst_allowed && !keeps(quota_ns, 0))
        burst_ns = least(0, quota_ns, [&](std::uint64_t burst) { return keeps(quota_ns, burst); });
    return Bandwidth{period_ns, quota_ns, burst_ns};
}

}  // namespace flyball::tune
