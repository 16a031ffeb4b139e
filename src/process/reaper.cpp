// SPDX-License-Identifier: Apache-2.0
#include "flyball/process/reaper.hpp"

#include "flyball/process/birth.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

namespace flyball::process {
namespace {

constexpr int kParentDied = SIGUSR1, kDismissed = SIGTERM;

// Whoever reads our output is not to wait for this process.
void let_go_of_files()
{
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        (void)::dup2(nothing, fd);
    (void)::syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
}

void wait_for_death(pid_t parent, const std::function<void()>& clear_up)
{
    // What ends the parent, a Ctrl-C say, is not meant for it.
    ::setsid();
    (void)::prctl(PR_SET_NAME, "flyball-reaper");
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, kParentDied);
    sigaddset(&awaited, kDismissed);
    (void)::prctl(PR_SET_PDEATHSIG, kParentDied);
    let_go_of_files();
    int signal = ::getppid() == parent ? 0 : kParentDied;
    if (signal == 0)
        (void)::sigwait(&awaited, &signal);
    if (signal == kParentDied)
        clear_up();
}

}  // namespace

Result<Reaper> Reaper::start(const std::function<void()>& clear_up)
{
    const pid_t parent = ::getpid();
    // Blocked from before it exists: a dismissal at once is not to be lost, and must not kill it halfway either.
    sigset_t all, before;
    sigfillset(&all);
    (void)::pthread_sigmask(SIG_BLOCK, &all, &before);
    auto born = process::start({.dies_with_us = false}, "the process that clears up", [&](int) {
        wait_for_death(parent, clear_up);
        return 0;
    });
    (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!born)
        return std::unexpected(std::move(born.error()));
    return Reaper(born->pid);
}

Reaper::Reaper(Reaper&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}

Reaper::~Reaper()
{
    if (pid_ <= 0)
        return;
    (void)::kill(pid_, kDismissed);
    (void)::waitpid(pid_, nullptr, 0);
}

}  // namespace flyball::process
