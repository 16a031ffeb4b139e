// SPDX-License-Identifier: Apache-2.0
#include "quota_ticks.hpp"

#include <algorithm>

namespace flyball::ledger {
namespace {

// The CPUs of one tick are unthrottled one after the other.
constexpr std::uint64_t kSameTickNs = 300'000;
constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kShorter[] = {50 * kMs, 40 * kMs, 25 * kMs, 20 * kMs, 10 * kMs, 5 * kMs, 2 * kMs, kMs};
constexpr std::uint64_t kLonger[] = {150 * kMs, 200 * kMs, 250 * kMs, 500 * kMs, 1000 * kMs};
constexpr std::size_t kGapsToJudge = 4;
constexpr double kShareToBelieve = 0.7;

// How far from the grid an end may be: timers are late, CPUs are told one by one.
std::uint64_t tolerance(std::uint64_t period_ns)
{
    return period_ns / 20;
}

}  // namespace

void Ticks::add(std::uint64_t end_ns, std::uint64_t throttled_ns)
{
    if (!ticks_.empty() && end_ns < ticks_.back().end_ns + kSameTickNs) {
        ticks_.back().throttled_ns = std::max(ticks_.back().throttled_ns, throttled_ns);
        return;
    }
    if (ticks_.size() == kTicks)
        ticks_.erase(ticks_.begin());
    ticks_.push_back({end_ns, throttled_ns});
    known_ = false;
}

double Ticks::share_of_gaps(std::uint64_t period_ns) const
{
    std::size_t fitting = 0;
    for (std::size_t i = 1; i < ticks_.size(); ++i) {
        const std::uint64_t gap = ticks_[i].end_ns - ticks_[i - 1].end_ns;
        const std::uint64_t off = gap % period_ns;
        if (gap > period_ns / 2 && std::min(off, period_ns - off) <= tolerance(period_ns))
            ++fitting;
    }
    return ticks_.size() < 2 ? 1 : static_cast<double>(fitting) / static_cast<double>(ticks_.size() - 1);
}

std::uint64_t Ticks::infer_period() const
{
    if (ticks_.size() <= kGapsToJudge)
        return kDefaultPeriodNs;
    // Throttling outlasts its period only while a debt of more than a quota is paid: such a period is too
    // short to be the one.
    std::vector<std::uint64_t> lengths;
    for (const Tick& tick : ticks_)
        lengths.push_back(tick.throttled_ns);
    const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 2);
    std::ranges::nth_element(lengths, middle);
    const std::uint64_t least = *middle - *middle / 20;

    const auto fits = [&](std::uint64_t period_ns) {
        return period_ns >= least && share_of_gaps(period_ns) >= kShareToBelieve;
    };
    if (fits(kDefaultPeriodNs))
        return kDefaultPeriodNs;
    // Of shorter ones the longest: every divisor of it fits as well.
    if (const auto* found = std::ranges::find_if(kShorter, fits); found != std::end(kShorter))
        return *found;
    if (const auto* found = std::ranges::find_if(kLonger, fits); found != std::end(kLonger))
        return *found;
    return kDefaultPeriodNs;
}

std::uint64_t Ticks::period_ns() const
{
    if (!known_) {
        period_ns_ = infer_period();
        known_ = true;
        phase_ns_ = phase_ns(period_ns_);
    }
    return period_ns_;
}

std::uint64_t Ticks::phase_ns(std::uint64_t period_ns) const
{
    std::vector<std::uint64_t> offsets;
    offsets.reserve(2 * ticks_.size());
    for (const Tick& tick : ticks_)
        offsets.push_back(tick.end_ns % period_ns);
    std::ranges::sort(offsets);
    const std::size_t n = offsets.size();
    for (std::size_t i = 0; i < n; ++i)  // around the circle
        offsets.push_back(offsets[i] + period_ns);

    // An end comes after its tick, never before: of the densest place the first one.
    const std::uint64_t width = std::max(period_ns / 100, std::uint64_t{200'000});
    std::uint64_t best = 0;
    std::size_t most = 0;
    for (std::size_t i = 0, j = 0; i < n; ++i) {
        while (j < i + n && offsets[j] <= offsets[i] + width)
            ++j;
        if (j - i > most) {
            most = j - i;
            best = offsets[i];
        }
    }
    return best;
}

std::uint64_t Ticks::refill_before(std::uint64_t at_ns) const
{
    const std::uint64_t period = period_ns();
    const std::uint64_t since = (at_ns % period + period - phase_ns_) % period;
    return at_ns - std::min(at_ns, since);
}

double Ticks::fit(std::uint64_t period_ns) const
{
    if (ticks_.empty())
        return 1;
    const std::uint64_t phase = phase_ns(period_ns);
    const auto on_grid = std::ranges::count_if(ticks_, [&](const Tick& tick) {
        const std::uint64_t off = (tick.end_ns % period_ns + period_ns - phase) % period_ns;
        return std::min(off, period_ns - off) <= tolerance(period_ns);
    });
    return static_cast<double>(on_grid) / static_cast<double>(ticks_.size());
}

}  // namespace flyball::ledger
