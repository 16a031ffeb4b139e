// SPDX-License-Identifier: Apache-2.0
// Writing a transient cgroup's limits, and reading them back. Private to the room.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/cgroup/mounts.hpp"

#include <string>

namespace flyball::cgroup::detail {

// Unavailable: a limit whose controller is not there, or memory.high without v2's memory controller.
[[nodiscard]] Result<> check_available(const Layout& layout, const Limits& limits);

// Those limits whose controller is in this hierarchy.
[[nodiscard]] Result<> set_limits(const Mount& mount, const std::string& directory, const Limits& limits);

}  // namespace flyball::cgroup::detail
