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

// A partial batch of events is flushed at this age, and read at the next tick.
inline constexpr std::uint64_t kMaxBatchAgeNs = 30'000'000;
// Between attaching and recording: the programs learn the offset of the scheduler's clock (ADR 1).
inline constexpr std::chrono::milliseconds kSettle{150};

// Decided from this machine's facts. Usage: no such program is loaded here. Unavailable: nothing can be observed.
[[nodiscard]] Result<kernel::Plan> make_plan(const std::vector<std::string>& without);

// Leaves out the programs of all groups but the needed ones. why: said where one is missed.
void keep_only(kernel::Plan& plan, const std::function<bool(kernel::ProgramGroup)>& needed, std::string_view why);

// What a reader of its events takes; the session stays the owner.
[[nodiscard]] stream::Source source_of(const probe::Session& session);

// All but times, filters and command. stacks: they are asked for, and belong to what can be had or not.
[[nodiscard]] profile::Meta describe(const cgroup::Layout& layout, const kernel::Plan& plan, bool stacks = false);

// The cgroups that exist now.
[[nodiscard]] Result<std::vector<profile::KnownCgroup>> known_cgroups(const cgroup::Layout& layout);

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
