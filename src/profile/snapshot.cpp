// SPDX-License-Identifier: Apache-2.0
#include "flyball/profile/snapshot.hpp"

#include <algorithm>

namespace flyball::profile {

std::string_view name(OomEpisode::Kind kind)
{
    switch (kind) {
    case OomEpisode::Kind::Kill:
        return "kill";
    case OomEpisode::Kind::NobodyKillable:
        return "nobody_killable";
    case OomEpisode::Kind::NotKilled:
        return "not_killed";
    case OomEpisode::Kind::UnseenKill:
        return "unseen_kill";
    case OomEpisode::Kind::Livelock:
        break;
    }
    return "livelock";
}

OomMemory memory_of(const fb_oom_report& record)
{
    const auto told = [](std::uint64_t bytes) { return bytes == ~0ULL ? std::nullopt : std::optional(bytes); };
    OomMemory memory{.usage_bytes = told(record.usage_bytes),
                     .limit_bytes = told(record.limit_bytes),
                     .swap_bytes = told(record.swap_bytes),
                     .swap_limit_bytes = told(record.swap_limit_bytes)};
    for (std::size_t i = 0; i < memory.kinds.size(); ++i)
        memory.kinds[i] = told(record.kinds[i]);
    return memory;
}

bool covers(const Meta& meta, std::string_view metric)
{
    const auto found = std::ranges::find(meta.coverage, metric, &Coverage::metric);
    return found != meta.coverage.end() && found->available;
}

bool covers_by(const Meta& meta, std::string_view metric, std::string_view function)
{
    const auto found = std::ranges::find(meta.coverage, metric, &Coverage::metric);
    return found != meta.coverage.end() && found->available && found->hook.find(function) != std::string::npos;
}

int hierarchy_of(const Meta& meta, const std::string& controller)
{
    const auto found = meta.hierarchy.find(controller);
    return found == meta.hierarchy.end() ? 0 : found->second;
}

}  // namespace flyball::profile
