// SPDX-License-Identifier: Apache-2.0
// Log-linear histogram with the buckets of abi/histogram.h: exact count, sum, min and max; a
// quantile is off by at most 1/32 of its value. Not thread-safe; one writer.
#pragma once

#include "flyball/abi/histogram.h"

#include <cstdint>
#include <span>
#include <vector>

namespace flyball::profile {

// Nanoseconds of many CPUs over a long run pass 64 bits. ISO C++ has no such type: hence the mark.
__extension__ typedef unsigned __int128 Uint128;

class Histogram {
public:
    // Never allocates once the bucket's block has been touched (blocks of 32 grow on first use).
    void add(std::uint64_t value, std::uint64_t times = 1);

    void merge(const Histogram& other);

    // Folded in the kernel: a bucket's count, and the exact totals that go with all of them.
    void add_folded_bucket(std::uint32_t bucket, std::uint64_t count);
    void add_folded_total(const fb_fold_value& total);

    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] Uint128 sum() const { return sum_; }
    // The sum where 64 bits are all there is (JSON, metrics): saturates.
    [[nodiscard]] std::uint64_t sum64() const
    {
        constexpr Uint128 kMax = ~std::uint64_t{0};
        return static_cast<std::uint64_t>(sum_ < kMax ? sum_ : kMax);
    }
    [[nodiscard]] double mean() const;
    [[nodiscard]] std::uint64_t min() const { return count_ ? min_ : 0; }
    [[nodiscard]] std::uint64_t max() const { return max_; }
    [[nodiscard]] bool empty() const { return count_ == 0; }

    // Value at rank ceil(q * count), as the middle of its bucket, clamped to [min, max].
    // 0 when empty. Source: nearest-rank definition.
    [[nodiscard]] std::uint64_t quantile(double q) const;

    // Sum of the buckets' counts; equals count() unless a fold lost one: checked in reports.
    [[nodiscard]] std::uint64_t bucket_total() const;

    struct Bucket {
        std::uint32_t index;
        std::uint64_t low;   // inclusive
        std::uint64_t high;  // inclusive
        std::uint64_t count;
    };
    // Non-empty buckets in ascending order.
    [[nodiscard]] std::vector<Bucket> buckets() const;

    friend bool operator==(const Histogram& a, const Histogram& b);

private:
    // counts_[block] is empty or 32 counters: most histograms touch a handful of powers of two.
    std::vector<std::vector<std::uint64_t>> counts_;
    std::uint64_t count_ = 0;
    Uint128 sum_ = 0;
    std::uint64_t min_ = ~std::uint64_t{0};
    std::uint64_t max_ = 0;
};

}  // namespace flyball::profile
