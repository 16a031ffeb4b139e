// SPDX-License-Identifier: Apache-2.0
// OOM behaviour as the store keeps it.
#pragma once

#include "flyball/calibrate/result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace flyball::calibrate {

// under: the limits that the component had then.
[[nodiscard]] std::string oom_to_json(const OomBehaviour& oom, const Limits& under);
// nullopt: it is no such text, another version's, or of other limits.
[[nodiscard]] std::optional<OomBehaviour> oom_from_json(std::string_view text, const Limits& under);

}  // namespace flyball::calibrate
