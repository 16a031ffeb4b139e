// SPDX-License-Identifier: Apache-2.0
// What a profile says of a cgroup's memory, before anything is tried. Pure; any thread.
#pragma once

#include "flyball/cgroup/memory_state.hpp"
#include "flyball/stats/trend.hpp"
#include "flyball/tune/subject.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace flyball::tune {

// What reclaim cannot take (mm/vmscan.c: anonymous and shmem pages go to swap or stay; Documentation/admin-guide/
// cgroup-v2.rst for the fields): anon and shmem as far as there is no room in swap, what else is unevictable, kernel
// memory without reclaimable slab, sockets. Swap counts with a finite memory.swap.max only: how much of the machine's
// swap is left for this cgroup is nobody's to say. nullopt: memory.stat does not tell anon.
[[nodiscard]] std::optional<std::uint64_t> memory_floor(const cgroup::MemoryState& state);

// What reclaim can take without swap, needed or not: file without shmem, and reclaimable slab.
[[nodiscard]] std::uint64_t cache_bytes(const cgroup::MemoryState& state);

// The samples of a window without the cache, which is known at its ends only and taken to change evenly between them:
// what spikes in the window is not cache then, which errs on the safe side.
[[nodiscard]] std::vector<MemoryUse> kept_use(const Window& window);

[[nodiscard]] std::uint64_t most_bytes(std::span<const MemoryUse> use);

// The most that it has grown within so long: G(tau) = max over t of U(t + tau) - U(t), 0 at least.
[[nodiscard]] std::uint64_t growth_envelope(std::span<const MemoryUse> use, std::uint64_t within_ns);

struct LeakOptions {
    double confidence = 0.95;
    std::uint64_t horizon_ns = 3'600'000'000'000;
    // Growth matters when over the horizon it adds this part. A tenth is what a limit may be too high by.
    double most_growth = 0.1;
    // And when so much was really seen: the kernel keeps up to 64 pages a CPU in stocks, and folds memory.stat late.
    std::uint64_t least_seen = std::uint64_t{1} << 20U;
};

// Bytes a second by which it surely grows; nullopt: it does not, or not by what matters. Of the lowest use in each of
// 12 stretches, since what is taken and given back is no leak, and since samples in a row say the same thing.
[[nodiscard]] std::optional<stats::Trend> memory_leak(std::span<const MemoryUse> kept, const LeakOptions& options = {});

// Does its growth slow down? The slope of the second half is then surely less than half of that of the first: a working
// set that is filling, and no leak. levels: at equal distances, all that was seen.
[[nodiscard]] bool is_filling(std::span<const double> levels, double confidence = 0.95);

}  // namespace flyball::tune
