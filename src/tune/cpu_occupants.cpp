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
    count(of, event.hdr.ts_ns);
    remember(of, event.hdr.ts_ns);
    of.now = {.from_ns = event.hdr.ts_ns, .cgroup = event.hdr.cgroup_id, .tid = event.next_tid, .who = next};
}

// Tasks of one cgroup that take turns are one stretch: a wait of seconds behind them is remembered whole.
void CpuOccupants::remember(Cpu& of, std::uint64_t to_ns)
{
    Past& last = of.past[(of.gone + kRemembered - 1) % kRemembered];
    const bool goes_on = of.gone > 0 && last.slice.who == of.now.who && last.slice.cgroup == of.now.cgroup;
    if (goes_on)
        last.to_ns = to_ns;
    else
        of.past[of.gone++ % kRemembered] = {of.now, to_ns};
}

void CpuOccupants::count(Cpu& of, std::uint64_t to_ns) const
{
    const std::uint64_t from_ns = std::max(of.now.from_ns, counted_ns_), ns = to_ns - std::min(from_ns, to_ns);
    if (of.now.who == Occupant::Idle)
        of.idle_ns += ns;
    else if (of.now.who == Occupant::Own)
        of.own_ns += ns;
    else if (of.now.who != Occupant::Load)
        of.others_ns += ns;
}

CpuOccupants::Totals CpuOccupants::take(std::uint64_t at_ns)
{
    Totals all;
    double own_ns = 0, idle_ns = 0;  // the latter weighted by the former
    for (Cpu& cpu : cpus_) {
        count(cpu, at_ns);
        own_ns += static_cast<double>(cpu.own_ns);
        idle_ns += static_cast<double>(cpu.own_ns) * static_cast<double>(cpu.idle_ns);
        all.others_ns += cpu.others_ns;
        cpu.idle_ns = cpu.own_ns = cpu.others_ns = 0;
    }
    if (own_ns > 0 && at_ns > counted_ns_)
        all.spare = std::min(idle_ns / own_ns / static_cast<double>(at_ns - counted_ns_), 1.0);
    counted_ns_ = at_ns;
    return all;
}

}  // namespace flyball::tune
