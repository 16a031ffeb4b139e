// SPDX-License-Identifier: Apache-2.0
#include "displaced_waits.hpp"

#include <functional>
#include <utility>

namespace flyball::tune {
namespace {

// Longer than any idle state takes to leave. Where moves are not told, who waited longer for a CPU that was idle in the
// end may have been pulled to it, and waited behind others elsewhere.
constexpr std::uint64_t kIdleExitNs = 1'000'000;
constexpr std::size_t kMostDisplacers = 64;

bool are_others(Occupant who)
{
    return who == Occupant::Other || who == Occupant::KernelThread || who == Occupant::Unseen;
}

}  // namespace

std::uint64_t DisplacedWaits::of_wait(const fb_switch& event, std::uint64_t wait_ns, const WaitMoves& moves)
{
    const std::uint64_t to_ns = event.hdr.ts_ns, from_ns = to_ns - std::min(to_ns, wait_ns);
    const bool pulled = !moves_told_ && (event.flags & FB_SW_PREV_IDLE) != 0 && wait_ns > kIdleExitNs;
    std::uint64_t sum_ns = 0;
    const auto stretch = [&](Occupant who, std::uint64_t cgroup, std::uint64_t ns) {
        if (who == Occupant::Idle && pulled)
            who = Occupant::Unseen;
        if (!are_others(who))
            return;
        sum_ns += ns;
        add(who == Occupant::Other ? cgroup : who == Occupant::Unseen ? kByUnseen : kByKernelThreads, ns);
    };
    moves.legs(event.hdr.cpu, from_ns, to_ns, [&](std::size_t cpu, std::uint64_t since_ns, std::uint64_t until_ns) {
        occupants_.over(cpu, since_ns, until_ns, stretch);
    });
    return sum_ns;
}

void DisplacedWaits::add(std::uint64_t cgroup, std::uint64_t ns)
{
    const auto known = std::ranges::find(by_, cgroup, &DisplacedBy::cgroup_id);
    if (known != by_.end())
        known->ns += ns;
    else if (by_.size() < kMostDisplacers || cgroup == kByUnseen)
        by_.push_back({cgroup, ns});
    else
        add(kByUnseen, ns);
}

std::vector<DisplacedBy> DisplacedWaits::take()
{
    std::ranges::stable_sort(by_, std::ranges::greater{}, &DisplacedBy::ns);
    return std::exchange(by_, {});
}

}  // namespace flyball::tune
