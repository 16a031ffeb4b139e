// SPDX-License-Identifier: Apache-2.0
// Proposals as the store keeps them.
#pragma once

#include "flyball/calibrate/result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace flyball::calibrate {

[[nodiscard]] std::string proposal_to_json(const tune::Proposal& proposal);
// nullopt: not what was written; it is measured again.
[[nodiscard]] std::optional<tune::Proposal> proposal_from_json(std::string_view text);

}  // namespace flyball::calibrate
