// SPDX-License-Identifier: Apache-2.0
// What another quota would have done with the same demand: docs/ledger-quota.md has the formulas. Pure.
#pragma once

#include "flyball/ledger/books.hpp"
#include "quota_demand.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace flyball::ledger {

struct Bucket {
    std::uint64_t quota_ns = 0;  // put in each period
    std::uint64_t burst_ns = 0;  // may be left over from before on top of it
};

// CPU time that the quota kept back, summed over the periods in which it had to wait. capacity_ns: what the
// online CPUs can do in a period.
[[nodiscard]] std::uint64_t kept_back(std::span<const Demand> periods, Bucket bucket, std::uint64_t capacity_ns);

// What to avoid: all but a hundredth of what the present limit keeps back.
[[nodiscard]] inline std::uint64_t tolerable(std::uint64_t kept_back_ns)
{
    return kept_back_ns / 100;
}

// The smallest quota, without burst, in steps of a hundredth of the period; at least that of `present`.
[[nodiscard]] std::uint64_t enough_quota(std::span<const Demand> periods, Bucket present, std::uint64_t period_ns,
                                         std::uint64_t capacity_ns);

// The smallest burst with the present quota, whether the kernel would take it or not; nullopt: none.
[[nodiscard]] std::optional<std::uint64_t> enough_burst(std::span<const Demand> periods, Bucket present,
                                                        std::uint64_t period_ns, std::uint64_t capacity_ns);

// hundredths of a CPU -> periods, into at most kDemandBins bins with round edges.
inline constexpr std::size_t kDemandBins = 20;
[[nodiscard]] std::vector<DemandBin> demand_bins(const std::map<std::uint64_t, std::uint64_t>& periods);

}  // namespace flyball::ledger
