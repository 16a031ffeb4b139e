// SPDX-License-Identifier: Apache-2.0
#include "policy.hpp"

namespace flyball::oom {

Policy policy_of(const profile::OomEpisode& episode, const Evidence& evidence)
{
    if (episode.group_policy)
        return {episode.group_policy, episode.group_cgroup, false};
    if (!evidence.policy_exists)
        return {false, {}, false};
    if (!evidence.policy_file_cgroup)
        return {};
    return {!evidence.policy_file_cgroup->empty(), *evidence.policy_file_cgroup, true};
}

}  // namespace flyball::oom
