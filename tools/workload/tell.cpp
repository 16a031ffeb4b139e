// SPDX-License-Identifier: Apache-2.0
#include "tell.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace workload {

namespace {

constexpr std::uint64_t kEveryNs = 10'000'000;
constexpr std::size_t kAtOnce = 4096;  // PIPE_BUF: written as a whole or not at all
constexpr std::size_t kMostKept = std::size_t{1} << 20U;

std::string line(const char* word, double units)
{
    char text[64];
    std::snprintf(text, sizeof text, "%s %.9g\n", word, units);
    return text;
}

}  // namespace

// Opened anew: O_NONBLOCK belongs to the file description, which others may have as well.
Tell::Tell()
{
    const char* number = std::getenv("FLYBALL_METRICS_FD");
    if (number == nullptr || *number == '\0')
        return;
    const std::string path = std::string("/proc/self/fd/") + number;
    fd_ = Fd(open(path.c_str(), O_WRONLY | O_NONBLOCK | O_APPEND | O_CLOEXEC));
    if (fd_.get() < 0)
        fail_errno("opening $FLYBALL_METRICS_FD");
    std::signal(SIGPIPE, SIG_IGN);
}

void Tell::done(double units)
{
    const std::scoped_lock lock(mutex_);
    done_ += units;
    flush_when_due();
}

void Tell::fail(double units)
{
    const std::scoped_lock lock(mutex_);
    failed_ += units;
    flush_when_due();
}

void Tell::op(std::uint64_t latency_ns)
{
    const std::scoped_lock lock(mutex_);
    if (fd_.get() < 0)
        return;
    if (kept_.size() < kMostKept) {
        kept_ += "op " + std::to_string(latency_ns) + "ns\n";
    } else {
        ++dropped_;
    }
    flush_when_due();
}

void Tell::flush()
{
    const std::scoped_lock lock(mutex_);
    end_sums();
    write_kept();
}

void Tell::flush_when_due()
{
    if (fd_.get() < 0)
        return;
    const std::uint64_t now = now_ns();
    if (now - last_ns_ < kEveryNs)
        return;
    last_ns_ = now;
    end_sums();
    write_kept();
}

// While there is no room sums grow and lose nothing.
void Tell::end_sums()
{
    if (fd_.get() < 0 || kept_.size() >= kMostKept)
        return;
    if (done_ > 0)
        kept_ += line("done", done_);
    if (failed_ > 0)
        kept_ += line("fail", failed_);
    done_ = failed_ = 0;
}

void Tell::write_kept()
{
    std::size_t at = 0;
    while (at < kept_.size()) {
        std::size_t end = std::min(at + kAtOnce, kept_.size());
        end = kept_.rfind('\n', end - 1) + 1;
        const ssize_t written = write(fd_.get(), kept_.data() + at, end - at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno != EAGAIN)
            fd_.reset();  // nobody is there any more
        if (written <= 0)
            break;
        at += static_cast<std::size_t>(written);
    }
    kept_.erase(0, at);
}

}  // namespace workload
