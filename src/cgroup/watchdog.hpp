// SPDX-License-Identifier: Apache-2.0
// A process that undoes a journal when its owner dies or falls silent.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"

#include <sys/types.h>

#include <chrono>
#include <string>

namespace flyball::cgroup::detail {

class Watchdog {
public:
    [[nodiscard]] static Result<Watchdog> start(const std::string& journal, std::chrono::milliseconds lease);
    // As without a word: it undoes the journal, if there still is one.
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

// Undoes a journal and removes it if that was done in full.
void undo(const std::string& journal);

}  // namespace flyball::cgroup::detail
