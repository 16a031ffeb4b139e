// SPDX-License-Identifier: Apache-2.0
#include "cpu_occupants.hpp"

namespace flyball::tune {

bool CpuOccupants::knows(std::size_t cpu) const
{
    return cpu < cpus_.size() && cpus_[cpu].seen;
}

void CpuOccupants::begin(const fb_switch& event, Occupant prev)
{
    if (cpus_.size() <= event.hdr.cpu)
        cpus_.resize(event.hdr.cpu + std::size_t{1});
    Cpu& of = cpus_[event.hdr.cpu];
    of.now = {.from_ns = std::min<std::uint64_t>(begin_ns_, event.hdr.ts_ns),
              .cgroup = event.prev_cgroup_id,
              .tid = event.prev_tid,
              .who = prev};
    of.seen = true;
}

void CpuOccupants::on_switch(const fb_switch& event, Occupant next)
{
    Cpu& of = cpus_[event.hdr.cpu];
    if (of.now.tid != event.prev_tid)
        of.now.who = Occupant::Unseen;
    count(of.now, event.hdr.ts_ns);
    of.past[of.gone++ % kRemembered] = {of.now, event.hdr.ts_ns};
    of.now = {.from_ns = event.hdr.ts_ns, .cgroup = event.hdr.cgroup_id, .tid = event.next_tid, .who = next};
}

void CpuOccupants::count(const Slice& slice, std::uint64_t to_ns)
{
    const bool other = slice.who != Occupant::Idle && slice.who != Occupant::Own && slice.who != Occupant::Load;
    const std::uint64_t from_ns = std::max(slice.from_ns, counted_ns_);
    others_ns_ += other && to_ns > from_ns ? to_ns - from_ns : 0;
}

std::uint64_t CpuOccupants::take_others_ns(std::uint64_t at_ns)
{
    for (const Cpu& cpu : cpus_)
        count(cpu.now, at_ns);
    counted_ns_ = at_ns;
    const std::uint64_t sum_ns = others_ns_;
    others_ns_ = 0;
    return sum_ns;
}

}  // namespace flyball::tune
