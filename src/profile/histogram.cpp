// SPDX-License-Identifier: Apache-2.0
#include "flyball/profile/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace flyball::profile {
namespace {

constexpr std::uint32_t kBlock = FB_HIST_SUB;

bool all_zero(const std::vector<std::uint64_t>& block)
{
    return std::ranges::all_of(block, [](std::uint64_t count) { return count == 0; });
}

// ceil(q * count), at least 1, at most count. 0.07 is not 7/100 but a little more, so that
// 0.07 * 100 is 7.000000000000001: a product within rounding of a whole number is that number.
std::uint64_t nearest_rank(double q, std::uint64_t count)
{
    if (!(q > 0))
        return 1;  // NaN too
    if (q >= 1)
        return count;
    const double product = q * static_cast<double>(count);
    const double whole = std::nearbyint(product);
    const double slack = 4 * std::numeric_limits<double>::epsilon() * product;
    const double rank = std::fabs(product - whole) <= slack ? whole : std::ceil(product);
    if (rank >= static_cast<double>(count))
        return count;
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rank));
}

}  // namespace

void Histogram::add_folded_bucket(std::uint32_t bucket, std::uint64_t count)
{
    // A bucket that cannot exist is left out: bucket_total() then disagrees with count().
    if (bucket >= FB_HIST_BUCKETS || count == 0)
        return;
    const std::size_t block = bucket / kBlock;
    if (counts_.size() <= block)
        counts_.resize(block + 1);
    if (counts_[block].empty())
        counts_[block].resize(kBlock);
    counts_[block][bucket % kBlock] += count;
}

void Histogram::add_folded_total(const fb_fold_value& total)
{
    if (total.count == 0)
        return;
    count_ += total.count;
    sum_ += total.sum;
    min_ = std::min<std::uint64_t>(min_, total.min);
    max_ = std::max<std::uint64_t>(max_, total.max);
}

void Histogram::add(std::uint64_t value, std::uint64_t times)
{
    if (times == 0)
        return;
    add_folded_bucket(fb_hist_bucket(value), times);
    count_ += times;
    sum_ += Uint128{value} * times;
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
}

void Histogram::merge(const Histogram& other)
{
    if (counts_.size() < other.counts_.size())
        counts_.resize(other.counts_.size());
    for (std::size_t block = 0; block < other.counts_.size(); ++block) {
        const auto& from = other.counts_[block];
        if (from.empty())
            continue;
        auto& to = counts_[block];
        if (to.empty())
            to.resize(kBlock);
        for (std::size_t i = 0; i < kBlock; ++i)
            to[i] += from[i];
    }
    count_ += other.count_;
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
}

double Histogram::mean() const
{
    if (count_ == 0)
        return 0;
    return static_cast<double>(static_cast<long double>(sum_) / static_cast<long double>(count_));
}

std::uint64_t Histogram::quantile(double q) const
{
    if (count_ == 0)
        return 0;
    const std::uint64_t rank = nearest_rank(q, count_);
    std::uint64_t below = 0;
    for (std::size_t block = 0; block < counts_.size(); ++block) {
        for (std::size_t i = 0; i < counts_[block].size(); ++i) {
            below += counts_[block][i];
            if (below < rank)
                continue;
            const auto bucket = static_cast<std::uint32_t>(block * kBlock + i);
            const std::uint64_t low = fb_hist_low(bucket);
            const std::uint64_t middle = low + (fb_hist_high(bucket) - low) / 2;
            return std::min(std::max(middle, min_), max_);
        }
    }
    return max_;  // a fold lost buckets: the rank lies beyond what is left
}

std::uint64_t Histogram::bucket_total() const
{
    std::uint64_t total = 0;
    for (const auto& block : counts_) {
        for (const std::uint64_t count : block)
            total += count;
    }
    return total;
}

std::vector<Histogram::Bucket> Histogram::buckets() const
{
    std::vector<Bucket> result;
    for (std::size_t block = 0; block < counts_.size(); ++block) {
        for (std::size_t i = 0; i < counts_[block].size(); ++i) {
            if (counts_[block][i] == 0)
                continue;
            const auto index = static_cast<std::uint32_t>(block * kBlock + i);
            result.push_back({index, fb_hist_low(index), fb_hist_high(index), counts_[block][i]});
        }
    }
    return result;
}

// A block that was never touched equals one of zeros.
bool operator==(const Histogram& a, const Histogram& b)
{
    if (a.count_ != b.count_ || a.sum_ != b.sum_ || a.min_ != b.min_ || a.max_ != b.max_)
        return false;
    const std::size_t blocks = std::max(a.counts_.size(), b.counts_.size());
    const std::vector<std::uint64_t> none;
    for (std::size_t i = 0; i < blocks; ++i) {
        const auto& left = i < a.counts_.size() ? a.counts_[i] : none;
        const auto& right = i < b.counts_.size() ? b.counts_[i] : none;
        const bool same = left.size() == right.size() ? left == right : all_zero(left) && all_zero(right);
        if (!same)
            return false;
    }
    return true;
}

}  // namespace flyball::profile
