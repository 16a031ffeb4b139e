// SPDX-License-Identifier: Apache-2.0
#include "spawn.hpp"

#include "flyball/cgroup/child.hpp"

#include <fmt/format.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace flyball::load {
namespace {

// Made before the fork: the child must not allocate.
struct Preparation {
    std::vector<char*> argv, envp;
    const std::vector<cgroup::TransientCgroup::ProcsFd>* procs = nullptr;
    SpawnFds fds;
    pid_t parent = 0;
    bool born_in_unified = false;
};

std::vector<char*> pointers(const std::vector<std::string>& texts)
{
    std::vector<char*> all;
    // exec takes char* for historical reasons and changes nothing.
    for (const std::string& text : texts)
        all.push_back(const_cast<char*>(text.c_str()));
    all.push_back(nullptr);
    return all;
}

// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void child_main(const Preparation& p)
{
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != p.parent)  // it may have died before the line above
        ::_exit(cgroup::kExitCannotExecute);
    ::setpgid(0, 0);
    for (const auto& procs : *p.procs)
        if (!(p.born_in_unified && procs.unified) && ::write(procs.fd, "0", 1) != 1)
            ::_exit(cgroup::kExitCannotExecute);
    const bool wired = ::dup2(p.fds.in, STDIN_FILENO) >= 0 && ::dup2(p.fds.out, STDOUT_FILENO) >= 0 &&
                       ::dup2(p.fds.err, STDERR_FILENO) >= 0;
    if (!wired)
        ::_exit(cgroup::kExitCannotExecute);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    ::execvpe(p.argv[0], p.argv.data(), p.envp.data());
    ::_exit(errno == ENOENT || errno == ENOTDIR ? cgroup::kExitNotFound : cgroup::kExitCannotExecute);
}

// clone3 (since v5.3) gives the pidfd with the child, and puts it into the v2 cgroup at birth (since v5.7).
pid_t clone_child(int unified_fd, int& pidfd)
{
    clone_args arguments{};
    arguments.flags = CLONE_PIDFD;
    arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    arguments.exit_signal = SIGCHLD;
    if (unified_fd >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = static_cast<std::uint64_t>(unified_fd);
    }
    return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

}  // namespace

Result<Spawned> spawn(const std::vector<std::string>& words, const std::vector<std::string>& environment,
                      const cgroup::TransientCgroup& cgroup, const SpawnFds& fds)
{
    Preparation p;
    p.argv = pointers(words);
    p.envp = pointers(environment);
    p.procs = &cgroup.procs_fds();
    p.fds = fds;
    p.parent = ::getpid();
    p.born_in_unified = cgroup.unified_directory_fd() >= 0;
    int pidfd = -1;
    const pid_t pid = clone_child(cgroup.unified_directory_fd(), pidfd);
    if (pid == 0)
        child_main(p);
    if (pid < 0)
        return std::unexpected(
            errno_error(ErrorKind::Unavailable, fmt::format("starting '{}'", words.front()), errno,
                        errno == EAGAIN ? "a limit on processes: --pids-max, or that of the user" : ""));
    return Spawned{.pid = pid, .pidfd = UniqueFd(pidfd)};
}

}  // namespace flyball::load
