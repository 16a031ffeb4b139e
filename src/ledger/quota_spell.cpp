// SPDX-License-Identifier: Apache-2.0
#include "quota_spell.hpp"

#include "flyball/profile/histogram.hpp"

#include <algorithm>

namespace flyball::ledger {
namespace {

using Kind = DemandSeries::Kind;

void place(Throttler& throttler, std::uint64_t begin_ns, std::uint64_t end_ns, std::uint64_t ns, Kind kind)
{
    throttler.demand.add(begin_ns, end_ns, ns, kind, throttler.ticks);
}

}  // namespace

bool Spell::held_by(const Throttler& throttler) const
{
    return std::any_of(stretches_.begin(), stretches_.begin() + static_cast<std::ptrdiff_t>(holds_),
                       [&](const Stretch& stretch) { return stretch.by == &throttler; });
}

void Spell::place_appetite(const Hold& hold, Throttler& by) const
{
    // It runs so much of the time that it is not held or waiting.
    const std::uint64_t active_ns = ran_ns_ + blocked_ns_;
    const std::uint64_t wanted_ns =
        active_ns == 0 ? hold.held_ns
                       : static_cast<std::uint64_t>(profile::Uint128{hold.held_ns} * ran_ns_ / active_ns);
    place(by, hold.begin_ns, hold.begin_ns + hold.held_ns, wanted_ns, Kind::Appetite);
}

void Spell::place_finished(Throttler& throttler) const
{
    std::uint64_t earlier_ns = 0;
    for (std::size_t i = 0; i < holds_; ++i) {
        const Stretch& stretch = stretches_[i];
        if (stretch.by == &throttler)
            earlier_ns += stretch.hold.held_ns;
        const std::uint64_t shift_ns = std::min(earlier_ns, stretch.begin_ns);
        place(throttler, stretch.begin_ns - shift_ns, stretch.end_ns - shift_ns, stretch.ran_ns, Kind::Work);
    }
}

void Spell::place_endless(Throttler& throttler) const
{
    const Kind kind = held_by(throttler) ? Kind::Appetite : Kind::Work;
    for (std::size_t i = 0; i < holds_; ++i) {
        const Stretch& stretch = stretches_[i];
        if (stretch.by == &throttler)
            place_appetite(stretch.hold, throttler);
        place(throttler, stretch.begin_ns, stretch.end_ns, stretch.ran_ns, kind);
    }
}

void Spell::settle(bool paused, Chain chain)
{
    for (Throttler* throttler : chain) {
        if (paused && !endless_)
            place_finished(*throttler);
        else
            place_endless(*throttler);
    }
    holds_ = 0;
}

void Spell::add_hold(const Hold& hold, Throttler* by, Chain chain)
{
    last_by_ = by;
    if (!endless_ && holds_ == kHolds) {
        settle(false, chain);
        endless_ = true;
    }
    if (endless_)
        place_appetite(hold, *by);
    else
        stretches_[holds_++] = {.by = by, .hold = hold};
}

void Spell::add_slice(const RunSlice& slice, Chain chain)
{
    ran_ns_ += slice.ran_ns;
    if (endless_) {
        for (Throttler* throttler : chain)
            place(*throttler, slice.begin_ns, slice.end_ns, slice.ran_ns,
                  throttler == last_by_ ? Kind::Appetite : Kind::Work);
        return;
    }
    Stretch& stretch = stretches_[holds_ - 1];  // a spell begins with a hold
    if (stretch.ran_ns == 0)
        stretch.begin_ns = slice.begin_ns;
    stretch.end_ns = slice.end_ns;
    stretch.ran_ns += slice.ran_ns;
}

bool Spell::resume(std::uint64_t at_ns)
{
    if (blocked_at_ns_ == 0)
        return true;
    const std::uint64_t slept_ns = at_ns > blocked_at_ns_ ? at_ns - blocked_at_ns_ : 0;
    blocked_at_ns_ = 0;
    blocked_ns_ += slept_ns;
    return slept_ns < kPauseNs;
}

}  // namespace flyball::ledger
