// SPDX-License-Identifier: Apache-2.0
// What was given on the command line, as what the rooms below take. Usage: a value is wrong, and the message names its
// flag.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/cli/verbs.hpp"
#include "flyball/live/recorder.hpp"

#include <string>
#include <vector>

namespace flyball::cli {

// Or there is no command whose cgroup would have them.
[[nodiscard]] Result<cgroup::Limits> parse_limits(const LimitOptions& given, const std::vector<std::string>& command);

[[nodiscard]] Result<live::RecordRequest> parse_record(const RecordOptions& given);

}  // namespace flyball::cli
