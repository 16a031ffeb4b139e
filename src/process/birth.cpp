// SPDX-License-Identifier: Apache-2.0
#include "flyball/process/birth.hpp"

#include <fmt/format.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

namespace flyball::process {

namespace {

// clone3 with CLONE_INTO_CGROUP (v5.7): nothing of the child is ever accounted elsewhere. -1: not here.
pid_t clone_into(int unified_fd)
{
    if (unified_fd < 0)
        return -1;
    clone_args arguments{};
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.exit_signal = SIGCHLD;
    arguments.cgroup = static_cast<std::uint64_t>(unified_fd);
    return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

// 0, or why one of them cannot be entered.
int enter(const Place& place, bool born_in_unified)
{
    for (const Place::Procs& procs : place.procs)
        if (!(born_in_unified && procs.unified) && ::write(procs.fd, "0", 1) != 1)
            return errno;
    return 0;
}

}  // namespace

Result<Born> start(const Birth& birth, std::string_view what, const std::function<int(int errnum)>& body)
{
    const pid_t parent = ::getpid();
    pid_t pid = clone_into(birth.place.unified_fd);
    const bool into = pid >= 0;
    if (!into)
        pid = ::fork();
    if (pid == 0) {
        if (birth.dies_with_us) {
            (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != parent)  // it may have died before the line above
                ::_exit(kExitCannotExecute);
        }
        ::_exit(body(enter(birth.place, into)));
    }
    if (pid < 0)
        return std::unexpected(
            errno_error(ErrorKind::Unavailable, fmt::format("starting {}", what), errno,
                        errno == EAGAIN ? "a limit on processes: --pids-max, or that of the user" : ""));
    return Born{.pid = pid, .pidfd = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)))};
}

void give_back_signals()
{
    sigset_t stops;
    sigemptyset(&stops);
    for (const int number : {SIGINT, SIGTERM, SIGHUP})
        sigaddset(&stops, number);
    (void)::sigprocmask(SIG_UNBLOCK, &stops, nullptr);
    (void)::signal(SIGPIPE, SIG_DFL);
}

int execute(char* const argv[], char* const environment[])
{
    (void)::execvpe(argv[0], argv, environment);
    return errno == ENOENT || errno == ENOTDIR ? kExitNotFound : kExitCannotExecute;
}

}  // namespace flyball::process
