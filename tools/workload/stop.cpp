// SPDX-License-Identifier: Apache-2.0
#include "stop.hpp"

#include "system.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <ctime>

namespace workload {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

// A signal handler can reach nothing else.
std::atomic<bool> asked = false;
std::atomic<int> wake = -1;  // readable for ever once asked

void on_signal(int)
{
    asked = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake, &one, sizeof one);
}

}  // namespace

void stop_on_signals()
{
    wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake < 0)
        fail_errno("eventfd");
    struct sigaction action{};
    action.sa_handler = on_signal;
    for (const int number : {SIGTERM, SIGINT}) {
        if (sigaction(number, &action, nullptr) != 0)
            fail_errno("sigaction");
    }
}

bool stopped()
{
    return asked;
}

bool wait_until(std::uint64_t at_ns)
{
    for (std::uint64_t now = now_ns(); !asked && now < at_ns; now = now_ns()) {
        const std::uint64_t left = at_ns - now;
        const timespec timeout{static_cast<time_t>(left / kSecond), static_cast<long>(left % kSecond)};
        pollfd fd{wake, POLLIN, 0};
        ppoll(&fd, 1, &timeout, nullptr);
    }
    return !asked;
}

bool burn_cpu(std::uint64_t ns)
{
    volatile std::uint64_t work = 0;
    for (const std::uint64_t end = thread_cpu_ns() + ns; thread_cpu_ns() < end;) {
        if (asked)
            return false;
        for (int i = 0; i < 200; ++i)
            work = work + 1;
    }
    return true;
}

}  // namespace workload
