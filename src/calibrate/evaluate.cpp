// SPDX-License-Identifier: Apache-2.0
// Whether measurements show that a target is met.
#include "figures.hpp"
#include "flyball/calibrate/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace flyball::calibrate {
namespace {

using stats::Interval;

bool upward(const Target& target)
{
    return target.comparison == Comparison::More || target.comparison == Comparison::AtLeast;
}

bool within(double figure, const Target& target)
{
    return compares(figure, target.comparison, target.bound);
}

Outcome outcome_of(const Interval& interval, const Target& target)
{
    const bool low = within(interval.low, target), high = within(interval.high, target);
    if (low == high)
        return low ? Outcome::Met : Outcome::Missed;
    return Outcome::Inconclusive;
}

Judgement inconclusive(std::string reason, std::size_t n = 0)
{
    return {.outcome = Outcome::Inconclusive, .reason = std::move(reason), .estimate = {}, .interval = {}, .n = n};
}

std::string between(const Interval& interval, Unit unit)
{
    return fmt::format("between {} and {}", format(interval.low, unit), format(interval.high, unit));
}

// So many figures, all within the bound, would be needed to show this share.
std::size_t enough_for(double share, double confidence)
{
    return static_cast<std::size_t>(std::ceil(std::log((1 - confidence) / 2) / std::log(share)));
}

// The share of figures that has to be within the bound: that of a share form, or what a quantile means.
double required_share(const Target& target)
{
    if (target.share)
        return *target.share;
    const double q = target.statistic == Statistic::Quantile ? target.quantile : 0.5;
    return upward(target) ? 1 - q : q;
}

Outcome outcome_of(const Within& count, double share, double confidence)
{
    const auto n = static_cast<double>(count.n);
    if (stats::share_interval(static_cast<double>(count.surely), n, confidence).low >= share)
        return Outcome::Met;
    if (stats::share_interval(static_cast<double>(count.perhaps), n, confidence).high < share)
        return Outcome::Missed;
    return Outcome::Inconclusive;
}

// Events of one run depend on each other, so that their number alone convinces too easily: no run may say otherwise.
bool runs_disagree(const Figures& figures, const Target& target, double share, Outcome outcome)
{
    return std::ranges::any_of(figures.by_run(), [&](const Figures& run) {
        const Within count = run.within(target.bound, target.comparison);
        const double least = share * static_cast<double>(count.n);
        return outcome == Outcome::Met ? static_cast<double>(count.perhaps) < least
                                       : static_cast<double>(count.surely) >= least;
    });
}

Judgement judge_share(const Target& target, const Figures& figures, double confidence)
{
    const Within count = figures.within(target.bound, target.comparison);
    const double share = required_share(target);
    Judgement judgement{.outcome = outcome_of(count, share, confidence),
                        .reason = {},
                        .estimate = {},
                        .interval = {},
                        .confidence = confidence,
                        .n = count.n};
    const double q = target.share ? (upward(target) ? 1 - share : share)
                                  : (target.statistic == Statistic::Quantile ? target.quantile : 0.5);
    judgement.estimate = figures.quantile(q);
    judgement.interval = figures.quantile_interval(q, confidence);
    judgement.reason = fmt::format("{} of {} {} {}", count.surely, count.n, sign(target.comparison),
                                   format(target.bound, target.unit));
    if (judgement.interval)
        judgement.reason += fmt::format("; p{:.4g} lies {}", q * 100, between(*judgement.interval, target.unit));
    if (judgement.outcome == Outcome::Inconclusive && count.n < enough_for(share, confidence))
        judgement.reason +=
            fmt::format("; n too small: {} within the bound would be enough", enough_for(share, confidence));
    if (judgement.outcome != Outcome::Inconclusive && runs_disagree(figures, target, share, judgement.outcome)) {
        judgement.outcome = Outcome::Inconclusive;
        judgement.reason += "; the runs disagree";
    }
    return judgement;
}

// What has no distribution to judge by: peaks and counts are what they were.
Judgement judge_observed(const Target& target, const Estimate& found, double confidence)
{
    Judgement judgement{.outcome = within(*found.value, target) ? Outcome::Met : Outcome::Missed,
                        .reason = fmt::format("{} in {} runs", format(*found.value, target.unit), found.n),
                        .estimate = found.value,
                        .interval = {},
                        .confidence = confidence,
                        .n = found.n};
    if (judgement.outcome == Outcome::Met && target.of.empty())
        judgement.reason +=
            fmt::format("; a run passes the bound with a probability below {:.2g} at {:.4g}% confidence",
                        stats::upper_bound_of_none(found.n, confidence), confidence * 100);
    return judgement;
}

Judgement judge_interval(const Target& target, const Estimate& found, double confidence)
{
    if (!found.interval)
        return inconclusive(found.lacking, found.n);
    return {.outcome = outcome_of(*found.interval, target),
            .reason = fmt::format("{}, {}", format(*found.value, target.unit), between(*found.interval, target.unit)),
            .estimate = found.value,
            .interval = found.interval,
            .confidence = confidence,
            .n = found.n};
}

Judgement judge_ratio(const Target& target, const Estimate& mine, const Estimate& other)
{
    for (const auto& [estimate, whose] :
         {std::pair{&mine, std::string_view("here")}, std::pair{&other, std::string_view(target.of)}})
        if (!estimate->interval)
            return inconclusive(fmt::format("{}: {}", whose, estimate->lacking), estimate->n);
    if (other.interval->low <= 0)
        return inconclusive(fmt::format("{} may be zero, so that no part of it can be said", target.of), other.n);
    const Interval ratio{mine.interval->low / other.interval->high, mine.interval->high / other.interval->low};
    const double estimate = *mine.value / *other.value;
    return {.outcome = outcome_of(ratio, target),
            .reason =
                fmt::format("{} of {}, {}", format(estimate, Unit::Share), target.of, between(ratio, Unit::Share)),
            .estimate = estimate,
            .interval = ratio,
            .confidence = 0,
            .n = std::min(mine.n, other.n)};
}

// Of one side: the figures, divided by the parameter where the target says so.
Result<Figures> figures_of(const Target& target, const Measurements& measured)
{
    const auto series = measured.metrics.find(target.metric);
    if (series == measured.metrics.end())
        return fail(ErrorKind::Unavailable, fmt::format("{} was not measured", target.metric));
    double divisor = 1;
    if (!target.per.empty()) {
        const auto parameter = measured.parameters.find(target.per);
        if (parameter == measured.parameters.end() || parameter->second <= 0)
            return fail(ErrorKind::Unavailable, fmt::format("there is no {} above zero to divide by", target.per));
        divisor = parameter->second;
    }
    Figures figures(series->second, target, divisor);
    if (figures.empty())
        return fail(ErrorKind::Unavailable, fmt::format("{} has no figures", target.metric));
    return figures;
}

bool is_observed(Statistic statistic)
{
    return statistic == Statistic::Largest || statistic == Statistic::Smallest || statistic == Statistic::Total;
}

}  // namespace

