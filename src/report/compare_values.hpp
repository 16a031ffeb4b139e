// SPDX-License-Identifier: Apache-2.0
// Numbers of a comparison as text.
#pragma once

#include "flyball/compare/comparison.hpp"

#include <string>
#include <string_view>

namespace flyball::report {

// At most eight columns, with the sign of what is below zero: "12.3ms", "-4.56%", "0.125".
[[nodiscard]] std::string compared_value(compare::Unit unit, double value);
// "+12.3%", "-0.4%", "x25" of what grew tenfold and more.
[[nodiscard]] std::string changed_by(double ratio);
// "ns", "bytes", "share", "tasks", "per_second", "count", "number": of the JSON.
[[nodiscard]] std::string_view unit_word(compare::Unit unit);
[[nodiscard]] std::string_view verdict_word(compare::Verdict verdict);
[[nodiscard]] std::string_view good_word(compare::Good good);
[[nodiscard]] std::string_view basis_word(compare::Basis basis);
// "p50", "p99.9"
[[nodiscard]] std::string quantile_name(double q);

}  // namespace flyball::report
