// SPDX-License-Identifier: Apache-2.0
#include "latencies.hpp"

#include <algorithm>
#include <cmath>

namespace workload {

void Latencies::add_to(Truth& truth)
{
    std::ranges::sort(ns_);
    const auto quantile = [this](double q) {
        const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(ns_.size())));
        return ns_.empty() ? 0 : ns_[std::max<std::size_t>(rank, 1) - 1];
    };
    std::uint64_t sum = 0;
    for (const std::uint64_t ns : ns_)
        sum += ns;
    truth.add("latency_p50_ns", quantile(0.5))
        .add("latency_p99_ns", quantile(0.99))
        .add("latency_max_ns", quantile(1))
        .add("latency_mean_ns", ns_.empty() ? 0 : sum / ns_.size());
}

}  // namespace workload
