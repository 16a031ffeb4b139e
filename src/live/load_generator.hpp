// SPDX-License-Identifier: Apache-2.0
// A command that makes the load itself, run once: it tells its work by docs/workload-metrics.md. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/cgroup/transient.hpp"
#include "flyball/load/plan.hpp"
#include "flyball/load/result.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace flyball::live {

struct GeneratorOptions {
    std::vector<std::string> patterns;  // --metrics-regex
    std::function<void(std::uint64_t elapsed_ns)> progress;
};

// Runs it for the level's time, then ends it: SIGTERM, and two seconds later SIGKILL. What it did in the warm-up is not
// counted. The level is without what the kernel says, and not judged. Usage: it cannot be executed, or a bad pattern.
[[nodiscard]] Result<load::Level> run_generator(const load::Command& command, const load::LevelSpec& spec,
                                                const GeneratorOptions& options, const cgroup::TransientCgroup& cgroup,
                                                StopToken& stop);

}  // namespace flyball::live
