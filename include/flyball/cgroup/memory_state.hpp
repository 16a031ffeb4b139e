// SPDX-License-Identifier: Apache-2.0
// What a cgroup's memory consists of: memory.stat and its neighbours. Any thread.
//
// Sources: Documentation/admin-guide/cgroup-v2.rst; mm/memcontrol.c memory_stats[]. On v1 the hierarchical total_*
// fields of memory.stat and memory.kmem.*; what v1 does not keep is nullopt, never 0. `kernel` of memory.stat is there
// since v5.18.
#pragma once

#include "flyball/cgroup/mounts.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace flyball::cgroup {

struct MemoryState {
    // bytes; swap_max without a limit is kUnlimited (limits.hpp)
    std::optional<std::uint64_t> current, peak, swap_current, swap_max;
    std::optional<std::uint64_t> anon, file, shmem, unevictable, kernel, slab_reclaimable, slab_unreclaimable, sock;
    std::optional<std::uint64_t> active_file, inactive_file, active_anon, inactive_anon, file_dirty, file_writeback;
    // counts of pages since the cgroup was made
    std::optional<std::uint64_t> refault_anon, refault_file, activate_anon, activate_file;  // workingset_*
    std::optional<std::uint64_t> pgscan, pgsteal, pgmajfault;
    friend bool operator==(const MemoryState&, const MemoryState&) = default;
};

[[nodiscard]] MemoryState read_memory_state(const Layout& layout, std::string_view path);
// The parser behind it: pure.
void parse_memory_stat(std::string_view text, bool unified, MemoryState& into);

}  // namespace flyball::cgroup
