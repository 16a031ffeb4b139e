// SPDX-License-Identifier: Apache-2.0
// Names from outside may hold any byte, and not each character is one column wide. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace flyball {

struct Char {
    std::size_t bytes = 1;
    char32_t code = 0;
    bool valid = false;
};

// The first character of TEXT, which is not empty. Overlong forms and surrogates are not valid.
[[nodiscard]] Char first_char(std::string_view text);

// That a terminal takes for a valid character: 2 for East Asian wide and emoji, 0 for combining marks.
[[nodiscard]] std::size_t columns(char32_t code);
// The same of a text; a byte that is no UTF-8 is one.
[[nodiscard]] std::size_t display_width(std::string_view text);

// A cgroup or a process may be called anything. Control characters and bytes that are no UTF-8 become
// \xNN, so that no name moves the cursor or spoils the JSON.
[[nodiscard]] std::string harmless(std::string_view text);

}  // namespace flyball
