// SPDX-License-Identifier: Apache-2.0
// Figures of a scenario's metrics, one a run. Pure.
#pragma once

#include "flyball/calibrate/target.hpp"

#include <optional>
#include <string>
#include <vector>

namespace flyball::calibrate {

// nullptr: it was not measured in any run.
[[nodiscard]] const Series* find_series(const Measurements& measured, const std::string& metric);
// The median of the runs.
[[nodiscard]] std::optional<double> figure(const Measurements& measured, const std::string& metric);
[[nodiscard]] std::optional<double> largest(const Measurements& measured, const std::string& metric);
// Over all runs, of what is counted.
[[nodiscard]] double total(const Series& series);
[[nodiscard]] double total(const Measurements& measured, const std::string& metric);

}  // namespace flyball::calibrate
