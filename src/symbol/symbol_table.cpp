// SPDX-License-Identifier: Apache-2.0
#include "flyball/symbol/symbol_table.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

namespace flyball::symbol {

void SymbolTable::add(std::uint64_t address, std::uint64_t bytes, std::string_view name, int rank)
{
    constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max();
    if (name.size() > kMost - names_.size())
        return;
    symbols_.push_back(
        {address, bytes, static_cast<std::uint32_t>(names_.size()), static_cast<std::uint32_t>(name.size()), rank});
    names_ += name;
}

void SymbolTable::sort()
{
    std::ranges::stable_sort(symbols_, [](const Symbol& a, const Symbol& b) {
        return a.address != b.address ? a.address < b.address : a.rank < b.rank;
    });
    // The last of each address stays.
    const auto better = [](const Symbol& a, const Symbol& b) { return a.address == b.address; };
    const auto kept = std::unique(symbols_.rbegin(), symbols_.rend(), better);
    symbols_.erase(symbols_.begin(), kept.base());
}

std::optional<std::string_view> SymbolTable::find(std::uint64_t address) const
{
    const auto after = std::ranges::upper_bound(symbols_, address, {}, &Symbol::address);
    if (after == symbols_.begin())
        return std::nullopt;
    const Symbol& symbol = *std::prev(after);
    if (symbol.bytes != 0 && address - symbol.address >= symbol.bytes)
        return std::nullopt;
    return std::string_view(names_).substr(symbol.name_at, symbol.name_bytes);
}

}  // namespace flyball::symbol
