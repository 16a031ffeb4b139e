// SPDX-License-Identifier: Apache-2.0
// Listens to what a workload tells of itself (docs/workload-metrics.md), by whichever way. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/child.hpp"
#include "flyball/cgroup/workload_channel.hpp"
#include "flyball/tune/workload.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flyball::cli {

class WorkloadEar {
public:
    // file: of a cgroup that runs already; empty: none. command: one is started, with spawn_options().
    // Usage: no such file; a pattern that is none, or without a command.
    [[nodiscard]] static Result<WorkloadEar> open(const std::string& file, const std::vector<std::string>& patterns, bool command);

    [[nodiscard]] cgroup::SpawnOptions spawn_options() const;

    // Reads what is there. What the command printed is passed on to our standard error.
    [[nodiscard]] Result<> listen(std::uint64_t now_ns);

    // Ends a stretch and begins the next.
    [[nodiscard]] tune::Performance take(std::uint64_t at_ns) { return meter_.take(at_ns); }

    // "3 lines were not understood, the first: ..."; nullopt: all were.
    [[nodiscard]] std::optional<std::string> not_understood() const;

private:
    WorkloadEar() = default;

    tune::WorkloadMeter meter_;
    std::optional<cgroup::WorkloadPipe> metrics_, output_;
    std::optional<cgroup::WorkloadFile> file_;
};

}  // namespace flyball::cli
