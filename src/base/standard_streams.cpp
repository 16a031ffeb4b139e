// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/standard_streams.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

namespace flyball {
namespace {

constexpr int kReaderPatienceMs = 500;

// Blocks SIGPIPE in this thread, and takes the one that a write has raised.
class NoPipeSignal {
public:
    NoPipeSignal() noexcept
    {
        ::sigemptyset(&pipe_);
        ::sigaddset(&pipe_, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    NoPipeSignal(const NoPipeSignal&) = delete;
    NoPipeSignal& operator=(const NoPipeSignal&) = delete;
    ~NoPipeSignal()
    {
        const timespec now{};
        if (raised && ::sigismember(&before_, SIGPIPE) == 0)
            (void)::sigtimedwait(&pipe_, nullptr, &now);
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    bool raised = false;

private:
    sigset_t pipe_{}, before_{};
};

}  // namespace

void hold_standard_streams() noexcept
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        // The lowest one that is free is this one. What is read from 0 is an error, what is written to 1 or 2 as well.
        if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

void write_to_stderr(std::string_view text) noexcept
{
    NoPipeSignal quiet;
    while (!text.empty()) {
        pollfd room{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
        if (::poll(&room, 1, kReaderPatienceMs) <= 0)
            return;
        // No more than a pipe takes whole when poll() says that it takes something (pipe(7), PIPE_BUF).
        const std::string_view part = text.substr(0, 4096);
        const ssize_t written = ::write(STDERR_FILENO, part.data(), part.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            quiet.raised = written < 0 && errno == EPIPE;
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace flyball
