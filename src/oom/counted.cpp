// SPDX-License-Identifier: Apache-2.0
#include "counted.hpp"

#include <algorithm>

namespace flyball::oom {
namespace {

// Episodes are judged a moment after what they ask for was read.
constexpr std::size_t kKept = 16;

// enum memcg_memory_event: the first nine have their places since v4.20 (bpf/compat.bpf.h).
enum Event : std::size_t { kHigh = 1, kMax = 2, kOom = 3, kOomKill = 4, kOomGroupKill = 5 };

constexpr auto kCounts = {&fb_memcg::high, &fb_memcg::max, &fb_memcg::oom, &fb_memcg::oom_kill,
                          &fb_memcg::oom_group_kill};

}  // namespace

void Counted::add(const fb_memcg& record)
{
    Memcg& memcg = memcgs_[record.hdr.cgroup_id];
    if (record.first != 0) {
        memcg.first = record;
        return;
    }
    memcg.latest.push_back(record);
    if (memcg.latest.size() > kKept)
        memcg.latest.pop_front();
}

void Counted::add(const fb_cgroup& record)
{
    if (record.op != FB_CG_RMDIR || !(record.last.valid & FB_CV_MEMORY))
        return;
    fb_memcg last{};
    last.hdr = record.hdr;
    last.limit_bytes = ~0ULL;
    last.high = record.last.memory_events[kHigh];
    last.max = record.last.memory_events[kMax];
    last.oom = record.last.memory_events[kOom];
    last.oom_kill = record.last.memory_events[kOomKill];
    last.oom_group_kill = record.last.memory_events[kOomGroupKill];
    add(last);
    memcgs_[record.hdr.cgroup_id].removed = true;
}

std::optional<fb_memcg> Counted::since_start(std::uint64_t id, std::uint64_t from_ns) const
{
    const auto memcg = memcgs_.find(id);
    if (memcg == memcgs_.end())
        return std::nullopt;
    const auto& latest = memcg->second.latest;
    const auto found =
        std::ranges::find_if(latest, [&](const fb_memcg& record) { return record.hdr.ts_ns >= from_ns; });
    if (found == latest.end() && !memcg->second.removed)
        return std::nullopt;
    fb_memcg read = found == latest.end() ? latest.back() : *found;
    if (const auto& first = memcg->second.first) {
        for (const auto count : kCounts)
            read.*count -= std::min<std::uint64_t>(read.*count, (*first).*count);
    }
    return read;
}

std::uint64_t Counted::first_ns(std::uint64_t id) const
{
    const auto memcg = memcgs_.find(id);
    return memcg == memcgs_.end() || !memcg->second.first ? 0 : memcg->second.first->hdr.ts_ns;
}

}  // namespace flyball::oom
