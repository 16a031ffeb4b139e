// SPDX-License-Identifier: Apache-2.0
// Whole distributions: quantiles with intervals, distances, and bins for a plot.
//
// Samples within a run are not independent of each other. An interval for a quantile therefore comes from clusters,
// which are runs, or slices of a single recording: the share of samples at or below the quantile is a ratio of sums
// over clusters, its variance is estimated between them, and what it allows is read off the distribution (Woodruff
// 1952, "Confidence intervals for medians and other position measures"; Cochran, Sampling Techniques, 6.4 for the
// ratio).
#include "flyball/stats/two_sample.hpp"
#include "parts.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <numeric>

namespace flyball::compare {
namespace {

using profile::Histogram;

constexpr std::array<double, 4> kRowQuantiles{0.5, 0.9, 0.99, 0.999};
// Raw results need so many runs before a distribution of theirs is worth a plot.
constexpr std::size_t kLeastRaw = 20;
constexpr std::size_t kRawBins = 12;

Histogram pooled(const std::vector<const Histogram*>& parts)
{
    Histogram whole;
    for (const Histogram* part : parts)
        whole.merge(*part);
    return whole;
}

std::vector<const Histogram*> parts_of(const std::vector<Run>& runs, const Key& key)
{
    std::vector<const Histogram*> parts;
    for (const Run& run : runs) {
        if (const auto found = run.distributions.find(key); found != run.distributions.end())
            parts.push_back(&found->second);
    }
    return parts;
}

std::uint64_t at_or_below(const Histogram& hist, std::uint64_t value)
{
    std::uint64_t count = 0;
    for (const Histogram::Bucket& bucket : hist.buckets())
        count += bucket.low <= value ? bucket.count : 0;
    return count;
}

// The standard error of the share of samples at or below a value, between clusters; no less than that of independent
// samples, which few clusters may come below by chance.
double share_error(const std::vector<const Histogram*>& clusters, const Histogram& whole, std::uint64_t value, double q)
{
    const auto n = static_cast<double>(whole.count()), k = static_cast<double>(clusters.size());
    const double share = static_cast<double>(at_or_below(whole, value)) / n;
    double squares = 0;
    for (const Histogram* cluster : clusters) {
        const double from =
            static_cast<double>(at_or_below(*cluster, value)) - share * static_cast<double>(cluster->count());
        squares += from * from;
    }
    return std::sqrt(std::max(k / (k - 1) * squares / (n * n), q * (1 - q) / n));
}

std::optional<Interval> quantile_interval(const std::vector<const Histogram*>& clusters, const Histogram& whole,
                                          double q, double confidence)
{
    if (clusters.size() < 2)
        return std::nullopt;
    const double error = share_error(clusters, whole, whole.quantile(q), q);
    const double radius = error * stats::student_quantile(confidence, static_cast<double>(clusters.size() - 1));
    // Beyond the last sample nothing is known.
    const double independent = q * (1 - q) / (error * error);
    if (q - radius <= 0 || q + radius >= 1 || independent < static_cast<double>(stats::least_samples(q, confidence)))
        return std::nullopt;
    return Interval{static_cast<double>(whole.quantile(q - radius)), static_cast<double>(whole.quantile(q + radius))};
}

void add_difference(QuantileRow& row)
{
    if (row.of_a && row.of_b)
        row.difference = stats::difference_interval(row.a, *row.of_a, row.b, *row.of_b);
}

// Both have the same buckets: their shares are compared at the end of each. Between ends of buckets, samples are where
// the middle of their bucket is: what is moved is off by at most half a bucket, 1/64 of the value.
void add_distances(DistributionRow& row, const Histogram& a, const Histogram& b)
{
    std::map<std::uint64_t, double> apart;  // low end of the bucket -> share of A in it less that of B
    for (const auto& bucket : a.buckets())
        apart[bucket.low] += static_cast<double>(bucket.count) / static_cast<double>(a.count());
    for (const auto& bucket : b.buckets())
        apart[bucket.low] -= static_cast<double>(bucket.count) / static_cast<double>(b.count());
    double below = 0, before = 0;
    for (const auto& [low, share] : apart) {
        const std::uint32_t index = fb_hist_bucket(low);
        const double middle = std::midpoint(static_cast<double>(low), static_cast<double>(fb_hist_high(index)));
        row.moved += std::abs(below) * (middle - before);
        below += share;
        before = middle;
        if (std::abs(below) > row.ks) {
            row.ks = std::abs(below);
            row.ks_at = static_cast<double>(fb_hist_high(index));
        }
    }
}

// A bin a power of two; those below 1 are one.
void add_bins(DistributionRow& row, const Histogram& a, const Histogram& b)
{
    std::map<int, std::array<double, 2>> bins;
    const auto put = [&](const Histogram& hist, std::size_t side) {
        for (const auto& bucket : hist.buckets())
            bins[static_cast<int>(std::bit_width(bucket.low))][side] +=
                static_cast<double>(bucket.count) / static_cast<double>(hist.count());
    };
    put(a, 0);
    put(b, 1);
    if (bins.empty())
        return;  // a fold lost all of them
    for (int width = bins.begin()->first; width <= bins.rbegin()->first; ++width) {
        const double low = width == 0 ? 0 : std::ldexp(1.0, width - 1);
        row.bins.push_back({low, width == 0 ? 1 : 2 * low, bins[width][0], bins[width][1]});
    }
}

DistributionRow of_histograms(const Side& a, const Side& b, const Key& key, Unit unit, Basis basis, double confidence)
{
    const auto parts_a = parts_of(a.runs, key), parts_b = parts_of(b.runs, key);
    const Histogram in_a = pooled(parts_a), in_b = pooled(parts_b);
    const bool slices = basis == Basis::Slices;
    const auto clusters_a = slices ? parts_of(a.slices, key) : parts_a,
               clusters_b = slices ? parts_of(b.slices, key) : parts_b;
    DistributionRow row{.key = key, .unit = unit, .n_a = in_a.count(), .n_b = in_b.count()};
    add_distances(row, in_a, in_b);
    add_bins(row, in_a, in_b);
    for (const double q : kRowQuantiles) {
        QuantileRow quantile{
            .q = q, .a = static_cast<double>(in_a.quantile(q)), .b = static_cast<double>(in_b.quantile(q))};
        quantile.of_a = quantile_interval(clusters_a, in_a, q, confidence);
        quantile.of_b = quantile_interval(clusters_b, in_b, q, confidence);
        add_difference(quantile);
        row.quantiles.push_back(quantile);
    }
    return row;
}

double raw_quantile(const std::vector<double>& ascending, double q)
{
    const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(ascending.size()) - 1e-9));
    return ascending[std::clamp<std::size_t>(rank, 1, ascending.size()) - 1];
}

