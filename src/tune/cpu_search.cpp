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

class Search {
public:
    Search(const Replay& replay, const BandwidthBounds& bounds, double quantile, const KeepUp& keep_up)
        : replay_(replay),
          bounds_(bounds),
          quantile_(quantile),
          mean_cpus_(replay.mean_cpus(quantile)),
          keep_up_(keep_up)
    {
    }

    Result<std::optional<Bandwidth>> run()
    {
        const auto all = keeps(bounds_.most_quota_ns, 0);
        if (!all || !*all)
            return all ? Result<std::optional<Bandwidth>>(std::nullopt) : std::unexpected(all.error());
        // More burst never hurts the cgroup itself, so that the least quota is the one with all the burst the kernel
        // allows.
        const auto quota_ns = least(kLeastQuotaNs, bounds_.most_quota_ns, [&](std::uint64_t quota) {
            return keeps(quota, bounds_.burst_allowed ? quota : 0);
        });
        if (!quota_ns)
            return std::unexpected(quota_ns.error());
        if (!bounds_.burst_allowed)
            return Bandwidth{bounds_.period_ns, *quota_ns, 0};
        const auto burst_ns = least(0, *quota_ns, [&](std::uint64_t burst) { return keeps(*quota_ns, burst); });
        return burst_ns ? Result<std::optional<Bandwidth>>(Bandwidth{bounds_.period_ns, *quota_ns, *burst_ns})
                        : std::unexpected(burst_ns.error());
    }

private:
    Result<bool> keeps(std::uint64_t quota_ns, std::uint64_t burst_ns) const
    {
        if (auto kept_up = keep_up_(); !kept_up)
            return std::unexpected(std::move(kept_up.error()));
        // The window that is played begins with a full bucket and nothing to catch up with, which hides for its length
        // that a quota is below the mean, or so near to it that it never recovers from anything.
        const bool keeps_up =
            static_cast<double>(quota_ns) * (1 - kSpare) >= mean_cpus_ * static_cast<double>(bounds_.period_ns);
        return keeps_up && replay_.within({bounds_.period_ns, quota_ns, burst_ns}, quantile_, bounds_.latency_bound);
    }

    // The smallest value from low to high for which `enough` holds; it holds for high.
    template <class Enough>
    static Result<std::uint64_t> least(std::uint64_t low, std::uint64_t high, Enough enough)
    {
        const auto none_needed = enough(low);
        if (!none_needed || *none_needed)
            return none_needed ? Result<std::uint64_t>(low) : std::unexpected(none_needed.error());
        while (high - low > resolution(high)) {
            const std::uint64_t middle = (low + (high - low) / 2) / kResolutionNs * kResolutionNs;
            if (middle <= low)
                break;
            const auto is = enough(middle);
            if (!is)
                return std::unexpected(is.error());
            (*is ? high : low) = middle;
        }
        return high;
    }

    const Replay& replay_;
    const BandwidthBounds& bounds_;
    double quantile_, mean_cpus_;
    const KeepUp& keep_up_;
};

}  // namespace

Result<std::optional<Bandwidth>> least_bandwidth(const Replay& replay, const BandwidthBounds& bounds, double quantile,
                                                 const KeepUp& keep_up)
{
    return Search(replay, bounds, quantile, keep_up).run();
}

}  // namespace flyball::tune
