// SPDX-License-Identifier: Apache-2.0
// A process that undoes something when its owner dies or falls silent. Not thread-safe.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"

#include <sys/types.h>

#include <chrono>
#include <functional>

namespace flyball::process {

class Watchdog {
public:
    // It forks: call it while the process has one thread. undo: runs in the watchdog, when it hears nothing for so
    // long.
    [[nodiscard]] static Result<Watchdog> start(std::chrono::milliseconds lease, const std::function<void()>& undo);
    // As without a word: it undoes.
    ~Watchdog();
    Watchdog(Watchdog&& other) noexcept;
    Watchdog& operator=(Watchdog&&) = delete;

    // False: it is not there any more. It has undone everything, or was killed.
    [[nodiscard]] bool beat() const;
    // Everything is undone already: it may go. Waits for that.
    void dismiss();

private:
    Watchdog(pid_t pid, UniqueFd line) : pid_(pid), line_(std::move(line)) {}
    pid_t pid_ = -1;
    UniqueFd line_;
};

}  // namespace flyball::process
