// SPDX-License-Identifier: Apache-2.0
#include "final_counters.hpp"

#include "flyball/profile/oom_feed.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <type_traits>

namespace flyball::profile {
namespace {

// enum memcg_memory_event, v5.17 (which put in oom_group_kill) and later; sock_throttled is v6.18's.
constexpr std::array<std::string_view, 10> kMemoryEvents{
    "low", "high", "max", "oom", "oom_kill", "oom_group_kill", "swap_high", "swap_max", "swap_fail", "sock_throttled"};
static_assert(kMemoryEvents.size() == std::extent_v<decltype(fb_cgroup_counters::memory_events)>);

consteval std::size_t place_of(std::string_view event)
{
    return static_cast<std::size_t>(std::ranges::find(kMemoryEvents, event) - kMemoryEvents.begin());
}

using Field = std::optional<std::uint64_t>;

void add(Field& to, std::uint64_t value)
{
    to = to.value_or(0) + value;
}
void raise(Field& to, std::uint64_t value)
{
    to = std::max(to.value_or(0), value);
}

// LATER: a cgroup made after the removals, sampled since. Its counters began at zero.
void put(Field& field, const Field& ended, bool later)
{
    if (!ended)
        return;
    field = later ? field.value_or(0) + *ended : *ended;
}

void put_peak(Field& field, const Field& ended)
{
    if (ended)
        raise(field, *ended);
}

}  // namespace

std::optional<fb_memcg> last_counted(const fb_cgroup& record)
{
    if (record.op != FB_CG_RMDIR || !(record.last.valid & FB_CV_MEMORY))
        return std::nullopt;
    const auto& events = record.last.memory_events;
    fb_memcg last{};
    last.hdr = record.hdr;
    last.limit_bytes = last.stalled_ns = ~0ULL;
    last.high = events[place_of("high")];
    last.max = events[place_of("max")];
    last.oom = events[place_of("oom")];
    last.oom_kill = events[place_of("oom_kill")];
    last.oom_group_kill = events[place_of("oom_group_kill")];
    return last;
}

void add_final_counters(Entity& entity, const fb_cgroup& removal)
{
    const fb_cgroup_counters& last = removal.last;
    if (last.valid == 0)
        return;
    if (!entity.ended)
        entity.ended.emplace();
    KernelCounters& sum = *entity.ended;
    sum.at_ns = std::max<std::uint64_t>(sum.at_ns, removal.hdr.ts_ns);
    if (last.valid & FB_CV_CPU) {
        add(sum.throttled_ns, last.throttled_ns);
        add(sum.nr_periods, last.nr_periods);
        add(sum.nr_throttled, last.nr_throttled);
    }
    if (last.valid & FB_CV_MEMORY) {
        for (std::size_t i = 0; i < kMemoryEvents.size(); ++i) {
            sum.memory_events_local[std::string(kMemoryEvents[i])] += last.memory_events[i];
        }
        raise(sum.memory_peak_bytes, last.memory_watermark);
    }
    if (last.valid & FB_CV_PIDS)
        raise(sum.pids_peak, last.pids_watermark);
}

void complete(CounterWindow& window, const KernelCounters& ended)
{
    if (window.last_from_rmdir)
        return;
    const bool later = window.last && window.last->at_ns > ended.at_ns;
    if (!window.last)
        window.last.emplace();
    KernelCounters& last = *window.last;
    put(last.throttled_ns, ended.throttled_ns, later);
    put(last.nr_periods, ended.nr_periods, later);
    put(last.nr_throttled, ended.nr_throttled, later);
    put_peak(last.memory_peak_bytes, ended.memory_peak_bytes);
    put_peak(last.pids_peak, ended.pids_peak);
    const bool names_known = !last.memory_events_local.empty();
    for (const auto& [event, count] : ended.memory_events_local) {
        // The removal record has room for events that this kernel may not have: those stay zero,
        // and what memory.events.local did not list is not invented.
        const bool listed = names_known ? last.memory_events_local.contains(event) : event != kMemoryEvents.back();
        if (!listed && count == 0)
            continue;
        std::uint64_t& field = last.memory_events_local[event];
        field = later ? field + count : count;
    }
    last.at_ns = std::max(last.at_ns, ended.at_ns);
    window.last_from_rmdir = true;
}

}  // namespace flyball::profile
