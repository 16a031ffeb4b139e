// SPDX-License-Identifier: Apache-2.0
// What came of `flyball load`, for people and for machines. Pure; any thread.
#pragma once

#include "flyball/load/experiment.hpp"
#include "flyball/load/plan.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace flyball::report {

struct LoadReport {
    std::string flyball_version, host, kernel, arch;
    unsigned cpus = 0;
    std::uint64_t start_wall_ns = 0, duration_ns = 0;
    std::string command;                                      // as given
    std::vector<std::pair<std::string, std::string>> limits;  // of the cgroup: file, value
    load::Plan plan;
    load::Outcomes outcomes;
    std::vector<std::string> notes;
};

struct LoadTextOptions {
    int width = 80;
    bool color = false;
};

[[nodiscard]] std::string render_load_text(const LoadReport& report, const LoadTextOptions& options);
// flyball.load/1: docs/load-json.md
[[nodiscard]] std::string render_load_json(const LoadReport& report);

}  // namespace flyball::report
