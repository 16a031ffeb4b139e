// SPDX-License-Identifier: Apache-2.0
// Starts a process inside a cgroup, without waiting for its exec: for those that are started a thousand times a second.
//
// cgroup::Child holds its child at a gate and hears of a failed exec, which costs two round trips; here a failed exec
// is exit status 126 or 127. The child is in a process group of its own, and dies by SIGKILL with the thread that
// started it.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"
#include "flyball/cgroup/transient.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace flyball::load {

struct Spawned {
    pid_t pid = -1;
    UniqueFd pidfd;  // readable when it has exited
};

struct SpawnFds {
    int in = -1, out = -1, err = -1;  // its standard streams
};

// words[0] is searched for in $PATH of this process. Unavailable: the kernel starts no more.
[[nodiscard]] Result<Spawned> spawn(const std::vector<std::string>& words, const std::vector<std::string>& environment,
                                    const cgroup::TransientCgroup& cgroup, const SpawnFds& fds);

}  // namespace flyball::load
