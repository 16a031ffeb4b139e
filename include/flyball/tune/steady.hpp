// SPDX-License-Identifier: Apache-2.0
// Is a workload in a steady state, and since when? Warm-up is found, not assumed: Barrett et al. 2017 ("Virtual machine
// warmup blows hot and cold") met series that slow down and series that never settle in more than half of their
// programs.
//
// Change points in the mean with a penalty for each (Killick, Fearnhead and Eckley 2012; here by the exact recursion
// over all places, series being short), then a slope test of what comes after the last change that matters.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/stats/trend.hpp"
#include "flyball/tune/experiment.hpp"
#include "flyball/tune/subject.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace flyball::tune {

enum class Course : std::uint8_t {
    TooShort,
    Flat,      // from the beginning
    WarmUp,    // lower at first, flat since steady_from
    Slowdown,  // higher at first, flat since steady_from
    Growing,   // and no end of it
    Falling,
    Unsteady,  // neither flat nor a slope
};
[[nodiscard]] std::string_view name(Course course);  // "warm_up"

struct SteadyOptions {
    // Levels that differ by less, relative to the last one, are one level: what trials could not tell apart either.
    double tolerance = 0.05;
    // So many values after the last change, and a third of the series: two equal ones in a row are no steady state.
    std::size_t least_flat = 8;
    double confidence = 0.95;  // of the slope
};

struct Steadiness {
    Course course = Course::TooShort;
    std::size_t steady_from = 0;        // index; of the last stretch when it is not steady
    double level = 0;                   // mean since then
    std::optional<stats::Trend> slope;  // since then, per value
    std::vector<std::size_t> changes;   // indices at which a new mean begins, also those that do not matter
    [[nodiscard]] bool steady() const
    {
        return course == Course::Flat || course == Course::WarmUp || course == Course::Slowdown;
    }
};

// values: one a window of equal length. Pure.
[[nodiscard]] Steadiness steadiness(std::span<const double> values, const SteadyOptions& options = {});
// Its steady_from, for a part of the time; nullopt: it is not steady.
[[nodiscard]] std::optional<std::size_t> settled_from(std::span<const double> values,
                                                      const SteadyOptions& options = {});

struct WarmUpOptions {
    SteadyOptions steady;
    std::uint64_t window_ns = 2'000'000'000;
    std::uint64_t longest_ns = 120'000'000'000;  // then it is taken as it is
};

struct Warmed {
    Steadiness steadiness;
    std::vector<double> values;  // of `score`, one a window
    std::uint64_t waited_ns = 0;
    std::size_t without_score = 0;  // windows
};

// Lets it run until the score is flat, or for the longest time: whether it is, `steadiness` says.
[[nodiscard]] Result<Warmed> wait_until_steady(Subject& subject, const Score& score, const WarmUpOptions& options = {});

}  // namespace flyball::tune
