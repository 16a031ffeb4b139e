// SPDX-License-Identifier: Apache-2.0
// Waiting, as everything that runs against this machine does it: for descriptors, for a time, for a stop. Not
// thread-safe.
#pragma once

#include "flyball/base/clock.hpp"
#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"

#include <poll.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace flyball::live {

class Loop {
public:
    // Both outlive it.
    explicit Loop(StopToken& stop, Clock& clock = system_clock());

    // Wakes up when it is readable; -1: nothing to watch.
    void watch(int fd);

    enum class End { Done, Time, Stop };
    static constexpr std::uint64_t kForever = ~std::uint64_t{0};
    // Calls round when a descriptor is readable, and at least every tick, until it answers false (Done), a stop was
    // asked for, or it is until_ns. round is told the time and has the last word: it is called once more at the end.
    using Round = std::function<Result<bool>(std::uint64_t now_ns)>;
    [[nodiscard]] Result<End> run(std::uint64_t tick_ns, std::uint64_t until_ns, const Round& round);

    // One wait of at most so long.
    void wait(std::uint64_t at_most_ns);
    [[nodiscard]] std::uint64_t now_ns() const { return clock_.monotonic_ns(); }
    [[nodiscard]] StopToken& stop() { return stop_; }

private:
    StopToken& stop_;
    Clock& clock_;
    std::vector<pollfd> fds_;
};

}  // namespace flyball::live
