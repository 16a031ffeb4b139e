// SPDX-License-Identifier: Apache-2.0
// From addresses of a living process to places in files, and from those to names.
//
// An address means something only while its process lives and maps what it maps; a place in a file means the
// same for ever, and to all who run it. So place() is called when an address is seen, and name(), which has
// to read the files, when there is time. Meanwhile the files are kept open: they may be deleted, or belong to
// a container that ends. Memory and descriptors are bounded. Not thread-safe.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/symbol/elf_symbols.hpp"
#include "flyball/symbol/mappings.hpp"
#include "flyball/symbol/symbol_table.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace flyball::symbol {

// One memory: a process from one exec to the next.
struct ProcessKey {
    std::uint32_t tgid = 0;
    std::uint64_t start_ns = 0;
    std::uint64_t exec_id = 0;
    friend auto operator<=>(const ProcessKey&, const ProcessKey&) = default;
};

struct Place {
    std::uint32_t module = 0;
    std::uint64_t offset_bytes = 0;  // in the file; an address where the module is no file
    friend auto operator<=>(const Place&, const Place&) = default;
};

class Places {
public:
    // Modules of addresses that lie in no file.
    static constexpr std::uint32_t kUnmapped = 0;  // in no executable mapping
    static constexpr std::uint32_t kGone = 1;      // the process's maps could not be read

    // proc: "/proc", or a directory that looks like it. gone: what the name of kGone says.
    explicit Places(std::string proc = "/proc", std::string gone = "process ended before its map was read");
    ~Places();
    Places(Places&&) noexcept;
    Places& operator=(Places&&) noexcept;

    // innermost: where the processor stood, which is always an address of code; an outer one may be nonsense
    // where the program keeps no frame pointers. now_ns: CLOCK_MONOTONIC, bounds how often maps are read anew.
    [[nodiscard]] Place place(const ProcessKey& process, std::uint64_t address, bool innermost, std::uint64_t now_ns);

    // "function", "[libc.so.6+0x1234]", "[unmapped]", "[process ended ...]". Not innermost: the place is where a call
    // returns to.
    [[nodiscard]] std::string name(const Place& place, bool innermost);

    // Files that were never opened, since there were too many.
    [[nodiscard]] std::uint64_t files_left_out() const { return files_left_out_; }

private:
    struct Module {
        enum class Kind { File, Vdso, Jit, Bare };
        Kind kind = Kind::Bare;
        std::string label;              // what stands in brackets
        UniqueFd file;                  // until it has been read
        std::uint32_t tgid = 0;         // of Jit
        std::uint64_t next_try_ns = 0;  // of Jit, without a file yet
        bool read = false;
        std::optional<ElfSymbols> elf;
        std::optional<SymbolTable> jit;
    };
    struct Process {
        std::vector<Mapping> mappings;
        std::vector<std::uint32_t> modules;  // of each mapping; kNotYet: no address of it was seen
        std::uint64_t read_ns = 0;
        bool known = false;
        std::uint32_t jit = 0;
    };
    using FileKey = std::tuple<std::string, std::uint64_t, std::string>;  // device, inode, path

    Process& process(const ProcessKey& key, std::uint64_t now_ns);
    void read_maps(const ProcessKey& key, Process& process, std::uint64_t now_ns);
    std::uint32_t module_of(const ProcessKey& key, Process& process, const Mapping& mapping);
    std::uint32_t file_module(const ProcessKey& key, const Mapping& mapping);
    std::uint32_t jit_module(const ProcessKey& key, Process& process);
    std::uint32_t add(Module module);
    [[nodiscard]] UniqueFd open_file(const ProcessKey& key, const Mapping& mapping) const;
    [[nodiscard]] UniqueFd open_perf_map(std::uint32_t tgid) const;
    void read(Module& module);

    std::string proc_;
    std::map<ProcessKey, Process> processes_;
    std::vector<Module> modules_;
    std::map<FileKey, std::uint32_t> files_;
    std::size_t open_files_ = 0;  // in modules_
    std::uint64_t files_left_out_ = 0;
};

}  // namespace flyball::symbol
