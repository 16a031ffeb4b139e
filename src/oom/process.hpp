// SPDX-License-Identifier: Apache-2.0
// A process of a scenario: what it does with memory, and what has become of it.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flyball::oom {

struct Job {
    enum class Kind {
        Sit,    // touches its memory, says so, and waits
        Grow,   // the same, and at a word takes more and more, up to a bound
        Fork,   // the same, and at a word makes children, each with a little memory, without end
        Share,  // makes another process that shares its memory (CLONE_VM), and is otherwise Grow
        // Shared memory (as in a tmpfs), mapped; at a word more of it, by write(2): where there is none left that gives
        // an error, which it takes a few times, while a page fault would be tried again without end.
        Shared,
        Command,  // the user's
    };
    Kind kind = Kind::Sit;
    std::uint64_t bytes = 0;           // touched before it is ready
    std::uint64_t grow_to = 0;         // Grow: at most so much
    bool mapped = true;                // Shared: what is not mapped is nobody's resident memory, as a file in a tmpfs
    int oom_score_adj = 0;             // lower than ours takes CAP_SYS_RESOURCE
    std::string name = "flyball-oom";  // comm, at most 15 bytes
    std::vector<std::string> command;
    int out = -1;  // Command: its standard output, 2 at most; -1: ours
};

struct Ended {
    int signal = 0;
    int code = 0;
    std::uint64_t at_ns = 0;  // when it was noticed
};

class Process {
public:
    // Forks into the cgroup whose cgroup.procs this is. A sign of readiness comes when its memory is touched.
    [[nodiscard]] static Result<Process> start(const Job& job, const std::string& procs_file);
    // Kills it, if it still runs, and reaps it.
    ~Process();
    Process(Process&& other) noexcept;
    Process& operator=(Process&&) = delete;

    [[nodiscard]] std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }
    [[nodiscard]] std::uint32_t sharer() const { return sharer_; }  // Share: the other one
    // Has it touched its memory (or, a command, been started)?
    [[nodiscard]] bool ready();
    // Grow, Fork, Share: now.
    void go();
    // nullopt: it runs.
    [[nodiscard]] std::optional<Ended> ended();
    // It ended before it began, since its oom_score_adj may not be set here.
    [[nodiscard]] bool adj_refused();
    void kill() const;

private:
    Process(pid_t pid, UniqueFd gate, UniqueFd sign) : pid_(pid), gate_(std::move(gate)), sign_(std::move(sign)) {}

    pid_t pid_ = -1;
    UniqueFd gate_, sign_;
    bool ready_ = false;
    std::uint32_t sharer_ = 0;
    std::optional<Ended> ended_;
};

}  // namespace flyball::oom
