// SPDX-License-Identifier: Apache-2.0
#include "quota_model.hpp"

#include "flyball/profile/histogram.hpp"

#include <algorithm>

namespace flyball::ledger {
namespace {

// A hundredth of the period: finer than what the demand is known to.
std::uint64_t step(std::uint64_t period_ns)
{
    return std::max(period_ns / 100, std::uint64_t{1'000});  // cpu.max is in microseconds
}

// The smallest value at or above `from` on a grid of steps that is good; all above a good one are good.
template <class Good>
std::uint64_t smallest(std::uint64_t from, std::uint64_t upto, std::uint64_t step_ns, Good&& good)
{
    std::uint64_t low = from / step_ns, high = (upto + step_ns - 1) / step_ns;
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        if (good(middle * step_ns))
            high = middle;
        else
            low = middle + 1;
    }
    return std::max(from, low * step_ns);
}

}  // namespace

std::uint64_t kept_back(std::span<const Demand> periods, Bucket bucket, std::uint64_t capacity_ns)
{
    // __refill_cfs_bandwidth_runtime(): what is there plus the quota, at most quota and burst.
    const std::uint64_t full = bucket.quota_ns + bucket.burst_ns;
    std::uint64_t tokens = full, owed = 0, sum = 0;
    for (const Demand& demand : periods) {
        const std::uint64_t work = owed + demand.work_ns, want = work + demand.appetite_ns;
        const std::uint64_t could = std::min(want, capacity_ns), done = std::min(could, tokens);
        sum += could - done;
        // What is left is left of both kinds alike; only work is still there in the next period.
        owed = want == 0 ? 0 : static_cast<std::uint64_t>(profile::Uint128{want - done} * work / want);
        tokens = std::min(tokens - done + bucket.quota_ns, full);
    }
    return sum;
}

std::uint64_t enough_quota(std::span<const Demand> periods, Bucket present, std::uint64_t period_ns,
                           std::uint64_t capacity_ns)
{
    const std::uint64_t bound = tolerable(kept_back(periods, present, capacity_ns));
    const std::uint64_t most = std::max(capacity_ns, present.quota_ns);
    return smallest(present.quota_ns, most, step(period_ns), [&](std::uint64_t quota_ns) {
        return kept_back(periods, {.quota_ns = quota_ns, .burst_ns = 0}, capacity_ns) <= bound;
    });
}

std::optional<std::uint64_t> enough_burst(std::span<const Demand> periods, Bucket present, std::uint64_t period_ns,
                                          std::uint64_t capacity_ns)
{
    const std::uint64_t bound = tolerable(kept_back(periods, present, capacity_ns));
    const auto good = [&](std::uint64_t burst_ns) {
        return kept_back(periods, {.quota_ns = present.quota_ns, .burst_ns = burst_ns}, capacity_ns) <= bound;
    };
    // Tokens for all that was ever wanted: if that is not enough, nothing is.
    std::uint64_t all = 0;
    for (const Demand& demand : periods)
        all += demand.total_ns();
    // A bucket so deep would begin full and hide that the mean does not fit: what went in has to come out.
    if (all > present.quota_ns * periods.size())
        return std::nullopt;
    if (!good(all))
        return std::nullopt;
    return smallest(present.burst_ns, all, step(period_ns), good);
}

std::vector<DemandBin> demand_bins(const std::map<std::uint64_t, std::uint64_t>& periods)
{
    std::vector<DemandBin> bins;
    if (periods.empty())
        return bins;
    const std::uint64_t most = periods.rbegin()->first;
    std::uint64_t width = 5;  // hundredths of a CPU
    for (std::uint64_t scale = 1; width * kDemandBins < most; scale *= 10) {
        for (const std::uint64_t digit : {5U, 10U, 20U}) {
            width = digit * scale;
            if (width * kDemandBins >= most)
                break;
        }
    }
    bins.resize(std::max<std::size_t>(1, (most + width - 1) / width));
    for (std::size_t i = 0; i < bins.size(); ++i)
        bins[i].cpus = static_cast<double>((i + 1) * width) / 100;
    for (const auto& [demand, count] : periods)
        bins[demand == 0 ? 0 : (demand - 1) / width].periods += count;
    return bins;
}

}  // namespace flyball::ledger
