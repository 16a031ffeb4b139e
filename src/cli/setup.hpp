// SPDX-License-Identifier: Apache-2.0
// What every verb that looks at this machine does first: which programs, which cgroups, who we are.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/kernel/plan.hpp"
#include "flyball/profile/accumulator.hpp"
#include "flyball/profile/snapshot.hpp"

#include <string>
#include <vector>

namespace flyball::cli {

// Decided from this machine's facts. Usage: no such program is loaded here. Unavailable: nothing can be observed.
[[nodiscard]] Result<kernel::Plan> make_plan(const std::vector<std::string>& without);

// All but times, filters and command. stacks: they are asked for, and belong to what can be had or not.
[[nodiscard]] profile::Meta describe(const cgroup::Layout& layout, const kernel::Plan& plan, bool stacks = false);

// The cgroups that exist now.
[[nodiscard]] Result<std::vector<profile::KnownCgroup>> known_cgroups(const cgroup::Layout& layout);

}  // namespace flyball::cli
