// SPDX-License-Identifier: Apache-2.0
// The parts of a tuning proposal as all documents have them. How a number is written is the document's own affair.
#pragma once

#include "flyball/tune/proposal.hpp"
#include "parts.hpp"

#include <optional>
#include <string>

namespace flyball::report {

// null: not known.
using NumberForm = Json (*)(const std::optional<double>&);

// null: empty.
[[nodiscard]] Json json_text(const std::string& text);
[[nodiscard]] Json json_unit(tune::Unit unit);
[[nodiscard]] Json json_interval(const std::optional<stats::Interval>& interval, NumberForm number);
[[nodiscard]] Json json_evidence(const tune::Evidence& evidence, NumberForm number);
[[nodiscard]] Json json_refusal(const tune::Refusal& refusal);

}  // namespace flyball::report
