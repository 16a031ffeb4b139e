// SPDX-License-Identifier: Apache-2.0
#include "flyball/load/schedule.hpp"

#include <cmath>

namespace flyball::load {
namespace {

// Sums of doubles: an arrival that falls on the end of a segment belongs to the next one.
constexpr double kRounding = 1e-9;

// Seconds from the beginning of the segment until the integral of its rate is x.
// r0 t + (r1 - r0) t^2 / 2L = x, solved so that nothing cancels when the rate hardly changes.
double time_of(const Segment& segment, double x)
{
    const double length = static_cast<double>(segment.length_ns) * 1e-9;
    const double a = (segment.to_rate - segment.from_rate) / (2 * length);
    const double root = std::sqrt(std::max(segment.from_rate * segment.from_rate + 4 * a * x, 0.0));
    return x <= 0 ? 0 : 2 * x / (segment.from_rate + root);
}

}  // namespace

Schedule::Schedule(std::vector<Segment> segments, Arrivals arrivals, std::uint64_t seed)
    : segments_(std::move(segments)), arrivals_(arrivals), random_(seed)
{
    if (arrivals_ == Arrivals::Poisson)
        due_ = gap();
}

// The standard's distributions differ from library to library; its generators do not.
double Schedule::gap()
{
    constexpr double kSteps = 9007199254740992.0;  // 2^53
    const double uniform = static_cast<double>(random_() >> 11) / kSteps;
    return -std::log1p(-uniform);
}

std::optional<Arrival> Schedule::next()
{
    while (segment_ < segments_.size() && due_ >= segments_[segment_].expected() - kRounding) {
        due_ = std::max(due_ - segments_[segment_].expected(), 0.0);
        begin_ns_ += segments_[segment_].length_ns;
        ++segment_;
    }
    if (segment_ == segments_.size())
        return std::nullopt;
    const Segment& segment = segments_[segment_];
    const double at = time_of(segment, due_);
    const double share = at * 1e9 / static_cast<double>(segment.length_ns);
    const Arrival arrival{.number = number_++,
                          .at_ns = begin_ns_ + static_cast<std::uint64_t>(std::llround(at * 1e9)),
                          .segment = segment_,
                          .rate = segment.from_rate + (segment.to_rate - segment.from_rate) * share};
    due_ += arrivals_ == Arrivals::Poisson ? gap() : 1;
    return arrival;
}

std::uint64_t Schedule::length_ns() const
{
    std::uint64_t sum = 0;
    for (const Segment& segment : segments_)
        sum += segment.length_ns;
    return sum;
}

double Schedule::expected() const
{
    double sum = 0;
    for (const Segment& segment : segments_)
        sum += segment.expected();
    return sum;
}

}  // namespace flyball::load
