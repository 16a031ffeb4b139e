// SPDX-License-Identifier: Apache-2.0
// From a snapshot to standard output: audit, model, rendering.
#pragma once

#include <string>
#include <vector>

#include "flyball/base/result.hpp"
#include "flyball/cli/verbs.hpp"
#include "flyball/profile/snapshot.hpp"

namespace flyball::cli {

// Prints the report in the wanted format. Io when standard output does not take it.
Result<> print_report(const profile::Snapshot& snapshot, const OutputOptions& options,
                      const std::vector<std::string>& cgroups);

}  // namespace flyball::cli
