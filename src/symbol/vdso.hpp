// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flyball/symbol/elf_symbols.hpp"

#include <optional>

namespace flyball::symbol {

// Of this process: the kernel maps the same image into all that are of its kind. nullopt: it has none.
[[nodiscard]] std::optional<ElfSymbols> vdso_symbols();

}  // namespace flyball::symbol
