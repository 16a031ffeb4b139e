// SPDX-License-Identifier: Apache-2.0
// Who was to die, who did, and why the others live.
#pragma once

#include "flyball/oom/verdict.hpp"
#include "policy.hpp"

#include <string_view>
#include <vector>

namespace flyball::oom {

// In the deciding cgroup or below it? nullopt: a name is missing.
[[nodiscard]] std::optional<bool> inside(std::string_view path, std::string_view root);

// Members of the scope that were not killed, and processes found there afterwards, each once, with its reason.
[[nodiscard]] std::vector<Survivor> survivors_of(const profile::OomEpisode& episode, const Policy& policy,
                                                 const Evidence& evidence);

}  // namespace flyball::oom
