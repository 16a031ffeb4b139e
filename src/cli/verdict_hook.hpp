// SPDX-License-Identifier: Apache-2.0
// A user's command for each verdict: `sh -c CMD` with the verdict's JSON on its standard input.
// Commands run beside the watch, a few at once, the others wait their turn; none is dropped.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"

#include <sys/types.h>

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::cli {

class VerdictHook {
public:
    explicit VerdictHook(std::string command) : command_(std::move(command)) {}
    ~VerdictHook();
    VerdictHook(const VerdictHook&) = delete;
    VerdictHook& operator=(const VerdictHook&) = delete;

    void run(std::string_view json);
    // Takes in those that ended, starts those that wait.
    void tick();
    // Waits until all have ended, or for that long, or until a stop is asked for: they end without us as well.
    void finish(int patience_ms, StopToken& stop);
    // That could not be started, were killed, or did not end with 0.
    [[nodiscard]] std::size_t failed() const { return failed_; }
    [[nodiscard]] bool idle() const { return running_.empty() && waiting_.empty(); }

private:
    [[nodiscard]] Result<pid_t> start(std::string_view json) const;

    std::string command_;
    std::vector<pid_t> running_;
    std::deque<std::string> waiting_;
    std::size_t failed_ = 0;
};

}  // namespace flyball::cli
