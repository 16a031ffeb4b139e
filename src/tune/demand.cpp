// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/demand.hpp"

#include <algorithm>

namespace flyball::tune {
namespace {

constexpr std::uint64_t kInfeasible = ~std::uint64_t{0};

}  // namespace

Envelope::Envelope(std::span<const std::uint64_t> demand_ns, std::uint64_t step_ns, std::size_t most_steps)
    : most_(std::min(most_steps, demand_ns.size()) + 1, 0), step_ns_(step_ns)
{
    std::vector<std::uint64_t> sums(demand_ns.size() + 1, 0);
    for (std::size_t i = 0; i < demand_ns.size(); ++i)
        sums[i + 1] = sums[i] + demand_ns[i];
    for (std::size_t w = 1; w < most_.size(); ++w) {
        for (std::size_t i = w; i < sums.size(); ++i)
            most_[w] = std::max(most_[w], sums[i] - sums[i - w]);
    }
    if (!demand_ns.empty())
        mean_share_ = static_cast<double>(sums.back()) / static_cast<double>(step_ns * demand_ns.size());
}

std::uint64_t Envelope::most_ns(std::size_t steps) const
{
    return most_[std::min(steps, most_.size() - 1)];
}

std::uint64_t burst_needed_ns(const Envelope& envelope, std::uint64_t period_ns, std::uint64_t quota_ns,
                              std::uint64_t slack_ns)
{
    const std::uint64_t steps = std::max<std::uint64_t>(period_ns / envelope.step_ns(), 1);
    std::uint64_t burst = 0;
    for (std::uint64_t k = 1; k * steps <= envelope.most_steps(); ++k) {
        const std::uint64_t asked = envelope.most_ns(k * steps), given = k * quota_ns;
        burst = std::max(burst, asked > given ? asked - given : 0);
    }
    burst = burst > 0 ? burst + slack_ns : 0;
    return burst <= quota_ns ? burst : kInfeasible;
}

std::vector<QuotaBurst> frontier(const Envelope& envelope, std::uint64_t period_ns, std::uint64_t quota_step_ns,
                                 std::uint64_t slack_ns)
{
    std::vector<QuotaBurst> points;
    const std::uint64_t steps = std::max<std::uint64_t>(period_ns / envelope.step_ns(), 1);
    const std::uint64_t enough = envelope.most_ns(steps);
    // Rounded up, so that the last one needs no burst.
    const std::uint64_t last = (enough + quota_step_ns - 1) / quota_step_ns * quota_step_ns;
    for (std::uint64_t quota = quota_step_ns; quota <= last; quota += quota_step_ns) {
        const std::uint64_t burst = burst_needed_ns(envelope, period_ns, quota, slack_ns);
        if (burst == kInfeasible || (!points.empty() && points.back().burst_ns <= burst))
            continue;
        points.push_back({quota, burst});
        if (burst == 0)
            break;
    }
    return points;
}

}  // namespace flyball::tune
