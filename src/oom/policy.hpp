// SPDX-License-Identifier: Apache-2.0
// Which policy a kill followed, as far as it is known.
#pragma once

#include "flyball/oom/verdict.hpp"

#include <optional>
#include <string>

namespace flyball::oom {

// OOM_SCORE_ADJ_MIN: never chosen, nor killed with a group.
inline constexpr std::int32_t kNever = -1000;

struct Policy {
    std::optional<bool> group;  // nullopt: not known
    std::string cgroup;         // that decided, where group
    bool read_afterwards = false;
};

[[nodiscard]] Policy policy_of(const profile::OomEpisode& episode, const Evidence& evidence);

}  // namespace flyball::oom
