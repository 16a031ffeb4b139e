// SPDX-License-Identifier: Apache-2.0
// Rates that are told now and then, each for the time since the one before: their mean over the time they cover.
// Not thread-safe.
#pragma once

#include <cstdint>

namespace flyball::tune {

class RateAverage {
public:
    // Drops what came before.
    void begin(std::uint64_t at_ns)
    {
        *this = {};
        since_ns_ = at_ns;
    }

    void add(double rate, std::uint64_t at_ns)
    {
        if (at_ns != at_ns_)
            settle();
        at_ns_ = at_ns;
        sum_ += rate;
        ++together_;
    }

    // Ends the time of the rates that arrived together: afterwards units() and seconds() have them.
    void settle()
    {
        if (together_ == 0)
            return;
        const double seconds = static_cast<double>(at_ns_ - since_ns_) / 1e9;
        units_ += sum_ / static_cast<double>(together_) * seconds;
        seconds_ += seconds;
        since_ns_ = at_ns_;
        sum_ = 0;
        together_ = 0;
    }
    [[nodiscard]] double units() const { return units_; }
    [[nodiscard]] double seconds() const { return seconds_; }

private:
    std::uint64_t since_ns_ = 0, at_ns_ = 0;
    double sum_ = 0, units_ = 0, seconds_ = 0;
    std::uint64_t together_ = 0;
};

}  // namespace flyball::tune
