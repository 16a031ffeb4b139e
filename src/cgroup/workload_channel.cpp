// SPDX-License-Identifier: Apache-2.0
#include "flyball/cgroup/workload_channel.hpp"

#include "flyball/base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace flyball::cgroup {

namespace {

constexpr std::size_t kPieceBytes = 65536;

struct Piece {
    ssize_t got = 0;  // 0: the end, or nothing there
    int errnum = 0;
};

// Appends what one read gives. offset: nullptr for a pipe.
Piece read_piece(int fd, std::string& into, const std::uint64_t* offset)
{
    const std::size_t before = into.size();
    into.resize(before + kPieceBytes);
    Piece piece;
    do {
        piece.got = offset == nullptr ? ::read(fd, into.data() + before, kPieceBytes)
                                      : ::pread(fd, into.data() + before, kPieceBytes, static_cast<off_t>(*offset));
        piece.errnum = piece.got < 0 ? errno : 0;
    } while (piece.errnum == EINTR);
    into.resize(before + static_cast<std::size_t>(std::max<ssize_t>(piece.got, 0)));
    return piece;
}

Result<bool> drain(int fd, std::string& into, std::string_view name)
{
    const std::size_t before = into.size();
    while (into.size() - before < kWorkloadPipeBytes) {
        const Piece piece = read_piece(fd, into, nullptr);
        if (piece.errnum != 0 && piece.errnum != EAGAIN)
            return std::unexpected(errno_error(ErrorKind::Io, fmt::format("reading {}", name), piece.errnum));
        if (piece.got <= 0)
            break;
    }
    return into.size() > before;
}

// The descriptor would take the place of one that the command inherits from whoever started us.
bool inherited(int number)
{
    const int flags = ::fcntl(number, F_GETFD);
    return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

int number_for_child(const process::SpawnOptions& options, int otherwise)
{
    for (int number = 9; number >= 3; --number) {
        const auto taken = [number](const process::SpawnOptions::Descriptor& other) {
            return (other.as < 0 ? other.fd : other.as) == number;
        };
        if (!inherited(number) && std::ranges::none_of(options.descriptors, taken))
            return number;
    }
    return otherwise;
}

}  // namespace

Result<WorkloadPipe> WorkloadPipe::make()
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "making a pipe for metrics", errno));
    WorkloadPipe made{UniqueFd(ends[0]), UniqueFd(ends[1])};
    // Of the reading end's file description only: the other end has its own.
    if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "making a pipe for metrics", errno));
    (void)::fcntl(ends[0], F_SETPIPE_SZ, static_cast<int>(kWorkloadPipeBytes));
    // Opening /proc/self/fd/N asks the inode for permission: also a command that changes its user may tell.
    (void)::fchmod(ends[1], S_IRUSR | S_IWUSR | S_IWGRP | S_IWOTH);
    return made;
}

Result<bool> WorkloadPipe::read(std::string& into) const
{
    return drain(read_.get(), into, "what the command tells");
}

std::size_t WorkloadPipe::capacity() const
{
    return static_cast<std::size_t>(std::max(::fcntl(read_.get(), F_GETPIPE_SZ), 0));
}

void WorkloadPipe::give_metrics(process::SpawnOptions& options) const
{
    const int number = number_for_child(options, write_.get());
    options.descriptors.push_back({.fd = write_.get(), .as = number});
    options.environment.push_back(fmt::format("FLYBALL_METRICS=/proc/self/fd/{}", number));
    options.environment.push_back(fmt::format("FLYBALL_METRICS_FD={}", number));
}

Result<WorkloadFile> WorkloadFile::open(const std::string& path)
{
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0)
        return std::unexpected(errno_error(errno == EACCES ? ErrorKind::Unavailable : ErrorKind::Usage,
                                           fmt::format("opening '{}' for metrics", path), errno,
                                           "make it first: mkfifo FILE, or touch FILE"));
    const bool fifo = S_ISFIFO(status.st_mode);
    if (!fifo && !S_ISREG(status.st_mode))
        return fail(ErrorKind::Usage, fmt::format("'{}' is neither a FIFO nor a file", path),
                    "make it first: mkfifo FILE, or touch FILE");
    // Open for writing too, a FIFO never ends, and its writers need not wait for us; it may be forbidden.
    auto fd = open_fd(path, O_NONBLOCK | (fifo ? O_RDWR : O_RDONLY));
    if (!fd && fifo)
        fd = open_fd(path, O_NONBLOCK | O_RDONLY);
    if (!fd)
        return std::unexpected(std::move(fd.error()));
    WorkloadFile made(path, std::move(*fd), fifo);
    if (auto skipped = made.skip_to_end(); !skipped)
        return std::unexpected(std::move(skipped.error()));
    return made;
}

Result<> WorkloadFile::skip_to_end()
{
    if (fifo_)
        return {};
    const off_t end = ::lseek(fd_.get(), 0, SEEK_END);
    if (end < 0)
        return std::unexpected(errno_error(ErrorKind::Io, fmt::format("reading '{}'", path_), errno));
    offset_ = static_cast<std::uint64_t>(end);
    char last = '\n';
    within_line_ = end > 0 && ::pread(fd_.get(), &last, 1, end - 1) == 1 && last != '\n';
    return {};
}

Result<bool> WorkloadFile::read(std::string& into)
{
    if (fifo_)
        return drain(fd_.get(), into, path_);
    auto grown = read_grown(into);
    if (!grown || *grown || !replaced())
        return grown;
    return read_grown(into);
}

// Another file has the name now: goes over to it. What the former still had was read before.
bool WorkloadFile::replaced()
{
    struct stat named{}, ours{};
    if (::stat(path_.c_str(), &named) != 0 || ::fstat(fd_.get(), &ours) != 0 || !S_ISREG(named.st_mode))
        return false;
    if (named.st_ino == ours.st_ino && named.st_dev == ours.st_dev)
        return false;
    auto fresh = open_fd(path_, O_NONBLOCK | O_RDONLY);
    if (!fresh)
        return false;
    fd_ = std::move(*fresh);
    offset_ = 0;
    within_line_ = false;
    return true;
}

Result<bool> WorkloadFile::read_grown(std::string& into)
{
    const std::size_t before = into.size();
    struct stat status{};
    if (::fstat(fd_.get(), &status) == 0 && static_cast<std::uint64_t>(status.st_size) < offset_) {
        offset_ = 0;
        within_line_ = false;
        into += '\n';  // ends a line that was begun before
    }
    while (into.size() - before < kWorkloadPipeBytes) {
        const std::size_t from = into.size();
        const Piece piece = read_piece(fd_.get(), into, &offset_);
        if (piece.errnum != 0)
            return std::unexpected(errno_error(ErrorKind::Io, fmt::format("reading '{}'", path_), piece.errnum));
        if (piece.got <= 0)
            break;
        offset_ += static_cast<std::uint64_t>(piece.got);
        if (within_line_) {
            const auto end = into.find('\n', from);
            within_line_ = end == std::string::npos;
            into.erase(from, within_line_ ? std::string::npos : end + 1 - from);
        }
    }
    return into.size() > before;
}

}  // namespace flyball::cgroup
