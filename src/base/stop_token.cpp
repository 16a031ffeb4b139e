// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/stop_token.hpp"

#include <poll.h>
#include <sys/signalfd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>

namespace flyball {

namespace {

constexpr std::array kStops{SIGINT, SIGTERM, SIGHUP};

// The kernel queues a blocked signal even where its disposition is to ignore it (kernel/signal.c, sig_ignored). So
// nohup would not protect if SIGHUP were blocked here; and SIGINT, which a shell without job control lets what it
// starts in the background ignore, is heard when somebody sends it on purpose.
sigset_t stop_signals()
{
    sigset_t set;
    sigemptyset(&set);
    for (const int number : kStops) {
        struct sigaction action{};
        if (number != SIGHUP || (::sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_IGN))
            sigaddset(&set, number);
    }
    return set;
}

}  // namespace

Result<StopToken> StopToken::install()
{
    const sigset_t stops = stop_signals();
    sigset_t before;
    if (const int errnum = ::pthread_sigmask(SIG_BLOCK, &stops, &before); errnum != 0)
        return std::unexpected(errno_error(ErrorKind::Internal, "blocking SIGINT and SIGTERM", errnum));
    UniqueFd fd(::signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd.valid()) {
        const int errnum = errno;
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return std::unexpected(errno_error(ErrorKind::Internal, "making a signalfd", errnum));
    }
    return StopToken(std::move(fd), stops, before);
}

StopToken::StopToken(StopToken&& other) noexcept
    : fd_(std::move(other.fd_)),
      caught_(other.caught_),
      before_(other.before_),
      count_(other.count_),
      last_(other.last_)
{
}

StopToken::~StopToken()
{
    if (!fd_.valid())
        return;
    // What is pending was meant for us: unblocked, it would kill the process that is about to end well.
    sigset_t eat = caught_;
    for (const int number : kStops)
        if (sigismember(&before_, number) == 1)
            sigdelset(&eat, number);
    const timespec now{};
    while (::sigtimedwait(&eat, nullptr, &now) > 0) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void StopToken::let_go()
{
    fd_.reset();
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool StopToken::requested()
{
    signalfd_siginfo info{};
    for (;;) {
        const ssize_t got = ::read(fd_.get(), &info, sizeof info);
        if (got == static_cast<ssize_t>(sizeof info)) {
            ++count_;
            last_ = static_cast<int>(info.ssi_signo);
        } else if (got >= 0 || errno != EINTR) {
            return count_ > 0;
        }
    }
}

Error StopToken::interrupted() const
{
    const char* const name = ::sigabbrev_np(last_);
    return {.kind = ErrorKind::Interrupted,
            .what = std::string("stopped by SIG") + (name != nullptr ? name : "?"),
            .hint = {},
            .signal = last_};
}

bool StopToken::wait_ms(int timeout_ms)
{
    if (requested())
        return true;
    pollfd poll_for{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    (void)::poll(&poll_for, 1, timeout_ms);
    return requested();
}

}  // namespace flyball
