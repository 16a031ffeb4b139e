// SPDX-License-Identifier: Apache-2.0
// One recording from set-up to snapshot. Owns everything that it starts; what it made is gone
// with it, also when a step fails.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/live/host.hpp"
#include "flyball/live/progress.hpp"
#include "flyball/process/child.hpp"
#include "flyball/profile/recording.hpp"
#include "flyball/profile/snapshot.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flyball::live {

struct RecordRequest {
    std::vector<std::string> cgroups;  // patterns; empty: the command's own, or all
    std::uint64_t duration_ns = 0;     // 0: no end of its own
    std::string output;                // the recording's file; empty: none is kept
    std::uint64_t ring_bytes = 0;      // of each CPU
    std::uint32_t stacks_hz = 0;       // 0: no stacks
    std::vector<std::string> without;  // BPF programs to leave out
    std::vector<std::string> command;  // in a cgroup of its own; empty: none
    cgroup::Limits limits;             // of that
    bool verbose = false;
};

struct Recorded {
    profile::Snapshot snapshot;
    std::optional<Error> file_error;  // the recording could not be written whole
    std::uint64_t file_bytes = 0;
    std::optional<process::ExitStatus> command;  // of -- CMD, when it ended by itself
};

// Records until the duration, the command's end or a stop signal.
// The observer, if any, sees the same records as the accumulator and the file.
[[nodiscard]] Result<Recorded> record(const RecordRequest& request, Progress& progress, StopToken& stop,
                                      profile::Observer* observer = nullptr, const Host& host = this_host());

}  // namespace flyball::live
