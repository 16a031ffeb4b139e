// SPDX-License-Identifier: Apache-2.0
// Numbers as people give them on a command line. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flyball::load {

inline constexpr std::uint64_t kSecond = 1'000'000'000;

// Decimal, finite, not negative, with all of the text used: "100", "0.5". No sign, exponent or blank.
[[nodiscard]] std::optional<double> parse_number(std::string_view text);

// As short as it can be: "100", "0.5", "141.4".
[[nodiscard]] std::string spell_number(double number);

}  // namespace flyball::load
