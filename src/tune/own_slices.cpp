// SPDX-License-Identifier: Apache-2.0
#include "own_slices.hpp"

#include <algorithm>

namespace flyball::tune {

void OwnSlices::add(std::size_t cpu, std::uint64_t from_ns, std::uint64_t to_ns)
{
    if (cpus_.size() <= cpu)
        cpus_.resize(cpu + 1);
    Cpu& of = cpus_[cpu];
    of.slices[of.added++ % kRemembered] = {from_ns, to_ns};
}

std::uint64_t OwnSlices::within(std::size_t cpu, std::uint64_t from_ns, std::uint64_t to_ns) const
{
    if (cpu >= cpus_.size())
        return 0;
    const Cpu& of = cpus_[cpu];
    std::uint64_t sum_ns = 0;
    for (std::size_t back = 1; back <= std::min(of.added, kRemembered); ++back) {
        const Slice& slice = of.slices[(of.added - back) % kRemembered];
        if (slice.to_ns <= from_ns)
            break;
        const std::uint64_t begin_ns = std::max(slice.from_ns, from_ns), end_ns = std::min(slice.to_ns, to_ns);
        sum_ns += end_ns > begin_ns ? end_ns - begin_ns : 0;
    }
    return sum_ns;
}

}  // namespace flyball::tune
