// SPDX-License-Identifier: Apache-2.0
// Any bytes as a program, a memory map, a just-in-time compiler's map, kallsyms or a mangled name: whoever is
// sampled chooses most of these.
#include "flyball/symbol/demangle.hpp"
#include "flyball/symbol/elf_symbols.hpp"
#include "flyball/symbol/mappings.hpp"
#include "flyball/symbol/text_symbols.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

void fuzz_elf(std::string_view bytes)
{
    const auto symbols = flyball::symbol::ElfSymbols::read(std::as_bytes(std::span(bytes)));
    if (!symbols) {
        require(!symbols.error().what.empty());
        return;
    }
    for (std::uint64_t at = 0; at < bytes.size(); at += 16)
        (void)symbols->find(at);
    (void)symbols->find(~0ULL);
}

void fuzz_maps(std::string_view text)
{
    const auto mappings = flyball::symbol::executable_mappings(text);
    for (const auto& mapping : mappings) {
        require(mapping.begin < mapping.end);
        const auto* found = flyball::symbol::find_mapping(mappings, mapping.begin);
        require(found == nullptr || (found->begin <= mapping.begin && mapping.begin < found->end));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 5) {
    case 0:
        fuzz_maps(input);
        break;
    case 1:
        (void)flyball::symbol::perf_map_symbols(input).find(0x1000);
        break;
    case 2:
        (void)flyball::symbol::kallsyms_symbols(input).find(0xffffffff81000000);
        break;
    case 3:
        require(flyball::symbol::demangle(input).size() <= 8192 + input.size());
        break;
    default:
        fuzz_elf(input);
        break;
    }
    return 0;
}
