// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and SIGTERM as a file descriptor, without globals and without code in signal context.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"

#include <csignal>

namespace flyball {

// One a process: made in main, before any thread, and handed to whatever waits. While it lives, SIGINT, SIGTERM and
// SIGHUP are blocked in the thread that made it (and in threads that it starts afterwards) and arrive at a signalfd, so
// that one that comes at any moment is neither lost nor ends the process before it has cleaned up. It is sticky: once
// asked for, a stop stays asked for. Its destruction eats what is still pending of them and restores the thread's mask
// as it was. SIGHUP that was ignored at the start (nohup) stays ignored; SIGINT and SIGTERM are heard all the same, as
// a script's background job has SIGINT ignored, and `kill -INT` is meant. Destroy it in the thread that made it.
// Children inherit the mask; process::give_back_signals() unblocks these signals before an exec. Not thread-safe,
// except fd().
class StopToken {
public:
    [[nodiscard]] static Result<StopToken> install();
    ~StopToken();
    StopToken(StopToken&& other) noexcept;
    StopToken& operator=(StopToken&&) = delete;
    StopToken(const StopToken&) = delete;
    StopToken& operator=(const StopToken&) = delete;

    // Readable (poll) when a stop was asked for and requested() has not seen it yet.
    [[nodiscard]] int fd() const { return fd_.get(); }
    // Takes what arrived; true for ever once anything did.
    [[nodiscard]] bool requested();
    // How many arrived so far: a second Ctrl-C means "now". Does not read; requested() does.
    [[nodiscard]] int count() const { return count_; }
    // The last one, 0: none.
    [[nodiscard]] int signal_number() const { return last_; }
    // What a verb that it ends, ends with.
    [[nodiscard]] Error interrupted() const;
    // For whoever leaves nothing behind: from here on these signals end the process at once, one that is pending too.
    void let_go();
    // Waits until a stop is asked for or the time is over. True: asked for.
    [[nodiscard]] bool wait_ms(int timeout_ms);

private:
    StopToken(UniqueFd fd, const sigset_t& caught, const sigset_t& before)
        : fd_(std::move(fd)), caught_(caught), before_(before)
    {
    }

    UniqueFd fd_;
    sigset_t caught_;
    sigset_t before_;
    int count_ = 0;
    int last_ = 0;
};

}  // namespace flyball
