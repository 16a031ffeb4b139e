// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and SIGTERM as a file descriptor, without globals and without code in signal context.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"

#include <csignal>

namespace flyball {

// While one lives, SIGINT, SIGTERM and SIGHUP are blocked in the thread that made it (and in threads
// it starts afterwards) and arrive at a signalfd. Its destruction eats what is still pending of them
// and restores the thread's mask as it was. SIGHUP that was ignored at the start (nohup) stays ignored;
// SIGINT and SIGTERM are heard all the same, as a script's background job has SIGINT ignored, and `kill -INT` is meant.
// Make it before starting threads, destroy it in the thread that made it. Children inherit the mask; process::Child
// unblocks these signals before exec. Not thread-safe, except fd().
class StopSignal {
public:
    [[nodiscard]] static Result<StopSignal> install();
    ~StopSignal();
    StopSignal(StopSignal&& other) noexcept;
    StopSignal& operator=(StopSignal&&) = delete;
    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;

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
    // Waits until a stop is asked for or the time is over. True: asked for.
    [[nodiscard]] bool wait_ms(int timeout_ms);

private:
    StopSignal(UniqueFd fd, const sigset_t& caught, const sigset_t& before)
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
