// SPDX-License-Identifier: Apache-2.0
// What the verbs print: on standard output what was asked for, on stderr what became of the file.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/cli/verbs.hpp"
#include "flyball/live/recorder.hpp"
#include "flyball/profile/snapshot.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace flyball::cli {

// Prints it, and waits for who reads it until a stop is asked for. Errors as those of write_patiently().
Result<> print(std::string_view text, StopToken& stop);

// Prints the report in the wanted format.
Result<> print_report(const profile::Snapshot& snapshot, const OutputOptions& options,
                      const std::vector<std::string>& cgroups, StopToken& stop);

// Where the recording went, if one was kept. Its exit code: not 0 if it could not be written whole.
int tell_saved(const live::Recorded& recorded, const RecordOptions& options);

}  // namespace flyball::cli