void add_raw_distances(DistributionRow& row, const std::vector<double>& a, const std::vector<double>& b)
{
    std::size_t i = 0, j = 0;
    double apart = 0, before = std::min(a.front(), b.front());
    while (i < a.size() || j < b.size()) {
        const double at = j == b.size() || (i < a.size() && a[i] <= b[j]) ? a[i] : b[j];
        row.moved += std::abs(apart) * (at - before);
        for (; i < a.size() && a[i] == at; ++i) {
        }
        for (; j < b.size() && b[j] == at; ++j) {
        }
        apart = static_cast<double>(i) / static_cast<double>(a.size()) -
                static_cast<double>(j) / static_cast<double>(b.size());
        before = at;
        if (std::abs(apart) > row.ks) {
            row.ks = std::abs(apart);
            row.ks_at = at;
        }
    }
}

void add_raw_bins(DistributionRow& row, const std::vector<double>& a, const std::vector<double>& b)
{
    const double low = std::min(a.front(), b.front()), high = std::max(a.back(), b.back());
    const double width = (high - low) / kRawBins;
    if (!(width > 0) || !std::isfinite(width))
        return;
    for (std::size_t i = 0; i < kRawBins; ++i)
        row.bins.push_back({low + static_cast<double>(i) * width, low + static_cast<double>(i + 1) * width, 0, 0});
    const auto bin_of = [&](double x) -> Bin& {
        return row.bins[std::min<std::size_t>(kRawBins - 1, static_cast<std::size_t>((x - low) / width))];
    };
    for (const double x : a)
        bin_of(x).a += 1 / static_cast<double>(a.size());
    for (const double x : b)
        bin_of(x).b += 1 / static_cast<double>(b.size());
}

DistributionRow of_values(std::vector<double> a, std::vector<double> b, const Row& of, double confidence)
{
    std::ranges::sort(a);
    std::ranges::sort(b);
    DistributionRow row{.key = of.key, .unit = of.unit, .n_a = a.size(), .n_b = b.size()};
    add_raw_distances(row, a, b);
    add_raw_bins(row, a, b);
    for (const double q : kRowQuantiles) {
        QuantileRow quantile{.q = q, .a = raw_quantile(a, q), .b = raw_quantile(b, q)};
        if (of.batch_a == 1 && of.batch_b == 1) {  // independent of each other
            quantile.of_a = stats::quantile_interval(a, q, confidence);
            quantile.of_b = stats::quantile_interval(b, q, confidence);
        }
        add_difference(quantile);
        row.quantiles.push_back(quantile);
    }
    return row;
}

bool is_about(const Row& row, const Key& distribution)
{
    return row.key.cgroup == distribution.cgroup && row.key.name.starts_with(distribution.name);
}

}  // namespace

std::vector<DistributionRow> distributions(const Side& a, const Side& b, const std::vector<Row>& rows, Basis basis,
                                           double confidence)
{
    std::vector<DistributionRow> result;
    std::set<Key> keys;
    for (const Run& run : a.runs) {
        for (const auto& [key, hist] : run.distributions) {
            if (std::ranges::any_of(rows, [&](const Row& row) { return is_about(row, key); }) &&
                !parts_of(b.runs, key).empty())
                keys.insert(key);
        }
    }
    for (const Key& key : keys) {
        const bool bytes = key.name == "mem.charge" || key.name.starts_with("io.size");
        result.push_back(of_histograms(a, b, key, bytes ? Unit::Bytes : Unit::Nanoseconds, basis, confidence));
    }
    for (const Row& row : rows) {
        if (row.key.cgroup.empty() && row.n_a >= kLeastRaw && row.n_b >= kLeastRaw)
            result.push_back(of_values(values_of(a.runs, row.key), values_of(b.runs, row.key), row, confidence));
    }
    std::ranges::stable_sort(result, std::ranges::greater{}, &DistributionRow::ks);
    return result;
}

}  // namespace flyball::compare
