// SPDX-License-Identifier: Apache-2.0
#include "system.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <exception>
#include <system_error>

namespace workload {

namespace {

std::uint64_t read_clock(clockid_t clock)
{
    timespec ts{};
    clock_gettime(clock, &ts);
    return static_cast<std::uint64_t>(ts.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(ts.tv_nsec);
}

}  // namespace

std::uint64_t now_ns()
{
    return read_clock(CLOCK_MONOTONIC);
}

std::uint64_t thread_cpu_ns()
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void sleep_ns(std::uint64_t ns)
{
    timespec left{static_cast<time_t>(ns / 1'000'000'000U), static_cast<long>(ns % 1'000'000'000U)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

void spin_until(std::uint64_t deadline_ns)
{
    volatile std::uint64_t work = 0;
    while (now_ns() < deadline_ns) {
        for (int i = 0; i < 1000; ++i)
            work = work + 1;
    }
}

void fail_errno(const std::string& doing)
{
    throw std::system_error(errno, std::generic_category(), doing);
}

void pin(std::uint64_t cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<int>(cpu), &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        fail_errno("pinning to CPU " + std::to_string(cpu));
}

void enter_cgroup(const std::string& directory)
{
    const std::string procs = directory + "/cgroup.procs";
    const Fd fd(open(procs.c_str(), O_WRONLY | O_CLOEXEC));
    if (fd.get() < 0 || write(fd.get(), "0", 1) != 1)
        fail_errno("entering " + directory);
}

void Fd::reset()
{
    if (fd_ >= 0)
        close(fd_);
    fd_ = -1;
}

Pipe Pipe::make()
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        fail_errno("pipe");
    return {Fd(fds[0]), Fd(fds[1])};
}

void Pipe::wait_for_end()
{
    write.reset();
    char byte = 0;
    while (true) {
        const ssize_t got = ::read(read.get(), &byte, 1);
        if (got == 0 || (got < 0 && errno != EINTR))
            return;
    }
}

pid_t fork_child(const std::function<int()>& body)
{
    const pid_t child = fork();
    if (child != 0)
        return child;
    int status = 1;
    try {
        status = body();
    } catch (const std::exception&) {  // the parent sees the status
    }
    _exit(status);
}

int wait_for(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            fail_errno("waiting for a child");
    }
    return status;
}

}  // namespace workload
