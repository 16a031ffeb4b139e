// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/io.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flyball::tune {
namespace {

struct Sum {
    double weights = 0;
    std::size_t users = 0;
};

Sum users(const cgroup::WeightLevel& level)
{
    Sum sum;
    for (const cgroup::Rival& rival : level.siblings) {
        sum.weights += rival.used ? static_cast<double>(rival.weight) : 0;
        sum.users += rival.used ? 1 : 0;
    }
    return sum;
}

}  // namespace

Competition competition(const std::vector<cgroup::WeightLevel>& levels, std::uint64_t assumed_rival)
{
    Competition result;
    for (std::size_t i = 1; i < levels.size(); ++i) {
        const auto weight = static_cast<double>(levels[i].weight);
        result.ancestors_share *= weight / (weight + users(levels[i]).weights);
    }
    const Sum beside = levels.empty() ? Sum{} : users(levels.front());
    result.assumed = beside.users == 0;
    result.rivals = result.assumed ? static_cast<double>(assumed_rival) : beside.weights;
    result.text = result.assumed ? fmt::format("no cgroup beside it has used the device: one with weight {} is assumed",
                                               assumed_rival)
                                 : fmt::format("{} beside it that have used the device, of weight {:.0f} in all",
                                               beside.users, beside.weights);
    if (result.ancestors_share < 1)
        result.text += fmt::format("; the cgroups above it get {:.1f} % at least", 100 * result.ancestors_share);
    return result;
}

double share_of(double weight, const Competition& competition)
{
    return competition.ancestors_share * weight / (weight + competition.rivals);
}

std::optional<std::uint64_t> least_weight(double share, const Competition& competition, std::uint64_t most)
{
    const double here = share / competition.ancestors_share;  // of what its parent gets
    if (here >= 1)
        return std::nullopt;
    // A hair less: 25 % of 100 beside 300 is 100, not 101.
    const double weight = std::max(1.0, std::ceil(here / (1 - here) * competition.rivals * (1 - 1e-12)));
    return weight <= static_cast<double>(most) ? std::optional(static_cast<std::uint64_t>(weight)) : std::nullopt;
}

double share_wanted(double u, const IoOptions& options)
{
    return std::min(u * (1 + options.headroom), 1 / options.most_latency);
}

}  // namespace flyball::tune
