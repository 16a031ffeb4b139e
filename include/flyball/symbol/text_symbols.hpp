// SPDX-License-Identifier: Apache-2.0
// Symbols that someone wrote down as text. Pure functions; lines that make no sense are left out.
#pragma once

#include "flyball/symbol/symbol_table.hpp"

#include <string_view>

namespace flyball::symbol {

// /tmp/perf-PID.map, which just-in-time compilers write: "START BYTES NAME", both numbers hexadecimal. What
// was written later of an address holds.
[[nodiscard]] SymbolTable perf_map_symbols(std::string_view text);

// /proc/kallsyms: functions only. Empty where the kernel hides addresses (all of them are 0).
[[nodiscard]] SymbolTable kallsyms_symbols(std::string_view text);

}  // namespace flyball::symbol
