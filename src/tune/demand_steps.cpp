// SPDX-License-Identifier: Apache-2.0
#include "demand_steps.hpp"

#include "flyball/tune/demand_trace.hpp"

#include <algorithm>

namespace flyball::tune {

void DemandSteps::add(std::uint64_t from_ns, std::uint64_t to_ns, std::uint64_t ns)
{
    if (to_ns <= from_ns || to_ns <= begin_ns_)
        return;
    const double share = static_cast<double>(ns) / static_cast<double>(to_ns - from_ns);
    from_ns = std::max(from_ns, begin_ns_);
    const auto last = static_cast<std::size_t>((to_ns - 1 - begin_ns_) / kDemandStepNs);
    if (steps_.size() <= last)
        steps_.resize(last + 1, 0);
    for (std::uint64_t at = from_ns; at < to_ns;) {
        const std::uint64_t index = (at - begin_ns_) / kDemandStepNs;
        const std::uint64_t until = std::min(begin_ns_ + (index + 1) * kDemandStepNs, to_ns);
        steps_[index] += static_cast<std::uint64_t>(share * static_cast<double>(until - at) + 0.5);
        at = until;
    }
}

std::vector<std::uint64_t> DemandSteps::take(std::uint64_t at_ns)
{
    const auto whole = static_cast<std::size_t>((at_ns - std::min(at_ns, begin_ns_)) / kDemandStepNs);
    if (steps_.size() < whole)
        steps_.resize(whole, 0);
    std::vector<std::uint64_t> done(steps_.begin(), steps_.begin() + static_cast<std::ptrdiff_t>(whole));
    steps_.erase(steps_.begin(), steps_.begin() + static_cast<std::ptrdiff_t>(whole));
    begin_ns_ += whole * kDemandStepNs;
    return done;
}

}  // namespace flyball::tune
