// SPDX-License-Identifier: Apache-2.0
// What the verbs ask of the system: clocks, pinning, cgroups, descriptors, children.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace workload {

[[nodiscard]] std::uint64_t now_ns();         // CLOCK_MONOTONIC
[[nodiscard]] std::uint64_t thread_cpu_ns();  // of the calling thread
void sleep_ns(std::uint64_t ns);
void spin_until(std::uint64_t deadline_ns);

// Throws std::system_error with errno and what was being done.
[[noreturn]] void fail_errno(const std::string& doing);

// Keeps the calling thread, and what it starts, on one CPU.
void pin(std::uint64_t cpu);

// Moves the calling process into the cgroup of that directory.
void enter_cgroup(const std::string& directory);

class Fd {
public:
    explicit Fd(int fd = -1) : fd_(fd) {}
    ~Fd() { reset(); }
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept
    {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    [[nodiscard]] int get() const { return fd_; }
    void reset();

private:
    int fd_;
};

struct Pipe {
    Fd read, write;
    static Pipe make();
    // Blocks until all writers are gone: how children wait to be let go, also when the parent was killed.
    void wait_for_end();
};

// A child that runs body and exits with what it returns; -1 and errno when fork fails.
[[nodiscard]] pid_t fork_child(const std::function<int()>& body);

// Waits for one child; gives its wait status.
int wait_for(pid_t child);

}  // namespace workload
