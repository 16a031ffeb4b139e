// SPDX-License-Identifier: Apache-2.0
// What lies where in a process's memory: /proc/PID/maps. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::symbol {

struct Mapping {
    std::uint64_t begin = 0, end = 0;  // addresses; end is the first one after it
    std::uint64_t offset_bytes = 0;    // of `begin` in the file
    std::string device;                // "fd:01", as the kernel writes it
    std::uint64_t inode = 0;           // 0: no file
    std::string path;                  // or "[vdso]", "[heap]", ...; empty: anonymous
    friend bool operator==(const Mapping&, const Mapping&) = default;
};

// The executable ones, by address. Lines that are none are left out.
[[nodiscard]] std::vector<Mapping> executable_mappings(std::string_view maps);

// nullptr: the address lies in none. The mappings must be in order.
[[nodiscard]] const Mapping* find_mapping(const std::vector<Mapping>& mappings, std::uint64_t address);

}  // namespace flyball::symbol
