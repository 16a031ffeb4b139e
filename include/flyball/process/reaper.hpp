// SPDX-License-Identifier: Apache-2.0
// A process that waits for the death of this one, by SIGKILL too, and then clears up what it could not: a workload's
// own children would otherwise live on. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"

#include <sys/types.h>

#include <functional>

namespace flyball::process {

class Reaper {
public:
    // It forks: call it while the process has one thread, from the thread that lives longest (PR_SET_PDEATHSIG is about
    // the thread that forked, prctl(2)). clear_up: runs in the reaper, which has no files of ours. Unavailable: it
    // cannot fork.
    [[nodiscard]] static Result<Reaper> start(const std::function<void()>& clear_up);
    // Sends it away: what is there is ours to remove.
    ~Reaper();
    Reaper(Reaper&& other) noexcept;
    Reaper& operator=(Reaper&&) = delete;

private:
    explicit Reaper(pid_t pid) : pid_(pid) {}
    pid_t pid_ = -1;
};

}  // namespace flyball::process
