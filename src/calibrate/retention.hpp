// SPDX-License-Identifier: Apache-2.0
// What is left of a component's performance. Pure.
#pragma once

#include "flyball/calibrate/spec.hpp"
#include "flyball/calibrate/target.hpp"

#include <optional>

namespace flyball::calibrate {

struct Kept {
    std::optional<double> ratio;  // after / before; of a metric that is better when it is smaller, the other way round
    // Of the ratio, at the component's confidence: Student's, of the logarithms of the pairs' ratios (runs of both
    // sides were made in turn). Of two pairs that may be very wide, and of one there is none: then that of the seconds
    // or events where it is narrower, which depend on each other within a run, so that it is never narrower than the
    // pairs differ.
    std::optional<stats::Interval> interval;
};
[[nodiscard]] Kept kept(const Component& component, const Measurements& before, const Measurements& after);

}  // namespace flyball::calibrate
