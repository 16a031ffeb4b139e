// SPDX-License-Identifier: Apache-2.0
// When jobs of an open loop are due: however late the one before is done. Thread-safe: workers take turns, which is a
// queue, first come first served.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <random>

namespace workload {

class Arrivals {
public:
    // From start to end, with this mean gap, even or (poisson) exponential.
    Arrivals(std::uint64_t start_ns, std::uint64_t end_ns, double gap_ns, bool poisson, std::uint64_t seed)
        : at_ns_(static_cast<double>(start_ns)),
          end_ns_(static_cast<double>(end_ns)),
          gap_ns_(gap_ns),
          poisson_(poisson),
          random_(seed)
    {
        if (poisson_)
            step();
    }

    // nullopt: none is due before the end.
    std::optional<std::uint64_t> next()
    {
        const std::scoped_lock lock(mutex_);
        if (at_ns_ >= end_ns_)
            return std::nullopt;
        const auto due = static_cast<std::uint64_t>(at_ns_);
        step();
        return due;
    }
    // How many next() would still give; takes them.
    std::uint64_t take_rest()
    {
        std::uint64_t count = 0;
        while (next())
            ++count;
        return count;
    }

private:
    void step() { at_ns_ += poisson_ ? std::exponential_distribution<double>(1 / gap_ns_)(random_) : gap_ns_; }

    std::mutex mutex_;
    double at_ns_, end_ns_, gap_ns_;
    bool poisson_;
    std::mt19937_64 random_;
};

}  // namespace workload