std::string_view name(Outcome outcome)
{
    switch (outcome) {
    case Outcome::Met:
        return "met";
    case Outcome::Missed:
        return "missed";
    case Outcome::Inconclusive:
        return "inconclusive";
    }
    return "?";
}

Judgement evaluate(const Target& target, const Measurements& measured, const References& references, double confidence)
{
    const auto mine = figures_of(target, measured);
    if (!mine)
        return inconclusive(mine.error().what);
    if (target.of.empty()) {
        if (target.share || target.statistic == Statistic::Quantile || target.statistic == Statistic::Median)
            return judge_share(target, *mine, confidence);
        const Estimate found = mine->estimate(confidence);
        return is_observed(target.statistic) ? judge_observed(target, found, confidence)
                                             : judge_interval(target, found, confidence);
    }
    const auto reference = references.find(target.of);
    if (reference == references.end() || reference->second == nullptr)
        return inconclusive(fmt::format("{} was not measured", target.of));
    const auto other = figures_of(target, *reference->second);
    if (!other)
        return inconclusive(fmt::format("{}: {}", target.of, other.error().what));
    // Both are within their intervals at this confidence if each is at half the risk.
    const double each = 1 - (1 - confidence) / 2;
    Judgement judgement = judge_ratio(target, mine->estimate(each), other->estimate(each));
    judgement.confidence = confidence;
    return judgement;
}

}  // namespace flyball::calibrate
