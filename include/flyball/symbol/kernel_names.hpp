// SPDX-License-Identifier: Apache-2.0
// Names of the running kernel's functions, as /proc/kallsyms has them now. Immutable, thread-safe.
#pragma once

#include "flyball/symbol/symbol_table.hpp"

#include <cstdint>
#include <string>

namespace flyball::symbol {

class KernelNames {
public:
    // Without names where the kernel hides them: addresses then stay numbers.
    [[nodiscard]] static KernelNames read(const std::string& proc = "/proc");

    // "vfs_read", "[kernel+0xffffffff81234567]". Not innermost: the address is where a call returns to.
    [[nodiscard]] std::string name(std::uint64_t address, bool innermost) const;

    // Why there are none, and what to do; empty: there are.
    [[nodiscard]] const std::string& why_none() const { return why_none_; }

private:
    SymbolTable table_;
    std::string why_none_;
};

}  // namespace flyball::symbol
