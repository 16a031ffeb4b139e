// SPDX-License-Identifier: Apache-2.0
// The figures in a target. Pure.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/calibrate/metric.hpp"

#include <optional>
#include <string_view>

namespace flyball::calibrate {

// "12.5%" is 0.125; up to 1000000%.
[[nodiscard]] std::optional<double> parse_share(std::string_view text);

// In the base unit: "120ms", "640M", "25%", "800/s", "1000 ops/minute", "80 MB/s", "100K msg/s", "0".
[[nodiscard]] Result<double> parse_bound(std::string_view text, Unit unit);

}  // namespace flyball::calibrate
