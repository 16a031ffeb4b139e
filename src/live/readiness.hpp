// SPDX-License-Identifier: Apache-2.0
// A run begins when its service works: what a load does before that is no work of the service. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/live/live_subject.hpp"
#include "scenario_commands.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace flyball::live {

// A load that is started before its service is known to be up lasts longer by this: see start_when_ready().
inline constexpr std::uint64_t kFirstWorkNs = 10'000'000'000;

// Does nobody but the load's first work tell that the service is up?
[[nodiscard]] bool waits_for_work(const ScenarioCommands& commands);

// Starts the service, then its load: after the health command has succeeded (within a minute), or, where there is none,
// at once, and returns when its first work is told (within kFirstWorkNs; what is not told then may never be).
// Gives why it never got well; empty: it did. Errors: those of the subject, a signal.
[[nodiscard]] Result<std::string> start_when_ready(LiveSubject& subject, const ScenarioCommands& commands,
                                                   int output_fd, StopToken& stop,
                                                   const std::function<void(std::string_view)>& say);

}  // namespace flyball::live
