// SPDX-License-Identifier: Apache-2.0
// A process that waits for the death of this one, by SIGKILL too, and then ends what runs in its transient cgroups and
// removes them: a workload's own children would otherwise live on in them. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/mounts.hpp"

#include <sys/types.h>

namespace flyball::cgroup {

class Reaper {
public:
    // It forks: call it while the process has one thread, from the thread that lives longest (PR_SET_PDEATHSIG is about
    // the thread that forked, prctl(2)). Unavailable: it cannot fork.
    [[nodiscard]] static Result<Reaper> start(const Layout& layout);
    // Sends it away: what is there is ours to remove.
    ~Reaper();
    Reaper(Reaper&& other) noexcept;
    Reaper& operator=(Reaper&&) = delete;

private:
    explicit Reaper(pid_t pid) : pid_(pid) {}
    pid_t pid_ = -1;
};

}  // namespace flyball::cgroup
