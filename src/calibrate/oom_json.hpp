// SPDX-License-Identifier: Apache-2.0
// OOM behaviour as the store keeps it.
#pragma once

#include "flyball/calibrate/result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace flyball::calibrate {

[[nodiscard]] std::string oom_to_json(const OomBehaviour& oom);
// nullopt: it is no such text, or another version's.
[[nodiscard]] std::optional<OomBehaviour> oom_from_json(std::string_view text);

}  // namespace flyball::calibrate
