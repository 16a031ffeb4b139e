// SPDX-License-Identifier: Apache-2.0
#include "flyball/symbol/elf_symbols.hpp"

#include <gelf.h>
#include <libelf.h>

#include <memory>

namespace flyball::symbol {

namespace {

struct ElfDeleter {
    void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfDeleter>;

// Largest symbol table that is read: 10 million functions. It bounds what a file of anyone may cost.
constexpr std::uint64_t kMostTableBytes = 256ULL << 20;
constexpr std::size_t kMostNameBytes = 64 * 1024;

std::unexpected<Error> no_elf()
{
    const char* why = elf_errmsg(-1);
    return fail(ErrorKind::Io, why != nullptr ? why : "no ELF file");
}

// A function, or assembly that nobody gave a type.
bool is_code(const GElf_Sym& symbol, std::string_view name)
{
    const int type = GELF_ST_TYPE(symbol.st_info);
    if (symbol.st_shndx == SHN_UNDEF || symbol.st_value == 0 || name.empty())
        return false;
    if (type == STT_FUNC || type == STT_GNU_IFUNC)
        return true;
    // "$x", ".L1": marks of assemblers and linkers
    return type == STT_NOTYPE && symbol.st_shndx < SHN_LORESERVE && name[0] != '$' && name[0] != '.';
}

// A public name says more than a local one at the same address, and a typed one more than one without.
int rank(const GElf_Sym& symbol)
{
    const int binding = GELF_ST_BIND(symbol.st_info);
    return (GELF_ST_TYPE(symbol.st_info) == STT_NOTYPE ? 0 : 10) + (binding == STB_GLOBAL ? 2
                                                                    : binding == STB_WEAK ? 1
                                                                                          : 0);
}

}  // namespace

Result<ElfSymbols> ElfSymbols::read(int fd)
{
    elf_version(EV_CURRENT);
    // Read, not mapped: a file that is cut short meanwhile must not end us by SIGBUS.
    const ElfHandle elf(elf_begin(fd, ELF_C_READ, nullptr));
    return read(elf.get());
}

Result<ElfSymbols> ElfSymbols::read(std::span<const std::byte> image)
{
    elf_version(EV_CURRENT);
    // libelf may swap bytes in place: of a copy.
    std::vector<char> copy(image.size());
    for (std::size_t i = 0; i < image.size(); ++i)
        copy[i] = static_cast<char>(image[i]);
    const ElfHandle elf(elf_memory(copy.data(), copy.size()));
    return read(elf.get());
}

Result<ElfSymbols> ElfSymbols::read(Elf* elf)
{
    if (elf == nullptr || elf_kind(elf) != ELF_K_ELF)
        return no_elf();
    ElfSymbols symbols;
    symbols.add_segments(elf);
    symbols.add_symbols(elf);
    symbols.table_.sort();
    return symbols;
}

void ElfSymbols::add_segments(Elf* elf)
{
    std::size_t count = 0;
    if (elf_getphdrnum(elf, &count) != 0)
        return;
    for (std::size_t i = 0; i < count && i < 0xffff; ++i) {
        GElf_Phdr header{};
        if (gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr)
            return;
        if (header.p_type == PT_LOAD && (header.p_flags & PF_X) != 0)
            segments_.push_back({header.p_offset, header.p_filesz, header.p_vaddr});
    }
}

void ElfSymbols::add_symbols(Elf* elf)
{
    for (Elf_Scn* section = elf_nextscn(elf, nullptr); section != nullptr; section = elf_nextscn(elf, section)) {
        GElf_Shdr header{};
        if (gelf_getshdr(section, &header) == nullptr)
            continue;
        if ((header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM) || header.sh_entsize == 0 ||
            header.sh_size > kMostTableBytes)
            continue;
        Elf_Data* data = elf_getdata(section, nullptr);
        if (data == nullptr)
            continue;
        const std::size_t count = data->d_size / header.sh_entsize;
        for (std::size_t i = 0; i < count; ++i) {
            GElf_Sym symbol{};
            if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr)
                break;
            // libelf gives only strings that end within their section.
            const char* name = elf_strptr(elf, header.sh_link, symbol.st_name);
            const std::string_view text = name != nullptr ? std::string_view(name) : std::string_view();
            if (text.size() <= kMostNameBytes && is_code(symbol, text))
                table_.add(symbol.st_value, symbol.st_size, text, rank(symbol));
        }
    }
}

std::optional<std::string_view> ElfSymbols::find(std::uint64_t offset_bytes) const
{
    for (const Segment& segment : segments_) {
        if (offset_bytes >= segment.offset_bytes && offset_bytes - segment.offset_bytes < segment.bytes)
            return table_.find(offset_bytes - segment.offset_bytes + segment.address);
    }
    return std::nullopt;
}

}  // namespace flyball::symbol
