// SPDX-License-Identifier: Apache-2.0
// Raw results as text: one row a run, one column a metric. docs/compare.md has the forms. Pure; any thread.
#pragma once

#include "flyball/base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::compare {

// Fields as they stand there, every row as long as the header.
struct Table {
    std::vector<std::string> header;
    struct Row {
        std::size_t line = 0;  // counts from 1
        std::vector<std::string> fields;
    };
    std::vector<Row> rows;
};

// CSV of RFC 4180 (a comma between fields, "..." around a field with commas, quotes or newlines in it, "" for a quote),
// or the same with tabs, where the first line has tabs and no comma. Lines that begin with # and empty ones are passed
// over. A first row of numbers only is no header: one column is then called "value", more "column1", "column2", ...
// Usage, with the line: rows of different lengths, an empty or doubled name, a quote out of place, a NUL, no row at
// all.
[[nodiscard]] Result<Table> parse_table(std::string_view text);

// A decimal number, all of it: no "nan", no "inf", nothing beyond a double. What is wrong, in words, otherwise.
[[nodiscard]] std::expected<double, std::string> parse_number(std::string_view text);

}  // namespace flyball::compare
