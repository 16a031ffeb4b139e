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

bool are_known(Occupant who)
{
    return who == Occupant::Other || who == Occupant::KernelThread;
}

}  // namespace

std::uint64_t DisplacedWaits::of_wait(const fb_switch& event, std::uint64_t wait_ns, const WaitMoves& moves)
{
    const std::uint64_t to_ns = event.hdr.ts_ns, from_ns = to_ns - std::min(to_ns, wait_ns);
    const bool pulled = !moves_told_ && (event.flags & FB_SW_PREV_IDLE) != 0 && wait_ns > kIdleExitNs;
    std::uint64_t known_ns = 0, unseen_ns = 0, forgotten_ns = 0;
    over_legs(event, from_ns, moves, [&](Occupant who, std::uint64_t cgroup, std::uint64_t ns) {
        if (are_known(who)) {
            known_ns += ns;
            add(who == Occupant::Other ? cgroup : kByKernelThreads, ns);
        } else if (who == Occupant::Forgotten) {
            forgotten_ns += ns;
        } else if (who == Occupant::Unseen || (who == Occupant::Idle && pulled)) {
            unseen_ns += ns;
        }
    });
    if (forgotten_ns > 0 && known_ns > 0)
        add_like(event, from_ns, moves, static_cast<double>(forgotten_ns) / static_cast<double>(known_ns));
    else
        unseen_ns += std::exchange(forgotten_ns, 0);
    if (unseen_ns > 0)
        add(kByUnseen, unseen_ns);
    return known_ns + unseen_ns + forgotten_ns;
}

template <class F>
void DisplacedWaits::over_legs(const fb_switch& event, std::uint64_t from_ns, const WaitMoves& moves, F&& f) const
{
    moves.legs(event.hdr.cpu, from_ns, event.hdr.ts_ns,
               [&](std::size_t cpu, std::uint64_t since_ns, std::uint64_t until_ns) {
                   occupants_.over(cpu, since_ns, until_ns, f);
               });
}

// What is longer ago than is remembered was with those who had the CPU since, as far as anybody can tell.
void DisplacedWaits::add_like(const fb_switch& event, std::uint64_t from_ns, const WaitMoves& moves, double times)
{
    over_legs(event, from_ns, moves, [&](Occupant who, std::uint64_t cgroup, std::uint64_t ns) {
        if (are_known(who))
            add(who == Occupant::Other ? cgroup : kByKernelThreads,
                static_cast<std::uint64_t>(static_cast<double>(ns) * times));
    });
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
