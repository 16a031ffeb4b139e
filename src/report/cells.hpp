// SPDX-License-Identifier: Apache-2.0
// Texts that fit, and numbers of at most six columns for tables.
#pragma once

#include "flyball/base/characters.hpp"
#include "flyball/report/metrics.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::report {

// What the values of the kernel side hold where they know nothing.
inline constexpr std::uint64_t kUnknown = ~std::uint64_t{0};

// Cut in the middle to WIDTH columns: "/system.slice/dock...b4c1.scope". Never inside a character.
[[nodiscard]] std::string squeeze(std::string_view text, std::size_t width);

// Filled up with blanks to WIDTH columns.
[[nodiscard]] std::string pad_right(std::string_view text, std::size_t width);
[[nodiscard]] std::string pad_left(std::string_view text, std::size_t width);

// Words into lines of at most WIDTH columns; a word that is longer is broken.
[[nodiscard]] std::vector<std::string> wrap(std::string_view text, std::size_t width);

// "12.3us", "599s", "2h03m".
[[nodiscard]] std::string narrow_ns(std::uint64_t ns);
// "64.0M", "512B".
[[nodiscard]] std::string narrow_bytes(std::uint64_t bytes);
// "999999", then "1.23M".
[[nodiscard]] std::string narrow_count(std::uint64_t count);
// To the last digit up to nine of them: counts that are to be compared.
[[nodiscard]] std::string exact_count(std::uint64_t count);
[[nodiscard]] std::string narrow(Unit unit, std::uint64_t value);

// Not narrow: "12.3 us", "64.0 MiB", "12345", "12345 pages".
[[nodiscard]] std::string spelled(Unit unit, std::uint64_t value);

}  // namespace flyball::report
