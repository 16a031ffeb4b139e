// SPDX-License-Identifier: Apache-2.0
// Cutting up the texts of kernel files. Pure functions; what they return views into the argument.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball {

// Every field, empty ones too: split("a,,b", ',') is {"a", "", "b"}; split("", ',') is {""}.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

// Runs of blanks and tabs separate; no empty field is returned.
[[nodiscard]] std::vector<std::string_view> split_blanks(std::string_view text);

// Calls `each` for every line without its newline; a last line without newline counts.
void for_each_line(std::string_view text, const std::function<void(std::string_view)>& each);

// Without leading and trailing white space.
[[nodiscard]] std::string_view trim(std::string_view text);

// Decimal digits only, all of them, and in range: no sign, no blank, no leftover. nullopt otherwise.
[[nodiscard]] std::optional<std::uint64_t> parse_u64(std::string_view text);

// Shell glob (fnmatch) without special treatment of '/' and leading dots.
[[nodiscard]] bool glob_match(const std::string& pattern, const std::string& text);
[[nodiscard]] bool is_glob(std::string_view pattern);

// Levenshtein distance, for "did you mean".
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace flyball
