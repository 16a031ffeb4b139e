// SPDX-License-Identifier: Apache-2.0
#include "flyball/symbol/text_symbols.hpp"

#include "flyball/base/strings.hpp"
#include "numbers.hpp"

#include <algorithm>

namespace flyball::symbol {

namespace {

// Takes the first word off.
std::string_view take_word(std::string_view& line)
{
    const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
    const std::size_t end = std::min(line.find_first_of(" \t", begin), line.size());
    const std::string_view word = line.substr(begin, end - begin);
    line.remove_prefix(end);
    return word;
}

std::string_view without_0x(std::string_view number)
{
    if (number.starts_with("0x"))
        number.remove_prefix(2);
    return number;
}

}  // namespace

SymbolTable perf_map_symbols(std::string_view text)
{
    SymbolTable table;
    for_each_line(text, [&table](std::string_view line) {
        const auto start = parse_hex(without_0x(take_word(line)));
        const auto bytes = parse_hex(without_0x(take_word(line)));
        const std::string_view name = trim(line);
        if (start && bytes && *bytes != 0 && !name.empty())
            table.add(*start, *bytes, name);
    });
    table.sort();
    return table;
}

SymbolTable kallsyms_symbols(std::string_view text)
{
    SymbolTable table;
    for_each_line(text, [&table](std::string_view line) {
        const auto address = parse_hex(take_word(line));
        const std::string_view type = take_word(line), name = take_word(line);
        constexpr std::string_view kFunctions = "tTwW";
        if (address && *address != 0 && type.size() == 1 && kFunctions.find(type) != std::string_view::npos &&
            !name.empty())
            table.add(*address, 0, name, type == "T" ? 1 : 0);
    });
    table.sort();
    return table;
}

}  // namespace flyball::symbol
