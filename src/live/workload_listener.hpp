// SPDX-License-Identifier: Apache-2.0
// Listens to a workload in a thread of its own, whatever flyball does meanwhile: so that a workload never waits for a
// full pipe, and that what it tells has the time at which it came.
//
// Thread-safe. Its thread takes no signals.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/workload_channel.hpp"
#include "flyball/process/child.hpp"
#include "flyball/tune/workload.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace flyball::live {

struct ListenerOptions {
    std::string file;                   // --metrics FILE; empty: none
    std::vector<std::string> patterns;  // --metrics-regex, of the command's output
    int output_fd = 1;                  // where the command's output is passed on to, with patterns
};

struct Understanding {
    std::uint64_t understood = 0, not_understood = 0;  // lines
    std::string first_not_understood;
};

class WorkloadListener {
public:
    // Usage: a pattern or the file is wrong. Listens at once to the file, whose first stretch begins now.
    [[nodiscard]] static Result<WorkloadListener> start(const ListenerOptions& options);
    // Takes what is there still, passes it on, and ends the thread.
    ~WorkloadListener();
    WorkloadListener(WorkloadListener&&) noexcept;
    WorkloadListener& operator=(WorkloadListener&&) noexcept;

    // What a command needs to tell: its metrics' pipe, and its output's where there are patterns. For several in turn
    // too.
    [[nodiscard]] process::SpawnOptions spawn_options() const;

    // Ends a stretch, with all that has arrived by now, and begins the next.
    [[nodiscard]] tune::Performance take();
    [[nodiscard]] Understanding understanding() const;
    // What ended the listening to one of the sources, or the passing on of output: to be said once. Empty: nothing.
    [[nodiscard]] std::string trouble() const;

private:
    struct State;
    explicit WorkloadListener(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace flyball::live
