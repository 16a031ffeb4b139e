// SPDX-License-Identifier: Apache-2.0
// A command, started inside a cgroup and held before its exec until told to go.
//
// The child inherits stdin, stdout, stderr, environment, working directory and process group (so that Ctrl-C
// at a terminal reaches it too), gets SIGINT, SIGTERM and SIGHUP unblocked, and dies by SIGKILL when the
// thread that spawned it does (PR_SET_PDEATHSIG; the kernel clears that when it executes a set-uid file). Not
// thread-safe.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"
#include "flyball/process/birth.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flyball::process {

struct ExitStatus {
    int code = 0;    // of exit(), when signal is 0
    int signal = 0;  // that killed it
    bool core_dumped = false;
    std::uint64_t cpu_ns = 0;  // user and system, of it and its reaped children
    // As a shell says it: code, or 128 + signal.
    [[nodiscard]] int shell_code() const { return signal != 0 ? 128 + signal : code; }
};

// Whether release() would get this command executed, as far as looking tells: found as execvp() does it, a
// file, executable, its interpreter (#!) as well. Usage, with a hint, otherwise. For before anything is set
// up for the command.
[[nodiscard]] Result<> check_command(const std::vector<std::string>& command);

// What the child has beside what it inherits anyway.
struct SpawnOptions {
    // A descriptor of ours, at this number in the child (-1: the same), open also after its exec.
    struct Descriptor {
        int fd = -1;
        int as = -1;
    };
    std::vector<std::string> environment;  // NAME=VALUE; replaces a NAME that is there
    std::vector<Descriptor> descriptors;   // each number once
    int stdout_fd = -1;                    // becomes its standard output; -1: ours

    // Its standard error, and its standard output unless that goes elsewhere already. Once at most.
    void output_to(int fd);
};

class Child {
public:
    // Starts the child there ({}: stays in our cgroups) and returns when it waits at the gate.
    // Usage: empty command. Unavailable or Io: fork or moving failed. Our descriptors stay ours.
    [[nodiscard]] static Result<Child> spawn(const std::vector<std::string>& command, const Place& place,
                                             const SpawnOptions& options = {});
    // Kills it, if it still runs, and reaps it.
    ~Child();
    Child(Child&& other) noexcept;
    Child& operator=(Child&&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }
    // Readable (poll) when the child has exited; -1 on kernels without pidfd_open (before v5.3).
    [[nodiscard]] int pidfd() const { return pidfd_.get(); }

    // Opens the gate and returns when the command has been executed. Usage: it could not be; the child
    // then exits with 127 or 126. Calling it again does nothing.
    [[nodiscard]] Result<> release();

    // nullopt: still running after the time (negative: wait for ever). Once it has exited the answer stays.
    [[nodiscard]] Result<std::optional<ExitStatus>> wait_ms(int timeout_ms);
    [[nodiscard]] Result<> send_signal(int number) const;

private:
    Child(pid_t pid, UniqueFd pidfd, UniqueFd gate, UniqueFd status, std::string name);
    Result<bool> reap(int options);

    pid_t pid_ = -1;
    UniqueFd pidfd_;
    UniqueFd gate_;    // one byte opens it
    UniqueFd status_;  // what the child reports; closed by its exec
    std::string name_;
    std::optional<ExitStatus> exit_;
};

}  // namespace flyball::process
