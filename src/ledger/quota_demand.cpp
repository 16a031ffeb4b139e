// SPDX-License-Identifier: Apache-2.0
#include "quota_demand.hpp"

#include "flyball/profile/histogram.hpp"

#include <algorithm>

namespace flyball::ledger {
namespace {

using Time = std::int64_t;  // ns; an edge may lie before the clock's zero
using profile::Uint128;

Time floor_to(Time at, Time width, Time phase)
{
    const Time off = (at - phase) % width;
    return at - (off < 0 ? off + width : off);
}

// The part of ns that falls into the first `part` of `whole`.
std::uint64_t share(std::uint64_t ns, Time part, Time whole)
{
    return static_cast<std::uint64_t>(Uint128{ns} * static_cast<std::uint64_t>(part) /
                                      static_cast<std::uint64_t>(whole));
}

// f(bin, ns): the pieces add up to ns, to the nanosecond. The grid has room for it.
template <class F>
void spread(DemandGrid& grid, Time begin, Time end, std::uint64_t ns, F&& f)
{
    const auto width = static_cast<Time>(grid.width_ns);
    auto at = static_cast<std::size_t>((begin - grid.begin_ns) / width);
    std::uint64_t given = 0;
    for (Time edge = grid.begin_ns + (static_cast<Time>(at) + 1) * width; edge < end; edge += width, ++at) {
        const std::uint64_t upto = share(ns, edge - begin, end - begin);
        f(grid.bins[at], upto - given);
        given = upto;
    }
    f(grid.bins[at], ns - given);
}

void cover(DemandGrid& grid, Time end)
{
    const auto width = static_cast<Time>(grid.width_ns);
    // A stretch without length has a bin as well.
    const auto bins = static_cast<std::size_t>((end - grid.begin_ns) / width + 1);
    if (grid.bins.size() < bins)
        grid.bins.resize(bins);
}

}  // namespace

DemandGrid regrid(const DemandGrid& from, std::uint64_t width_ns, std::uint64_t phase_ns)
{
    DemandGrid to{.begin_ns = floor_to(from.begin_ns, static_cast<Time>(width_ns), static_cast<Time>(phase_ns)),
                  .width_ns = width_ns,
                  .bins = {}};
    const auto width = static_cast<Time>(from.width_ns);
    Time begin = from.begin_ns;
    for (const Demand& demand : from.bins) {
        if (demand.total_ns() > 0) {
            cover(to, begin + width);
            spread(to, begin, begin + width, demand.work_ns, [](Demand& bin, std::uint64_t ns) { bin.work_ns += ns; });
            spread(to, begin, begin + width, demand.appetite_ns,
                   [](Demand& bin, std::uint64_t ns) { bin.appetite_ns += ns; });
        }
        begin += width;
    }
    return to;
}

DemandSeries::DemandSeries(std::uint64_t edge_ns)
{
    grid_ = {.begin_ns = static_cast<Time>(edge_ns), .width_ns = kFineNs, .bins = {}};
}

std::int64_t DemandSeries::end_of_room() const
{
    return grid_.begin_ns + static_cast<Time>(grid_.width_ns * kBins);
}

void DemandSeries::evict(std::size_t bins)
{
    bins = std::min(bins, grid_.bins.size());
    for (std::size_t i = 0; i < bins; ++i)
        ++evicted_[(grid_.bins[i].total_ns() * 100 + grid_.width_ns / 2) / grid_.width_ns];
    grid_.bins.erase(grid_.bins.begin(), grid_.bins.begin() + static_cast<std::ptrdiff_t>(bins));
    grid_.begin_ns += static_cast<Time>(grid_.width_ns * bins);
}

// False: it is older than what is kept, or longer.
bool DemandSeries::make_room(Time begin_ns, Time end_ns, const Ticks& ticks)
{
    const auto full = [&] {
        const Time first = std::min(begin_ns, grid_.begin_ns);
        const Time last = std::max(end_ns, grid_.begin_ns + static_cast<Time>(grid_.width_ns * grid_.bins.size()));
        return static_cast<std::uint64_t>(last - first) / grid_.width_ns + 2 > kBins;
    };
    if (full() && stage_ == Stage::Fine) {
        grid_ = regrid(grid_, kCoarseNs, ticks.phase_ns(kCoarseNs));
        stage_ = Stage::Coarse;
    }
    if (full() && stage_ == Stage::Coarse) {
        // A multiple, where periods are shorter than what the bins can tell apart already.
        const std::uint64_t period = ticks.period_ns();
        const std::uint64_t width = period * ((kCoarseNs + period - 1) / period);
        grid_ = regrid(grid_, width, ticks.phase_ns(period));
        stage_ = Stage::Periods;
    }
    const auto width = static_cast<Time>(grid_.width_ns);
    if (full()) {
        if (begin_ns < grid_.begin_ns || static_cast<std::size_t>((end_ns - begin_ns) / width) + 2 > kBins)
            return false;
        const auto beyond = static_cast<std::size_t>((end_ns - end_of_room()) / width + 2);
        if (beyond >= kBins) {  // idle for longer than all that is kept
            evict(kBins);
            grid_.begin_ns = floor_to(begin_ns, width, grid_.begin_ns);
        } else {
            evict(std::max(beyond, kBins / 4));  // not one by one: the rest has to be moved
        }
    }
    if (begin_ns < grid_.begin_ns) {
        const Time first = floor_to(begin_ns, width, grid_.begin_ns);
        grid_.bins.insert(grid_.bins.begin(), static_cast<std::size_t>((grid_.begin_ns - first) / width), {});
        grid_.begin_ns = first;
    }
    cover(grid_, end_ns);
    return true;
}

void DemandSeries::add(std::uint64_t begin_ns, std::uint64_t end_ns, std::uint64_t ns, Kind kind, const Ticks& ticks)
{
    if (ns == 0)
        return;
    const auto begin = static_cast<Time>(begin_ns);
    const auto end = std::max(begin, static_cast<Time>(end_ns));
    if (!make_room(begin, end, ticks))
        return;
    spread(grid_, begin, end, ns,
           [kind](Demand& bin, std::uint64_t part) { (kind == Kind::Work ? bin.work_ns : bin.appetite_ns) += part; });
}

DemandGrid DemandSeries::by_period(std::uint64_t period_ns, std::uint64_t phase_ns) const
{
    return period_ns < grid_.width_ns ? grid_ : regrid(grid_, period_ns, phase_ns);
}

}  // namespace flyball::ledger
