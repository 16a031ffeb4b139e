// SPDX-License-Identifier: Apache-2.0
// Where a workload's own words arrive (docs/workload-metrics.md): pipes for a command that is started, a FIFO or a
// growing file for a cgroup that runs already. Reading never blocks. Not thread-safe.
//
// A pipe of which nobody reads fills, and its writer then waits. So that a workload is not held up by its telling, a
// WorkloadPipe holds kWorkloadPipeBytes, and its reader must drain it often. The writer's end stays an ordinary,
// blocking one: a shell's echo would fail with EAGAIN otherwise, and what it told would be lost. When the reader's
// process ends, writing gives EPIPE: nothing waits for ever.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"
#include "flyball/process/child.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace flyball::cgroup {

// What one may set without privilege (/proc/sys/fs/pipe-max-size), F_SETPIPE_SZ in fcntl(2). Where less is allowed, it
// is what the kernel gives by itself, 64 KiB.
inline constexpr std::size_t kWorkloadPipeBytes = std::size_t{1} << 20U;

class WorkloadPipe {
public:
    [[nodiscard]] static Result<WorkloadPipe> make();

    // For poll().
    [[nodiscard]] int fd() const { return read_.get(); }
    // Appends what is there, kWorkloadPipeBytes at most. False: there was nothing.
    [[nodiscard]] Result<bool> read(std::string& into) const;
    [[nodiscard]] std::size_t capacity() const;

    // The command gets it as its metrics: $FLYBALL_METRICS, a path that any process with the descriptor opens, whoever
    // it is, and $FLYBALL_METRICS_FD, of one digit where such a number is free, since a POSIX shell knows no others.
    // This end stays open here, so that one pipe may serve several commands in turn.
    void give_metrics(process::SpawnOptions& options) const;
    // The command gets it as its standard output. Reading then never ends by itself either: the command's exit is
    // what tells.
    void give_output(process::SpawnOptions& options) const { options.stdout_fd = write_.get(); }

private:
    WorkloadPipe(UniqueFd read, UniqueFd write) : read_(std::move(read)), write_(std::move(write)) {}
    UniqueFd read_, write_;
};

// A FIFO, or a regular file from its end on, a line begun there left out. A file that is shortened (`> FILE`) or
// replaced (renamed, made anew) is read from its beginning; one that is shortened and grows beyond its former length
// between two reads is not noticed.
class WorkloadFile {
public:
    // Usage: it does not exist, or is neither. Unavailable: it may not be read.
    [[nodiscard]] static Result<WorkloadFile> open(const std::string& path);

    // Appends what came since, kWorkloadPipeBytes at most. False: nothing. A file that is gone gives nothing until it
    // is there again.
    [[nodiscard]] Result<bool> read(std::string& into);

private:
    WorkloadFile(std::string path, UniqueFd fd, bool fifo) : path_(std::move(path)), fd_(std::move(fd)), fifo_(fifo) {}
    Result<> skip_to_end();
    Result<bool> read_grown(std::string& into);
    bool replaced();

    std::string path_;
    UniqueFd fd_;
    bool fifo_;
    std::uint64_t offset_ = 0;
    bool within_line_ = false;  // until its newline, what is read is the rest of a line
};

}  // namespace flyball::cgroup
