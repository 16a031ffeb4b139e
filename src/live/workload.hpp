// SPDX-License-Identifier: Apache-2.0
// What a subject does: a command in a cgroup of its own, a load that runs beside it, or neither where the cgroup runs
// already; and what they tell of their work. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/live/setup.hpp"
#include "flyball/tune/workload.hpp"
#include "workload_listener.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::live {

struct WorkloadOptions {
    std::vector<std::string> command;
    cgroup::Limits limits;                 // of its cgroup
    std::vector<std::string> load;         // runs outside of that cgroup, and is what tells; empty: the command does
    std::vector<std::string> environment;  // NAME=VALUE of both
    int output_fd = 2;                     // takes what both print
    std::string metrics_file;              // of a cgroup that runs already
    std::vector<std::string> metrics_patterns;  // KIND:REGEX over the output
};

class Workload {
public:
    // Both wait until they are started. say: told what a cgroup could not have.
    [[nodiscard]] static Result<Workload> open(const WorkloadOptions& options, const cgroup::Layout& layout,
                                               const std::function<void(std::string_view)>& say);
    [[nodiscard]] Result<> start_command();
    [[nodiscard]] Result<> start_load();  // nothing, where there is none

    // The command's cgroup; nullptr: there is no command.
    [[nodiscard]] const std::string* cgroup() const { return command_ ? &command_->home.path() : nullptr; }
    // Of the load that drives it; nullptr: there is none.
    [[nodiscard]] const std::string* load_cgroup() const { return load_ ? &load_->home.path() : nullptr; }
    // Readable when what its end depends on has ended: the load where there is one; -1: nothing was started.
    [[nodiscard]] int end_fd() const;
    // Looks whether it has; then and ever after it is how.
    [[nodiscard]] Result<std::optional<process::ExitStatus>> look();
    [[nodiscard]] std::optional<process::ExitStatus> status() const { return status_; }
    // Of a service that has failed under its load. One that ends with 0 may have gone into the background.
    [[nodiscard]] std::optional<process::ExitStatus> failed_service() const { return failed_service_; }

    // Ends a stretch of what it tells, and begins the next.
    [[nodiscard]] tune::Performance take() { return listener_.take(); }
    // What was wrong with what it told.
    [[nodiscard]] std::vector<std::string> complaints() const;

private:
    explicit Workload(WorkloadListener listener) : listener_(std::move(listener)) {}
    [[nodiscard]] const process::Child* teller() const;

    WorkloadListener listener_;
    std::optional<CommandInCgroup> command_;
    std::optional<CommandInCgroup> load_;  // in one of its own as well: nothing of it is left
    std::optional<process::ExitStatus> status_, failed_service_;
};

}  // namespace flyball::live
