// SPDX-License-Identifier: Apache-2.0
// A specification with other limits, otherwise as it was. Pure.
#pragma once

#include "flyball/base/result.hpp"

#include <map>
#include <string>
#include <string_view>

namespace flyball::calibrate {

// Component -> file -> value as it is written to that file: {"router", {{"memory.max", "483183820"}}}.
using CalibratedValues = std::map<std::string, std::map<std::string, std::string>>;

// The text with these limits in place of its own; every other byte stays. A value keeps the form that it had (number or
// text, suffix, percentage) where that form can say it. A file that the component's resource_limits do not name is
// added before the first that they do. Usage: the text is no specification, it has no such component, or not a value.
[[nodiscard]] Result<std::string> write_calibrated(std::string_view text, const CalibratedValues& values);

// "specs/P1.5-cgroup-quotas.json" -> "specs/P1.5-cgroup-quotas.calibrated.json"; of a profile
// "....quick.calibrated.json".
[[nodiscard]] std::string calibrated_name(std::string_view path, std::string_view profile = {});

}  // namespace flyball::calibrate
