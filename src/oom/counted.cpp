// SPDX-License-Identifier: Apache-2.0
#include "counted.hpp"

#include "flyball/profile/oom_feed.hpp"

#include <algorithm>

namespace flyball::oom {
namespace {

// Episodes are judged a moment after what they ask for was read.
constexpr std::size_t kKept = 16;

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
    const auto last = profile::last_counted(record);
    if (!last)
        return;
    add(*last);
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
