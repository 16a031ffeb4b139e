// SPDX-License-Identifier: Apache-2.0
// From numbers to a verdict: docs/compare.md has the rules in words.
#include "flyball/stats/two_sample.hpp"
#include "parts.hpp"

#include <fmt/format.h>

#include <cmath>

namespace flyball::compare {
namespace {

// Differences up to this are none, whatever they are relative to: 1 us of a latency, a thousandth of a share.
double floor_of(Unit unit)
{
    switch (unit) {
    case Unit::Nanoseconds:
        return 1000;
    case Unit::Share:
    case Unit::Tasks:
        return 0.001;
    default:
        return 0;
    }
}

double floor_of(const Row& row)
{
    // Who names a metric's threshold says what matters.
    return row.threshold.named ? 0 : floor_of(row.unit);
}

bool exceeds(const Row& row)
{
    const double size = std::abs(row.difference);
    if (!row.threshold.relative)
        return size > row.threshold.value;
    if (size <= floor_of(row))
        return false;
    return row.change ? std::abs(*row.change) > row.threshold.value : true;
}

// All of the interval lies beyond the bound, on one side.
bool outside(const std::optional<Interval>& interval, double bound)
{
    return interval && (interval->low > bound || interval->high < -bound);
}

// The near end of the interval is beyond the threshold: an estimate that is, is so by chance half of the times that the
// truth lies on the threshold.
bool surely_beyond(const Row& row)
{
    if (!row.threshold.relative)
        return outside(row.interval, row.threshold.value);
    const bool floor = outside(row.interval, floor_of(row));
    return floor && (row.change_interval ? outside(row.change_interval, row.threshold.value) : !row.change);
}

bool inside(const std::optional<Interval>& interval, double bound)
{
    return interval && interval->low >= -bound && interval->high <= bound;
}

bool surely_within(const Row& row)
{
    if (!row.threshold.relative)
        return inside(row.interval, row.threshold.value);
    return inside(row.change_interval, row.threshold.value) || inside(row.interval, floor_of(row));
}

Verdict direction(const Row& row)
{
    if (row.good == Good::Unknown)
        return Verdict::Changed;
    return (row.difference > 0) == (row.good == Good::Higher) ? Verdict::Better : Verdict::Worse;
}

std::string too_few(const Row& row, Basis basis, double alpha, std::size_t tested)
{
    if (basis != Basis::Runs || !row.p)
        return {};
    const std::size_t m = row.n_a / row.batch_a, n = row.n_b / row.batch_b;
    const double least = stats::least_mann_whitney_p(m, n);
    const double confidence = (1 - alpha) * 100;
    if (least > alpha) {
        const std::size_t needed = stats::least_runs(alpha);
        return fmt::format("n too small: {} against {} can never be significant at {:g} %: at least {} and {}", m, n,
                           confidence, needed, needed);
    }
    if (least * static_cast<double>(tested) > alpha * (1 + 1e-9)) {
        const std::size_t needed = stats::least_runs(alpha / static_cast<double>(tested));
        return fmt::format("n too small: {} against {} can never be significant at {:g} % with {} metrics: at least {} "
                           "and {}, or choose "
                           "with --metric",
                           m, n, confidence, tested, needed, needed);
    }
    return {};
}

std::string why_inconclusive(const Row& row, Basis basis, double alpha, std::size_t tested)
{
    if (basis == Basis::None)
        return "one run against one shows a difference, and nothing of its noise: repeat the runs";
    if (!row.p)
        return "too few samples in too few slices of time for an interval";
    if (std::string few = too_few(row, basis, alpha, tested); !few.empty())
        return few;
    if (exceeds(row))
        return basis == Basis::Slices ? "not to be told from noise in recordings so short"
                                      : "not to be told from noise with so few runs";
    return "the interval is wider than the threshold";
}

}  // namespace

void judge(Row& row, Basis basis, double alpha, std::size_t tested)
{
    if (!row.p && row.interval) {  // the same number in every run
        row.verdict = Verdict::Same;
        return;
    }
    const std::optional<Interval>& interval = row.change_interval ? row.change_interval : row.interval;
    const bool away = interval && !interval->contains(0);
    const bool significant = row.p_family && *row.p_family <= alpha * (1 + 1e-9) && away;
    if (significant && surely_beyond(row)) {
        row.verdict = direction(row);
        row.regression = row.verdict == Verdict::Worse || (row.verdict == Verdict::Changed && row.threshold.named);
    } else if (surely_within(row)) {
        row.verdict = Verdict::Same;
    } else if (significant) {
        // A change that may be smaller than what counts is one, and no regression.
        row.verdict = direction(row);
        if (row.reason.empty())
            row.reason = "it differs, and whether by more than the threshold cannot be told";
    } else if (row.reason.empty()) {
        row.reason = why_inconclusive(row, basis, alpha, tested);
    }
}

}  // namespace flyball::compare
