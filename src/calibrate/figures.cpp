// SPDX-License-Identifier: Apache-2.0
#include "figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace flyball::calibrate {
namespace {

using stats::Interval;

// More events than this narrow no interval that matters; the ranks of so many are taken instead, which is wider.
constexpr std::size_t kMostRanks = 100'000;

// The bucket of the event at this rank, from 1.
Interval bucket_at(const profile::Histogram& histogram, double rank)
{
    double seen = 0;
    for (const auto& bucket : histogram.buckets()) {
        seen += static_cast<double>(bucket.count);
        if (seen >= rank)
            return {static_cast<double>(std::max(bucket.low, histogram.min())),
                    static_cast<double>(std::min(bucket.high, histogram.max()))};
    }
    return {static_cast<double>(histogram.max()), static_cast<double>(histogram.max())};
}

double nearest_rank(const std::vector<double>& ascending, double q)
{
    const double rank = std::ceil(q * static_cast<double>(ascending.size()));
    return ascending[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

double coefficient_of_variation(double n, double sum, double squares)
{
    const double mean = sum / n;
    const double variance = std::max(0.0, (squares - n * mean * mean) / (n - 1));
    return std::sqrt(variance) / mean;
}

const std::vector<double>& list_of(const Series& series, const Target& target)
{
    // A peak is one of a run, and so is what "95% of runs" counts.
    const bool by_run = target.share
                            ? target.among == Among::Runs
                            : target.statistic == Statistic::Largest || target.statistic == Statistic::Smallest ||
                                  target.statistic == Statistic::Total;
    return (by_run && !series.runs.empty()) || series.samples.empty() ? series.runs : series.samples;
}

bool about_events(const Series& series, const Target& target)
{
    if (series.events.empty())
        return false;
    if (target.share)
        return target.among == Among::Samples;
    return target.statistic == Statistic::Quantile || target.statistic == Statistic::Median;
}

}  // namespace

bool compares(double figure, Comparison comparison, double bound)
{
    switch (comparison) {
    case Comparison::Less:
        return figure < bound;
    case Comparison::AtMost:
        return figure <= bound;
    case Comparison::More:
        return figure > bound;
    case Comparison::AtLeast:
        return figure >= bound;
    case Comparison::Equal:
        return figure == bound;
    }
    return false;
}

Figures::Figures(const Series& series, const Target& target, double divisor)
    : good_(series.good),
      all_(series.all),
      statistic_(target.statistic),
      quantile_(target.statistic == Statistic::Quantile ? target.quantile : 0.5),
      divisor_(divisor)
{
    if (about_events(series, target)) {
        events_ = series.events;
        for (const auto& run : events_)
            merged_.merge(run);
        return;
    }
    // Seconds of a share of time are not runs, though there may be nothing else.
    if (target.share && target.among != Among::Runs)
        values_ = series.samples;
    else
        values_ = list_of(series, target);
    for (double& value : values_)
        value /= divisor;
    std::ranges::sort(values_);
}

std::size_t Figures::count() const
{
    return events_.empty() ? values_.size() : static_cast<std::size_t>(merged_.count());
}

bool Figures::empty() const
{
    return statistic_ == Statistic::Ratio && values_.empty() ? all_ <= 0 : count() == 0;
}

Within Figures::within(double bound, Comparison comparison) const
{
    Within result{.n = count(), .surely = 0, .perhaps = 0};
    if (events_.empty()) {
        result.surely = static_cast<std::size_t>(
            std::ranges::count_if(values_, [&](double value) { return compares(value, comparison, bound); }));
        result.perhaps = result.surely;
        return result;
    }
    for (const auto& bucket : merged_.buckets()) {
        const double low = static_cast<double>(std::max(bucket.low, merged_.min())) / divisor_;
        const double high = static_cast<double>(std::min(bucket.high, merged_.max())) / divisor_;
        const bool first = compares(low, comparison, bound), last = compares(high, comparison, bound);
        result.surely += first && last ? bucket.count : 0;
        result.perhaps += first || last ? bucket.count : 0;
    }
    return result;
}

double Figures::quantile(double q) const
{
    return events_.empty() ? nearest_rank(values_, q) : static_cast<double>(merged_.quantile(q)) / divisor_;
}

std::optional<Interval> Figures::quantile_interval(double q, double confidence) const
{
    if (events_.empty())
        return stats::quantile_interval(values_, q, confidence);
    // The interval of the ranks themselves, then what stands there.
    const auto n = std::min(static_cast<std::size_t>(merged_.count()), kMostRanks);
    std::vector<double> ranks(n);
    std::iota(ranks.begin(), ranks.end(), 1.0);
    const auto found = stats::quantile_interval(ranks, q, confidence);
    if (!found)
        return std::nullopt;
    const double scale = static_cast<double>(merged_.count()) / static_cast<double>(n);
    return Interval{bucket_at(merged_, found->low * scale).low / divisor_,
                    bucket_at(merged_, found->high * scale).high / divisor_};
}

// The jackknife's standard error (Efron and Tibshirani, An Introduction to the Bootstrap, 11.5), twice each way.
Estimate Figures::variation(double confidence) const
{
    constexpr std::size_t kLeast = 20;
    const auto n = static_cast<double>(values_.size());
    const double sum = std::accumulate(values_.begin(), values_.end(), 0.0);
    const double squares = std::inner_product(values_.begin(), values_.end(), values_.begin(), 0.0);
    Estimate result{
        .value = coefficient_of_variation(n, sum, squares), .interval = {}, .n = values_.size(), .lacking = {}};
    if (values_.size() < kLeast || sum <= 0) {
        result.lacking = fmt::format("n too small: {} of {} for a variation", values_.size(), kLeast);
        return result;
    }
    stats::ConfidenceSequence pseudo(1 - confidence, n);
    for (const double value : values_)
        pseudo.add(n * *result.value - (n - 1) * coefficient_of_variation(n - 1, sum - value, squares - value * value));
    const auto interval = pseudo.interval();
    result.interval = Interval{std::max(0.0, interval->low), interval->high};
    return result;
}

Estimate Figures::estimate(double confidence) const
{
    Estimate result{.value = {}, .interval = {}, .n = count(), .lacking = {}};
    const auto exactly = [&result](double value) {
        result.value = value;
        result.interval = Interval{value, value};
        return result;
    };
    switch (statistic_) {
    case Statistic::Largest:
        return exactly(values_.back());
    case Statistic::Smallest:
        return exactly(values_.front());
    case Statistic::Total:
        return exactly(std::accumulate(values_.begin(), values_.end(), 0.0));
    case Statistic::Variation:
        return variation(confidence);
    case Statistic::Ratio:
        if (all_ > 0) {
            result.n = static_cast<std::size_t>(all_);
            result.value = good_ / all_ / divisor_;
            const Interval share = stats::share_interval(good_, all_, confidence);
            result.interval = Interval{share.low / divisor_, share.high / divisor_};
            return result;
        }
        [[fallthrough]];
    case Statistic::Median:
    case Statistic::Quantile:
        result.value = quantile(quantile_);
        result.interval = quantile_interval(quantile_, confidence);
        result.lacking = fmt::format("n too small: {} of {}", count(), stats::least_samples(quantile_, confidence));
        return result;
    case Statistic::Mean: {
        stats::ConfidenceSequence mean(1 - confidence, static_cast<double>(values_.size()));
        for (const double value : values_)
            mean.add(value);
        result.value = mean.mean();
        result.interval = mean.interval();
        result.lacking = fmt::format("n too small: {} of 8 for a mean", values_.size());
        return result;
    }
    }
    return result;
}

std::vector<Figures> Figures::by_run() const
{
    std::vector<Figures> runs;
    if (events_.size() < 2)
        return runs;
    for (const auto& run : events_) {
        if (run.empty())
            continue;
        Figures one;
        one.events_ = {run};
        one.merged_ = run;
        one.statistic_ = statistic_;
        one.quantile_ = quantile_;
        one.divisor_ = divisor_;
        runs.push_back(std::move(one));
    }
    return runs;
}

}  // namespace flyball::calibrate
