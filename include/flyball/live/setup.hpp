// SPDX-License-Identifier: Apache-2.0
// What every verb that looks at this machine does first: which programs, which cgroups, who we are; a command
// in a cgroup of its own.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/cgroup/transient.hpp"
#include "flyball/kernel/plan.hpp"
#include "flyball/kernel/programs.hpp"
#include "flyball/probe/session.hpp"
#include "flyball/process/child.hpp"
#include "flyball/profile/accumulator.hpp"
#include "flyball/profile/snapshot.hpp"
#include "flyball/stream/reader.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::live {

// A command that waits at its gate, in a cgroup made for it. Both are gone with the value: the command first.
struct CommandInCgroup {
    cgroup::TransientCgroup home;
    process::Child child;

    // note: told what the cgroup could not have. Errors as those of TransientCgroup::create() and Child::spawn().
    [[nodiscard]] static Result<CommandInCgroup> make(const std::vector<std::string>& command,
                                                      const cgroup::Layout& layout, const cgroup::Limits& limits,
                                                      const std::function<void(std::string_view)>& note,
                                                      const process::SpawnOptions& spawn = {});
    // Kills and reaps the command, then removes the cgroup with whatever else is in it. For the error that the
    // destructor would keep to itself; child is not to be asked any more.
    [[nodiscard]] Result<> end();
};

}  // namespace flyball::live
