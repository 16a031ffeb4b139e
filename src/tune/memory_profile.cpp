// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/memory_profile.hpp"

#include "flyball/cgroup/limits.hpp"
#include "units.hpp"

#include <algorithm>
#include <deque>
#include <numeric>

namespace flyball::tune {
namespace {

constexpr std::size_t kStretches = 12;

std::uint64_t less(std::uint64_t a, std::uint64_t b)
{
    return a - std::min(a, b);
}

std::uint64_t swap_room(const cgroup::MemoryState& state)
{
    const std::uint64_t most = state.swap_max.value_or(0);
    return most == cgroup::kUnlimited ? 0 : less(most, state.swap_current.value_or(0));
}

}  // namespace

std::optional<std::uint64_t> memory_floor(const cgroup::MemoryState& state)
{
    if (!state.anon)
        return std::nullopt;
    const std::uint64_t swappable = *state.anon + state.shmem.value_or(0);
    // Anonymous and shmem pages that are on no list are locked: they count among the unevictable ones as well.
    const std::uint64_t listed = state.active_anon.value_or(0) + state.inactive_anon.value_or(0);
    const std::uint64_t locked = state.active_anon ? less(swappable, listed) : 0;
    const std::uint64_t kernel =
        state.kernel ? less(*state.kernel, state.slab_reclaimable.value_or(0)) : state.slab_unreclaimable.value_or(0);
    return swappable - std::min(swap_room(state), swappable - locked) + less(state.unevictable.value_or(0), locked) +
           kernel + state.sock.value_or(0);
}

std::uint64_t cache_bytes(const cgroup::MemoryState& state)
{
    return less(state.file.value_or(0), state.shmem.value_or(0)) + state.slab_reclaimable.value_or(0);
}

std::vector<MemoryUse> kept_use(const Window& window)
{
    const auto first = static_cast<double>(cache_bytes(window.before.memory)),
               last = static_cast<double>(cache_bytes(window.after.memory));
    const double span = std::max(static_cast<double>(window.span_ns()), 1.0);
    std::vector<MemoryUse> kept;
    kept.reserve(window.memory_use.size());
    for (const MemoryUse& use : window.memory_use) {
        const double part = std::clamp(static_cast<double>(less(use.at_ns, window.begin_ns)) / span, 0.0, 1.0);
        const auto cache = static_cast<std::uint64_t>(first + (last - first) * part);
        kept.push_back({use.at_ns, less(use.bytes, cache)});
    }
    return kept;
}

std::uint64_t most_bytes(std::span<const MemoryUse> use)
{
    const auto most = std::ranges::max_element(use, {}, &MemoryUse::bytes);
    return most == use.end() ? 0 : most->bytes;
}

std::uint64_t growth_envelope(std::span<const MemoryUse> use, std::uint64_t within_ns)
{
    std::uint64_t most = 0;
    std::deque<MemoryUse> lowest;  // ascending, of the stretch that is looked back on
    for (const MemoryUse& now : use) {
        while (!lowest.empty() && lowest.front().at_ns + within_ns < now.at_ns)
            lowest.pop_front();
        if (!lowest.empty())
            most = std::max(most, less(now.bytes, lowest.front().bytes));
        while (!lowest.empty() && lowest.back().bytes >= now.bytes)
            lowest.pop_back();
        lowest.push_back(now);
    }
    return most;
}

std::optional<stats::Trend> memory_leak(std::span<const MemoryUse> kept, const LeakOptions& options)
{
    if (kept.size() < 2 * kStretches)
        return std::nullopt;
    std::vector<double> at_s, low;
    for (std::size_t i = 0; i < kStretches; ++i) {
        const std::size_t from = i * kept.size() / kStretches, to = (i + 1) * kept.size() / kStretches;
        const auto least = std::ranges::min_element(kept.subspan(from, to - from), {}, &MemoryUse::bytes);
        at_s.push_back(static_cast<double>(least->at_ns - kept.front().at_ns) / kNsPerS);
        low.push_back(static_cast<double>(least->bytes));
    }
    const auto trend = stats::theil_sen(at_s, low, options.confidence);
    if (!trend)
        return std::nullopt;
    const double seen_s = static_cast<double>(kept.back().at_ns - kept.front().at_ns) / kNsPerS;
    const double horizon_s = static_cast<double>(options.horizon_ns) / kNsPerS;
    const bool seen = trend->slope * seen_s >= static_cast<double>(options.least_seen);
    const bool matters = trend->interval.low * horizon_s > options.most_growth * low.back();
    return trend->interval.low > 0 && seen && matters ? trend : std::nullopt;
}

bool is_filling(std::span<const double> levels, double confidence)
{
    constexpr double kSlower = 0.5;
    const std::size_t half = levels.size() / 2;
    std::vector<double> places(half);
    std::iota(places.begin(), places.end(), 0.0);
    const auto early = stats::theil_sen(places, levels.first(half), confidence),
               late = stats::theil_sen(places, levels.last(half), confidence);
    return early && late && early->interval.low > 0 && late->interval.high < kSlower * early->interval.low;
}

}  // namespace flyball::tune
