// SPDX-License-Identifier: Apache-2.0
#include "quota_ticks.hpp"

#include <algorithm>
#include <utility>

namespace flyball::ledger {
namespace {

// The CPUs of one tick are unthrottled one after the other.
constexpr std::uint64_t kSameTickNs = 300'000;
constexpr std::uint64_t kMs = 1'000'000;
// By preference. Of those shorter than the default the longest: every divisor of it fits as well.
constexpr std::uint64_t kCandidates[] = {kDefaultPeriodNs, 50 * kMs,  40 * kMs,  25 * kMs,  20 * kMs,
                                         10 * kMs,         5 * kMs,   2 * kMs,   kMs,       150 * kMs,
                                         200 * kMs,        250 * kMs, 500 * kMs, 1000 * kMs};
constexpr std::size_t kGapsToJudge = 4;
constexpr double kShareToBelieve = 0.7;

// How far from the grid an end may be: timers are late, CPUs are told one by one.
std::uint64_t tolerance(std::uint64_t period_ns)
{
    return period_ns / 20;
}

bool fits(std::uint64_t gap_ns, std::uint64_t period_ns)
{
    const std::uint64_t off = gap_ns % period_ns;
    return gap_ns > period_ns / 2 && std::min(off, period_ns - off) <= tolerance(period_ns);
}

void insert(std::vector<std::uint64_t>& ascending, std::uint64_t value)
{
    ascending.insert(std::ranges::upper_bound(ascending, value), value);
}

void erase(std::vector<std::uint64_t>& ascending, std::uint64_t value)
{
    ascending.erase(std::ranges::lower_bound(ascending, value));
}

// Where on the circle of a period the ends are.
std::uint64_t phase_of(const std::vector<std::uint64_t>& offsets, std::uint64_t period_ns)
{
    // An end comes after its tick, never before: of the densest place the first one.
    const std::uint64_t width = std::max(period_ns / 100, std::uint64_t{200'000});
    const std::size_t n = offsets.size();
    std::uint64_t best = 0;
    std::size_t most = 0;
    for (std::size_t i = 0, j = 0; i < n; ++i) {
        while (j < i + n && (j < n ? offsets[j] : offsets[j - n] + period_ns) <= offsets[i] + width)
            ++j;
        if (j - i > most) {
            most = j - i;
            best = offsets[i];
        }
    }
    return best;
}

}  // namespace

void Ticks::add(std::uint64_t end_ns, std::uint64_t throttled_ns)
{
    if (!ticks_.empty() && end_ns < ticks_.back().end_ns + kSameTickNs) {
        std::uint64_t& longest_ns = ticks_.back().throttled_ns;
        if (throttled_ns > longest_ns) {
            erase(lengths_, std::exchange(longest_ns, throttled_ns));
            insert(lengths_, throttled_ns);
        }
        return;
    }
    if (ticks_.size() == kTicks) {
        count_gap(1, -1);
        erase(lengths_, ticks_.front().throttled_ns);
        erase(offsets_, ticks_.front().end_ns % period_ns_);
        ticks_.pop_front();
    }
    ticks_.push_back({end_ns, throttled_ns});
    if (ticks_.size() > 1)
        count_gap(ticks_.size() - 1, 1);
    insert(lengths_, throttled_ns);
    insert(offsets_, end_ns % period_ns_);
    known_ = false;
}

// Of the gap before that tick.
void Ticks::count_gap(std::size_t i, int by)
{
    static_assert(std::size(kCandidates) == kPeriods);
    const std::uint64_t gap_ns = ticks_[i].end_ns - ticks_[i - 1].end_ns;
    for (std::size_t k = 0; k < kPeriods; ++k)
        fitting_[k] += fits(gap_ns, kCandidates[k]) ? by : 0;
}

std::uint64_t Ticks::infer_period() const
{
    if (ticks_.size() <= kGapsToJudge)
        return kDefaultPeriodNs;
    // Throttling outlasts its period only while a debt of more than a quota is paid: such a period is too
    // short to be the one.
    const std::uint64_t middle = lengths_[lengths_.size() / 2], least = middle - middle / 20;
    const auto gaps = static_cast<double>(ticks_.size() - 1);
    for (std::size_t k = 0; k < kPeriods; ++k) {
        if (kCandidates[k] >= least && fitting_[k] / gaps >= kShareToBelieve)
            return kCandidates[k];
    }
    return kDefaultPeriodNs;
}

std::uint64_t Ticks::period_ns() const
{
    if (!known_) {
        if (const std::uint64_t period_ns = infer_period(); period_ns != period_ns_) {
            offsets_ = offsets_of(period_ns);
            period_ns_ = period_ns;
        }
        phase_ns_ = phase_of(offsets_, period_ns_);
        known_ = true;
    }
    return period_ns_;
}

std::vector<std::uint64_t> Ticks::offsets_of(std::uint64_t period_ns) const
{
    std::vector<std::uint64_t> offsets;
    offsets.reserve(ticks_.size());
    for (const Tick& tick : ticks_)
        offsets.push_back(tick.end_ns % period_ns);
    std::ranges::sort(offsets);
    return offsets;
}

std::uint64_t Ticks::phase_ns(std::uint64_t period_ns) const
{
    return phase_of(offsets_of(period_ns), period_ns);
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
