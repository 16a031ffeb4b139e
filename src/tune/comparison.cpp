// SPDX-License-Identifier: Apache-2.0
#include "comparison.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::tune {
namespace {

constexpr const char* kRate = "rate";
constexpr const char* kP50 = "p50 latency";
constexpr const char* kP99 = "p99 latency";

// B stood still: a logarithm needs something, and leaving the pair out would hide it.
constexpr double kLeastRatio = 0.01;
// Of the floor, in so many pairs in a row: nothing is learnt by hurting the workload any longer. One such pair may be
// chance where rates vary by 30 %, two in a row in one of a hundred experiments.
constexpr double kTerrible = 0.5;
constexpr std::size_t kTerriblePairs = 2;

std::optional<stats::Interval> inverse(const std::optional<stats::Interval>& of)
{
    return of ? std::optional(stats::Interval{1 / of->high, 1 / of->low}) : std::nullopt;
}

}  // namespace

// What is judged is settled by the first pair: the number of metrics goes into the bound of each.
void Comparison::begin(const LatencyPair& p50, const LatencyPair& p99)
{
    std::vector<const char*> wanted{kRate};
    if (p50.a)
        wanted.push_back(kP50);
    if (p99.a)
        wanted.push_back(kP99);
    const double each = bounds_.alpha / static_cast<double>(wanted.size());
    for (const char* one : wanted) {
        const double bound = one == kRate ? bounds_.rate : 1 / bounds_.latency;
        metrics_.push_back({one, bound, stats::NonInferiority(bound, bounds_.alpha, bounds_.most_pairs),
                            stats::NonInferiority(bound, each, bounds_.most_pairs)});
    }
}

void Comparison::add(RatePair rate, LatencyPair p50, LatencyPair p99)
{
    if (metrics_.empty())
        begin(p50, p99);
    ++pairs_;
    terrible_ = rate.b < kTerrible * bounds_.rate * rate.a ? terrible_ + 1 : 0;
    for (Metric& metric : metrics_) {
        double a = rate.a, b = std::max(rate.b, kLeastRatio * rate.a);
        if (metric.name != kRate) {
            const LatencyPair& latency = metric.name == kP50 ? p50 : p99;
            if (!latency.a || !latency.b)
                continue;
            // Of a time the inverse is larger when it is better.
            a = 1 / std::max(*latency.a, 1.0);
            b = 1 / std::max(*latency.b, 1.0);
        }
        metric.accepts.add_pair(a, b);
        metric.rejects.add_pair(a, b);
    }
    decide();
}

void Comparison::decide()
{
    using Sure = stats::NonInferiority::Answer;
    if (terrible_ >= kTerriblePairs) {
        verdict_ = Verdict::Rejected;
        note_ = fmt::format("stopped early: less than {:.0f} % of the rate was left in {} pairs in a row",
                            100 * kTerrible * bounds_.rate, terrible_);
        return;
    }
    for (const Metric& metric : metrics_) {
        if (metric.rejects.answer() != Sure::Rejected)
            continue;
        verdict_ = Verdict::Rejected;
        note_ = metric.name == kRate
                    ? fmt::format("the rate is surely below {:.0f} %", 100 * metric.bound)
                    : fmt::format("the {} is surely above {:.2f} times", metric.name, 1 / metric.bound);
        return;
    }
    const auto open =
        std::ranges::find_if(metrics_, [](const Metric& m) { return m.accepts.answer() != Sure::Accepted; });
    if (open == metrics_.end()) {
        verdict_ = Verdict::Accepted;
        note_ = fmt::format("the rate surely stays above {:.0f} %", 100 * bounds_.rate);
        if (metrics_.size() > 1)
            note_ += fmt::format(", latency within its bound{}", metrics_.size() > 2 ? "s" : "");
    } else if (pairs_ >= bounds_.most_pairs) {
        verdict_ = Verdict::Inconclusive;
        note_ = fmt::format("after {} pairs the {} may be on either side of its bound", pairs_, open->name);
    }
}

const Comparison::Metric* Comparison::find(const std::string& name) const
{
    const auto found = std::ranges::find(metrics_, name, &Metric::name);
    return found == metrics_.end() ? nullptr : &*found;
}

Trial Comparison::trial() const
{
    Trial trial;
    trial.verdict = verdict_.value_or(Verdict::Inconclusive);
    trial.pairs = pairs_;
    trial.note = note_;
    if (const Metric* rate = find(kRate))
        trial.throughput = rate->accepts.ratio();
    if (const Metric* p50 = find(kP50))
        trial.latency_p50 = inverse(p50->accepts.ratio());
    if (const Metric* p99 = find(kP99))
        trial.latency_p99 = inverse(p99->accepts.ratio());
    return trial;
}

}  // namespace flyball::tune
