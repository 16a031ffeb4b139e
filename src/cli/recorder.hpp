// SPDX-License-Identifier: Apache-2.0
// One recording from set-up to snapshot. Owns everything that it starts; what it made is gone
// with it, also when a step fails.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cli/verbs.hpp"
#include "flyball/process/child.hpp"
#include "flyball/profile/recording.hpp"
#include "flyball/profile/snapshot.hpp"

#include <cstdint>
#include <optional>

namespace flyball::cli {

struct Recorded {
    profile::Snapshot snapshot;
    std::optional<Error> file_error;  // the recording could not be written whole
    std::uint64_t file_bytes = 0;
    std::optional<process::ExitStatus> command;  // of -- CMD, when it ended by itself
};

// Records until the duration, the command's end or a stop signal.
// The observer, if any, sees the same records as the accumulator and the file.
[[nodiscard]] Result<Recorded> record(const RecordOptions& options, profile::Observer* observer = nullptr);

}  // namespace flyball::cli
