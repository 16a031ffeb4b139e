// SPDX-License-Identifier: Apache-2.0
#include "vdso.hpp"

#include "flyball/base/file.hpp"
#include "flyball/symbol/mappings.hpp"

#include <algorithm>

namespace flyball::symbol {

std::optional<ElfSymbols> vdso_symbols()
{
    const auto maps = read_file("/proc/self/maps");
    if (!maps)
        return std::nullopt;
    const auto mappings = executable_mappings(*maps);
    const auto vdso = std::ranges::find(mappings, "[vdso]", &Mapping::path);
    if (vdso == mappings.end())
        return std::nullopt;
    // The kernel's own mapping of this process, which lasts as long as it.
    const auto* image = reinterpret_cast<const std::byte*>(vdso->begin);
    auto symbols = ElfSymbols::read(std::span(image, vdso->end - vdso->begin));
    return symbols ? std::optional(std::move(*symbols)) : std::nullopt;
}

}  // namespace flyball::symbol
