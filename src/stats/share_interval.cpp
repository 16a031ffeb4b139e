// SPDX-License-Identifier: Apache-2.0
// The Clopper-Pearson interval, by the regularized incomplete beta function, inverted by bisection.
#include "flyball/stats/beta.hpp"
#include "flyball/stats/statistics.hpp"

namespace flyball::stats {
namespace {

double beta_quantile(double a, double b, double p)
{
    double low = 0, high = 1;
    for (int i = 0; i < 60; ++i) {
        const double middle = (low + high) / 2;
        (incomplete_beta(a, b, middle) < p ? low : high) = middle;
    }
    return (low + high) / 2;
}

}  // namespace

Interval share_interval(double good, double all, double confidence)
{
    if (all <= 0)
        return {.low = 0, .high = 1};
    const double tail = (1 - confidence) / 2;
    return {.low = good <= 0 ? 0 : beta_quantile(good, all - good + 1, tail),
            .high = good >= all ? 1 : beta_quantile(good + 1, all - good, 1 - tail)};
}

}  // namespace flyball::stats
