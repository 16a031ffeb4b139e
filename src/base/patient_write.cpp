// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/patient_write.hpp"

#include "flyball/base/clock.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <csignal>

namespace flyball {

namespace {

constexpr int kLookMs = 50;
// What a pipe takes whole when poll() says that it takes something (pipe(7), PIPE_BUF).
constexpr std::size_t kPiece = 4096;
// What everybody may make of a pipe (/proc/sys/fs/pipe-max-size).
constexpr std::size_t kMostPipeBytes = std::size_t{1} << 20U;

// A pipe that takes all of it needs no reader to hurry.
void make_room(int fd, std::size_t bytes)
{
    const int now = ::fcntl(fd, F_GETPIPE_SZ);
    int queued = 0;
    if (now < 0 || ::ioctl(fd, FIONREAD, &queued) != 0)
        return;
    // Its pages are not shared between writers, nor need the last one be full.
    const std::size_t wanted = std::min(static_cast<std::size_t>(queued) + bytes + 2 * kPiece, kMostPipeBytes);
    if (static_cast<std::size_t>(now) < wanted)
        (void)::fcntl(fd, F_SETPIPE_SZ, static_cast<int>(std::bit_ceil(wanted)));
}

bool may_block(int fd)
{
    struct stat status{};
    return ::fstat(fd, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISBLK(status.st_mode));
}

bool over(const Patience& patience, std::uint64_t now_ns)
{
    return now_ns >= patience.until_ns || (patience.stop != nullptr && patience.stop->requested());
}

// True: it takes something. False: nobody reads, and it is over.
Result<bool> wait_for_room(int fd, const Patience& patience, std::uint64_t taken_ns)
{
    for (;;) {
        std::array<pollfd, 2> fds{{{.fd = fd, .events = POLLOUT, .revents = 0},
                                   {.fd = patience.stop != nullptr ? patience.stop->fd() : -1, .events = POLLIN}}};
        if (::poll(fds.data(), fds.size(), kLookMs) < 0 && errno != EINTR)
            return std::unexpected(errno_error(ErrorKind::Io, "waiting for a reader", errno));
        if (fds[0].revents != 0)
            return true;
        const std::uint64_t now_ns = monotonic_ns();
        if (over(patience, now_ns) && now_ns - taken_ns >= kReaderPatienceNs)
            return false;
    }
}

}  // namespace

Result<> write_patiently(int fd, std::string_view bytes, const Patience& patience)
{
    const bool blocks = may_block(fd);
    if (blocks)
        make_room(fd, bytes.size());
    for (std::uint64_t taken_ns = monotonic_ns(); !bytes.empty(); taken_ns = monotonic_ns()) {
        if (blocks) {
            auto room = wait_for_room(fd, patience, taken_ns);
            if (!room)
                return std::unexpected(std::move(room.error()));
            if (!*room && patience.stop != nullptr && patience.stop->requested())
                return std::unexpected(patience.stop->interrupted());
            if (!*room)
                return fail(ErrorKind::Io, "nobody reads the output, and the time is over: the rest of it is missing");
        }
        const ssize_t put = ::write(fd, bytes.data(), blocks ? std::min(bytes.size(), kPiece) : bytes.size());
        if (put >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(put));
        else if (errno == EPIPE)
            return std::unexpected(
                Error{.kind = ErrorKind::Interrupted, .what = "the reader has gone", .hint = {}, .signal = SIGPIPE});
        else if (errno != EINTR && errno != EAGAIN)
            return std::unexpected(errno_error(ErrorKind::Io, "writing", errno));
    }
    return {};
}

int open_patiently(const char* path, int flags, unsigned mode, const Patience& patience)
{
    for (;;) {
        const int fd = ::open(path, flags | O_NONBLOCK, mode);
        if (fd >= 0) {
            (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
            return fd;
        }
        if (errno == EINTR)
            continue;
        if (errno != ENXIO)
            return fd;
        // A FIFO that nobody has opened for reading yet; a socket never is.
        struct stat status{};
        if (::stat(path, &status) != 0 || !S_ISFIFO(status.st_mode)) {
            errno = ENXIO;
            return -1;
        }
        if (over(patience, monotonic_ns())) {
            errno = EINTR;
            return -1;
        }
        if (patience.stop != nullptr)
            (void)patience.stop->wait_ms(kLookMs);
        else
            ::usleep(kLookMs * 1000);
    }
}

}  // namespace flyball
