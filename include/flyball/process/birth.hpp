// SPDX-License-Identifier: Apache-2.0
// How each process that flyball starts begins: in its cgroups, and for no longer than whoever started it. Thread-safe.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"

#include <sys/types.h>

#include <functional>
#include <span>
#include <string_view>

namespace flyball::process {

// What a shell gives for a command that is not found, and for one that is found and cannot be executed.
inline constexpr int kExitNotFound = 127;
inline constexpr int kExitCannotExecute = 126;

// The cgroups that a process is born into. The descriptors stay their owner's.
struct Place {
    // A cgroup.procs, open for writing: writing "0" moves the writer.
    struct Procs {
        int fd = -1;
        bool unified = false;
    };
    int unified_fd = -1;  // the directory on cgroup v2; -1: none
    std::span<const Procs> procs;
};

struct Birth {
    Place place;
    // SIGKILL when the thread that starts it dies (PR_SET_PDEATHSIG; the kernel clears that when it executes a set-uid
    // file).
    bool dies_with_us = true;
};

struct Born {
    pid_t pid = -1;
    UniqueFd pidfd;  // readable (poll) when it has exited; invalid on kernels without pidfd_open (before v5.3)
};

// Runs body in a new process and ends that with what it returns. errnum: 0, or why it could not enter its cgroups. In a
// process with threads the body may do what is async-signal-safe, and nothing else; with unified_fd always, since libc
// does not hear of the new process. what: for the message. Unavailable: the kernel starts no more.
[[nodiscard]] Result<Born> start(const Birth& birth, std::string_view what, const std::function<int(int errnum)>& body);

// For between the start and an exec: SIGINT, SIGTERM, SIGHUP and SIGPIPE, which flyball takes or ignores, are the new
// program's own again. Async-signal-safe.
void give_back_signals();
// The same: executes argv[0] as found in $PATH. Returns the exit status for a command that is not executed, with errno.
int execute(char* const argv[], char* const environment[]);

}  // namespace flyball::process
