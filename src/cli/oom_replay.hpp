// SPDX-License-Identifier: Apache-2.0
// `flyball oom watch FILE`: the verdicts of the kills in a recording.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cli/verbs.hpp"

namespace flyball::cli {

// Exit code: 0 every verdict was a pass, or there was none; 1 otherwise.
[[nodiscard]] Result<int> replay_oom(const OomWatchOptions& options, StopToken& stop);

}  // namespace flyball::cli
