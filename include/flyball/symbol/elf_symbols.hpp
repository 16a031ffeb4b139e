// SPDX-License-Identifier: Apache-2.0
// The functions of an ELF file, from .symtab and .dynsym. The file may be anyone's: what is malformed in it
// costs its names, nothing else. Immutable, thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/symbol/symbol_table.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

struct Elf;

namespace flyball::symbol {

class ElfSymbols {
public:
    // Reads it through; the descriptor stays the caller's. Io: it is no ELF file, or cannot be read.
    [[nodiscard]] static Result<ElfSymbols> read(int fd);
    // An image in memory, such as the vdso's. It is not kept.
    [[nodiscard]] static Result<ElfSymbols> read(std::span<const std::byte> image);

    // By the place in the file, as mappings have it. The mangled name; it lives as long as this object.
    [[nodiscard]] std::optional<std::string_view> find(std::uint64_t offset_bytes) const;

    [[nodiscard]] std::size_t size() const { return table_.size(); }

private:
    struct Segment {
        std::uint64_t offset_bytes, bytes, address;
    };
    [[nodiscard]] static Result<ElfSymbols> read(Elf* elf);
    void add_segments(Elf* elf);
    void add_symbols(Elf* elf);

    std::vector<Segment> segments_;
    SymbolTable table_;
};

}  // namespace flyball::symbol
