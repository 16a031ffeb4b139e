// SPDX-License-Identifier: Apache-2.0
#include "flyball/cgroup/memory_state.hpp"

#include "files.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/cgroup/limits.hpp"

#include <array>

namespace flyball::cgroup {
namespace {

using detail::Count;
using detail::field;
using detail::Files;

struct Field {
    const char* unified;
    const char* v1;  // after "total_"; nullptr: v1 does not keep it
    Count MemoryState::* into;
};

constexpr std::array kFields{
    Field{"anon", "rss", &MemoryState::anon},
    Field{"file", "cache", &MemoryState::file},
    Field{"shmem", "shmem", &MemoryState::shmem},
    Field{"unevictable", "unevictable", &MemoryState::unevictable},
    Field{"kernel", nullptr, &MemoryState::kernel},
    Field{"slab_reclaimable", nullptr, &MemoryState::slab_reclaimable},
    Field{"slab_unreclaimable", nullptr, &MemoryState::slab_unreclaimable},
    Field{"sock", nullptr, &MemoryState::sock},
    Field{"active_file", "active_file", &MemoryState::active_file},
    Field{"inactive_file", "inactive_file", &MemoryState::inactive_file},
    Field{"active_anon", "active_anon", &MemoryState::active_anon},
    Field{"inactive_anon", "inactive_anon", &MemoryState::inactive_anon},
    Field{"file_dirty", "dirty", &MemoryState::file_dirty},
    Field{"file_writeback", "writeback", &MemoryState::file_writeback},
    Field{"workingset_refault_anon", "workingset_refault_anon", &MemoryState::refault_anon},
    Field{"workingset_refault_file", "workingset_refault_file", &MemoryState::refault_file},
    Field{"workingset_activate_anon", "workingset_activate_anon", &MemoryState::activate_anon},
    Field{"workingset_activate_file", "workingset_activate_file", &MemoryState::activate_file},
    Field{"pgscan", nullptr, &MemoryState::pgscan},
    Field{"pgsteal", nullptr, &MemoryState::pgsteal},
    Field{"pgmajfault", "pgmajfault", &MemoryState::pgmajfault},
};

// "max" is a value here, unlike in the counters: no limit and no file are different things.
Count limit(const Files& files, const char* name)
{
    const auto text = files.text(name);
    if (!text)
        return std::nullopt;
    return trim(*text) == "max" ? Count(kUnlimited) : parse_single(*text);
}

}  // namespace

void parse_memory_stat(std::string_view text, bool unified, MemoryState& into)
{
    const auto fields = parse_flat_keyed(text);
    for (const Field& one : kFields) {
        if (unified)
            into.*one.into = field(fields, one.unified);
        else if (one.v1 != nullptr)
            into.*one.into = field(fields, std::string("total_") + one.v1);
    }
    if (!unified)
        into.swap_current = field(fields, "total_swap");
}

MemoryState read_memory_state(const Layout& layout, std::string_view path)
{
    MemoryState state;
    const Files memory(layout.controller("memory"), path);
    if (const auto stat = memory.text("memory.stat"))
        parse_memory_stat(*stat, memory.unified(), state);
    if (memory.unified()) {
        state.current = memory.single("memory.current");
        state.peak = memory.single("memory.peak");
        state.swap_current = memory.single("memory.swap.current");
        state.swap_max = limit(memory, "memory.swap.max");
        return state;
    }
    state.current = memory.single("memory.usage_in_bytes");
    state.peak = memory.single("memory.max_usage_in_bytes");
    state.kernel = memory.single("memory.kmem.usage_in_bytes");
    state.sock = memory.single("memory.kmem.tcp.usage_in_bytes");
    return state;
}

}  // namespace flyball::cgroup
