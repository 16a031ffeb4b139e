// SPDX-License-Identifier: Apache-2.0
#include "flyball/process/watchdog.hpp"

#include "flyball/process/birth.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace flyball::process {
namespace {

constexpr char kBeat = 'b', kDone = 'd';
constexpr int kLine = 3;  // where the watchdog has its end

void watch(int line, std::chrono::milliseconds lease, const std::function<void()>& undo)
{
    // What ends the owner, a Ctrl-C say, is not meant for its watchdog.
    ::setsid();
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE})
        (void)::signal(signal, SIG_IGN);
    (void)::prctl(PR_SET_NAME, "flyball-watch");
    const int high = ::fcntl(line, F_DUPFD, 100);
    (void)::dup2(high, kLine);
    (void)::syscall(SYS_close_range, kLine + 1, ~0U, 0);
    for (;;) {
        pollfd fd{kLine, POLLIN, 0};
        const int ready = ::poll(&fd, 1, static_cast<int>(lease.count()));
        if (ready < 0 && errno == EINTR)
            continue;
        char word = 0;
        const bool heard = ready == 1 && ::recv(kLine, &word, 1, MSG_DONTWAIT) == 1;
        if (heard && word == kBeat)
            continue;
        if (!(heard && word == kDone))
            undo();
        return;
    }
}

}  // namespace

Result<Watchdog> Watchdog::start(std::chrono::milliseconds lease, const std::function<void()>& undo)
{
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "socketpair", errno));
    UniqueFd ours(ends[0]), its(ends[1]);
    auto born = process::start({.dies_with_us = false}, "the watchdog", [&](int) {
        watch(its.get(), lease, undo);
        return 0;
    });
    if (!born)
        return std::unexpected(std::move(born.error()));
    return Watchdog(born->pid, std::move(ours));
}

Watchdog::Watchdog(Watchdog&& other) noexcept : pid_(std::exchange(other.pid_, -1)), line_(std::move(other.line_)) {}

Watchdog::~Watchdog()
{
    line_.reset();
    if (pid_ > 0)
        (void)::waitpid(pid_, nullptr, 0);
}

bool Watchdog::beat() const
{
    return ::send(line_.get(), &kBeat, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 || errno == EAGAIN;
}

void Watchdog::dismiss()
{
    (void)::send(line_.get(), &kDone, 1, MSG_NOSIGNAL);
    line_.reset();
    if (pid_ > 0)
        (void)::waitpid(std::exchange(pid_, -1), nullptr, 0);
}

}  // namespace flyball::process
