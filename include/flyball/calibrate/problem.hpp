// SPDX-License-Identifier: Apache-2.0
// What is wrong with a specification, where, and what to do about it. Plain values.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace flyball::calibrate {

struct Place {
    std::size_t line = 1, column = 1;  // columns count characters
    friend bool operator==(const Place&, const Place&) = default;
};

struct Problem {
    Place place;
    std::string field;   // "components[2].scenarios[0].duration"; empty: the text as a whole
    std::string what;    // without a trailing full stop
    std::string remedy;  // what to do about it
};

// "clawos.json:12:5: components[2].duration: '5 parsecs' is not a duration (give ... such as 30s)": one line.
[[nodiscard]] std::string text(const Problem& problem, std::string_view file);

}  // namespace flyball::calibrate
