// SPDX-License-Identifier: Apache-2.0
#include "quota_slices.hpp"

#include "flyball/profile/histogram.hpp"

#include <algorithm>

namespace flyball::ledger {

std::uint64_t RunSlice::ran_within(std::uint64_t from_ns, std::uint64_t until_ns) const
{
    const std::uint64_t from = std::max(from_ns, begin_ns), until = std::min(until_ns, end_ns);
    if (from >= until)
        return 0;
    if (until - from == end_ns - begin_ns)
        return ran_ns;
    return static_cast<std::uint64_t>(profile::Uint128{ran_ns} * (until - from) / (end_ns - begin_ns));
}

void RunLog::push(const RunSlice& slice)
{
    if (slices_.size() < kSlices) {
        slices_.push_back(slice);
        return;
    }
    dropped_until_ns_ = std::max(dropped_until_ns_, slices_[next_].end_ns);
    slices_[next_] = slice;
    next_ = (next_ + 1) % kSlices;
}

}  // namespace flyball::ledger
