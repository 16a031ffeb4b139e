// SPDX-License-Identifier: Apache-2.0
// A shell command of the user's, run beside what is tested: in flyball's own cgroup. What it leaves running stays (a
// restart leaves the service).
#pragma once

#include "flyball/base/result.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flyball::oom {

class Shell {
public:
    // words: what $0, $1, ... are in it. Its standard output goes to out, by default to our standard error: ours is for
    // the report.
    [[nodiscard]] static Result<Shell> start(const std::string& command, const std::vector<std::string>& words = {},
                                             int out = 2);
    // Kills it, and what it started in its process group, if it still runs.
    ~Shell();
    Shell(Shell&& other) noexcept;
    Shell& operator=(Shell&&) = delete;

    [[nodiscard]] std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }
    [[nodiscard]] std::uint64_t began_ns() const { return began_ns_; }  // CLOCK_MONOTONIC
    // Exit status as a shell says it, 128 + signal; nullopt: it runs.
    [[nodiscard]] std::optional<int> ended();

private:
    Shell(pid_t pid, std::uint64_t began_ns) : pid_(pid), began_ns_(began_ns) {}

    pid_t pid_ = -1;
    std::uint64_t began_ns_ = 0;
    std::optional<int> ended_;
};

}  // namespace flyball::oom
