// SPDX-License-Identifier: Apache-2.0
#include "flyball/profile/histogram.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

using flyball::profile::Histogram;
using flyball::profile::Uint128;

namespace {

// Values over all magnitudes: a uniform 64-bit number is always huge.
std::vector<std::uint64_t> random_values(std::mt19937_64& random, std::size_t n)
{
    std::vector<std::uint64_t> values;
    for (std::size_t i = 0; i < n; ++i)
        values.push_back(random() >> (random() % 64));
    return values;
}

Histogram of(const std::vector<std::uint64_t>& values)
{
    Histogram hist;
    for (const std::uint64_t value : values)
        hist.add(value);
    return hist;
}

}  // namespace

TEST_CASE("histogram: buckets tile all 64-bit values")
{
    CHECK(fb_hist_low(0) == 0);
    for (std::uint32_t b = 0; b + 1 < FB_HIST_BUCKETS; ++b)
        REQUIRE(fb_hist_high(b) + 1 == fb_hist_low(b + 1));
    CHECK(fb_hist_high(FB_HIST_BUCKETS - 1) == ~0ULL);
    for (std::uint32_t b = 0; b < FB_HIST_BUCKETS; ++b) {
        REQUIRE(fb_hist_bucket(fb_hist_low(b)) == b);
        REQUIRE(fb_hist_bucket(fb_hist_high(b)) == b);
        REQUIRE(fb_hist_high(b) - fb_hist_low(b) <= fb_hist_low(b) / 32);
    }
}

TEST_CASE("histogram: an empty one has no values")
{
    const Histogram hist;
    CHECK(hist.empty());
    CHECK(hist.min() == 0);
    CHECK(hist.max() == 0);
    CHECK(hist.quantile(0.5) == 0);
    CHECK(hist.mean() == 0);
    CHECK(hist.buckets().empty());
}

TEST_CASE("histogram: quantile is the nearest rank, within its bucket")
{
    std::mt19937_64 random(1);
    for (int round = 0; round < 200; ++round) {
        auto values = random_values(random, 1 + random() % 300);
        const Histogram hist = of(values);
        std::ranges::sort(values);
        for (std::uint64_t percent = 0; percent <= 100; ++percent) {
            const std::uint64_t n = values.size();
            const std::uint64_t rank = std::max<std::uint64_t>(1, (percent * n + 99) / 100);  // whole numbers: exact
            const std::uint64_t exact = values[rank - 1];
            const std::uint64_t got = hist.quantile(static_cast<double>(percent) / 100);
            REQUIRE(got >= values.front());
            REQUIRE(got <= values.back());
            REQUIRE(fb_hist_bucket(got) == fb_hist_bucket(exact));
            const std::uint64_t off = got > exact ? got - exact : exact - got;
            REQUIRE(off <= exact / 32);
        }
    }
}

TEST_CASE("histogram: ranks are exact where q times count is not")
{
    Histogram hist;  // 1..28 have a bucket each
    for (std::uint64_t v = 1; v <= 25; ++v)
        hist.add(v, 4);
    CHECK(hist.quantile(0.28) == 7);  // 0.28 * 100 is 28.000000000000004
    CHECK(hist.quantile(0.0) == 1);
    CHECK(hist.quantile(-1) == 1);
    CHECK(hist.quantile(std::numeric_limits<double>::quiet_NaN()) == 1);
    CHECK(hist.quantile(1.0) == 25);
    CHECK(hist.quantile(7) == 25);
    CHECK(hist.quantile(0.281) == 8);
}

TEST_CASE("histogram: the sum passes 64 bits")
{
    Histogram hist;
    hist.add(~0ULL, 3);
    CHECK(hist.sum() == Uint128{~0ULL} * 3);
    CHECK(hist.sum64() == ~0ULL);
    CHECK(std::fabs(hist.mean() / static_cast<double>(~0ULL) - 1) < 1e-12);
    CHECK(hist.quantile(0.5) == ~0ULL);  // the bucket's middle is below the minimum
    CHECK(hist.max() == ~0ULL);
}

TEST_CASE("histogram: merging is exact, and in any order")
{
    std::mt19937_64 random(2);
    for (int round = 0; round < 100; ++round) {
        const auto a = random_values(random, random() % 100);
        const auto b = random_values(random, random() % 100);
        auto both = a;
        both.insert(both.end(), b.begin(), b.end());
        Histogram left = of(a), right = of(b);
        left.merge(of(b));
        right.merge(of(a));
        REQUIRE(left == of(both));
        REQUIRE(right == left);
        REQUIRE(left.bucket_total() == left.count());
    }
}

TEST_CASE("histogram: folded in the kernel or counted here, it is the same")
{
    std::mt19937_64 random(3);
    for (int round = 0; round < 100; ++round) {
        const auto values = random_values(random, random() % 200);
        Histogram mixed;
        fb_fold_value total{0, 0, ~0ULL, 0};
        Uint128 folded_sum = 0;
        for (std::uint64_t v : values) {
            v >>= 8;  // the kernel's sums have 64 bits
            if (random() % 2 == 0) {
                mixed.add(v);
                continue;
            }
            mixed.add_folded_bucket(fb_hist_bucket(v), 1);
            total = {total.count + 1, total.sum + v, std::min<__u64>(total.min, v), std::max<__u64>(total.max, v)};
            folded_sum += v;
        }
        mixed.add_folded_total(total);
        Histogram plain;
        for (const std::uint64_t v : values)
            plain.add(v >> 8);
        REQUIRE(folded_sum == total.sum);
        REQUIRE(mixed == plain);
    }
}

TEST_CASE("histogram: an untouched block equals a block of zeros, a lost bucket shows")
{
    Histogram a, b;
    a.add(5);
    b.add(5);
    b.add(1'000'000, 0);
    b.add_folded_bucket(900, 0);
    CHECK(a == b);
    b.add_folded_bucket(FB_HIST_BUCKETS, 7);  // no such bucket
    CHECK(a == b);
    b.add_folded_total({2, 300, 100, 200});  // its buckets got lost
    CHECK_FALSE(a == b);
    CHECK(b.count() == 3);
    CHECK(b.bucket_total() == 1);
    CHECK(b.quantile(1) == 200);
}

TEST_CASE("histogram: buckets come in order with their bounds")
{
    Histogram hist;
    hist.add(1000, 2);
    hist.add(3);
    const auto buckets = hist.buckets();
    REQUIRE(buckets.size() == 2);
    CHECK(buckets[0].low == 3);
    CHECK(buckets[0].high == 3);
    CHECK(buckets[0].count == 1);
    CHECK(buckets[1].low <= 1000);
    CHECK(buckets[1].high >= 1000);
    CHECK(buckets[1].count == 2);
}
