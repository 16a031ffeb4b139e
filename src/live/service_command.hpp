// SPDX-License-Identifier: Apache-2.0
// A service under limits, and the commands that look after it: is it well, start it again. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/live/setup.hpp"
#include "flyball/tune/writes.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::live {

// It waits at its gate, under those of the limits that this machine has; which it lacks is not said again.
[[nodiscard]] Result<CommandInCgroup> command_under(const std::vector<tune::Write>& limits,
                                                    const std::vector<std::string>& command,
                                                    const cgroup::Layout& layout,
                                                    const std::function<void(std::string_view)>& note,
                                                    const process::SpawnOptions& spawn);

// Runs it outside of all cgroups that are measured, its output to output_fd. True: it ended with 0 within a minute.
// Interrupted: by a signal meanwhile.
[[nodiscard]] Result<bool> succeeds(const std::vector<std::string>& command, int output_fd, StopToken& stop,
                                    const std::function<Result<>()>& meanwhile = {});

// Runs `restart`, then `health` until that succeeds; without a health command the end of `restart` will do. Io: it
// failed, or the service was not well within the time.
// What goes on while a service gets well.
struct Meanwhile {
    std::function<Result<>()> keep_up;         // several times a second; empty: nothing has to be kept up
    std::function<Result<bool>()> never_will;  // asked after each health command that failed; empty: it may still
};
// Gives how long it took until the health command succeeded; nullopt: it did not within this time, or never will.
[[nodiscard]] Result<std::optional<std::uint64_t>> until_well(const std::vector<std::string>& health,
                                                              std::uint64_t within_ns, int output_fd, StopToken& stop,
                                                              const Meanwhile& meanwhile = {});

[[nodiscard]] Result<> restart_service(const std::vector<std::string>& restart, const std::vector<std::string>& health,
                                       std::uint64_t within_ns, int output_fd, StopToken& stop);

}  // namespace flyball::live
