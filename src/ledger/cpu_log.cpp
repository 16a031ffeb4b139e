// SPDX-License-Identifier: Apache-2.0
#include "cpu_log.hpp"

namespace flyball::ledger {
namespace {

Occupant occupant(std::uint16_t flags, std::uint16_t idle, std::uint16_t kthread)
{
    return (flags & idle) != 0 ? Occupant::Idle : (flags & kthread) != 0 ? Occupant::KernelThread : Occupant::Task;
}

}  // namespace

bool CpuLog::on_switch(const fb_switch& event)
{
    const std::uint64_t now = std::max<std::uint64_t>(event.hdr.ts_ns, open_.span.from);  // late: no time goes back
    Slice left{.span = {open_.span.from, now},
               .cgroup = event.prev_cgroup_id,
               .tid = event.prev_tid,
               .irq_ns = event.irq_ns,
               .who = occupant(event.flags, FB_SW_PREV_IDLE, FB_SW_PREV_KTHREAD)};
    const bool chained = first_ || open_.tid == event.prev_tid;
    if (!chained) {
        // Only what it says of itself is known: it had the CPU for slice_ns.
        const std::uint64_t from = now - std::min<std::uint64_t>(event.slice_ns, now);
        keep({.span = {open_.span.from, std::max(from, open_.span.from)}});
        left.span.from = std::max(from, open_.span.from);
    }
    keep(left);
    first_ = false;
    open_ = {.span = {now, 0},
             .cgroup = event.hdr.cgroup_id,
             .tid = event.next_tid,
             .irq_ns = 0,
             .who = occupant(event.flags, FB_SW_NEXT_IDLE, FB_SW_NEXT_KTHREAD)};
    return chained;
}

std::size_t CpuLog::first_ending_after(std::uint64_t time) const
{
    // Most waits are short: they begin within the last few slices.
    std::size_t low = 0, high = slices_.size();
    for (std::size_t step = 4; step < high; step *= 4) {
        if (slices_[high - step].span.to <= time) {
            low = high - step;
            break;
        }
    }
    const auto found = std::partition_point(slices_.begin() + static_cast<std::ptrdiff_t>(low), slices_.end(),
                                            [&](const Slice& slice) { return slice.span.to <= time; });
    return static_cast<std::size_t>(found - slices_.begin());
}

void CpuLog::keep(const Slice& slice)
{
    if (slice.span.length() == 0)
        return;
    slices_.push_back(slice);
    if (slices_.size() > kKept)
        slices_.pop_front();
}

}  // namespace flyball::ledger
