// SPDX-License-Identifier: Apache-2.0
// Which function an address lies in. Immutable once sorted, and then thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::symbol {

class SymbolTable {
public:
    // Of several at one address the one of the highest rank is kept, and of those the last. bytes 0: up to
    // the next symbol. Names beyond 4 GiB in all are left out.
    void add(std::uint64_t address, std::uint64_t bytes, std::string_view name, int rank = 0);

    // Once, before the first find().
    void sort();

    // nullopt: no symbol covers it. The view lives as long as the table.
    [[nodiscard]] std::optional<std::string_view> find(std::uint64_t address) const;

    [[nodiscard]] std::size_t size() const { return symbols_.size(); }

private:
    struct Symbol {
        std::uint64_t address;
        std::uint64_t bytes;
        std::uint32_t name_at, name_bytes;
        int rank;
    };
    std::vector<Symbol> symbols_;
    std::string names_;
};

}  // namespace flyball::symbol
