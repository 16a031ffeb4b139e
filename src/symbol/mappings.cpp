// SPDX-License-Identifier: Apache-2.0
#include "flyball/symbol/mappings.hpp"

#include "flyball/base/strings.hpp"
#include "numbers.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

namespace flyball::symbol {

namespace {

// "7f..-7f.. r-xp 00001000 fd:01 1234      /usr/bin/x"; the path may hold blanks.
std::optional<Mapping> read_line(std::string_view line)
{
    const auto word = [&line] {
        const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
        const std::size_t end = std::min(line.find(' ', begin), line.size());
        const std::string_view found = line.substr(begin, end - begin);
        line.remove_prefix(end);
        return found;
    };
    const std::string_view range = word(), rights = word(), offset = word(), device = word(), inode = word();
    const auto dash = range.find('-');
    if (dash == std::string_view::npos || rights.size() < 4 || rights[2] != 'x')
        return std::nullopt;
    const auto begin = parse_hex(range.substr(0, dash)), end = parse_hex(range.substr(dash + 1)),
               at = parse_hex(offset);
    const auto number = parse_u64(inode);
    if (!begin || !end || !at || !number || *begin >= *end)
        return std::nullopt;
    return Mapping{.begin = *begin,
                   .end = *end,
                   .offset_bytes = *at,
                   .device = std::string(device),
                   .inode = *number,
                   .path = std::string(trim(line))};
}

}  // namespace

std::vector<Mapping> executable_mappings(std::string_view maps)
{
    std::vector<Mapping> found;
    for_each_line(maps, [&found](std::string_view line) {
        if (auto mapping = read_line(line))
            found.push_back(std::move(*mapping));
    });
    std::ranges::sort(found, {}, &Mapping::begin);
    return found;
}

const Mapping* find_mapping(const std::vector<Mapping>& mappings, std::uint64_t address)
{
    const auto after = std::ranges::upper_bound(mappings, address, {}, &Mapping::begin);
    if (after == mappings.begin())
        return nullptr;
    const Mapping& mapping = *std::prev(after);
    return address < mapping.end ? &mapping : nullptr;
}

}  // namespace flyball::symbol
