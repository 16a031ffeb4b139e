// SPDX-License-Identifier: Apache-2.0
// The two clocks that flyball uses, in nanoseconds. Thread-safe, except ManualClock.
#pragma once

#include <poll.h>

#include <cstdint>
#include <span>

namespace flyball {

// CLOCK_MONOTONIC: the base of bpf_ktime_get_ns(), stops during suspend.
[[nodiscard]] std::uint64_t monotonic_ns();

// CLOCK_REALTIME: only to tell people when something was.
[[nodiscard]] std::uint64_t realtime_ns();

// Time, passed in, so that what waits or measures can be tested without waiting.
class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual std::uint64_t monotonic_ns() const = 0;
    [[nodiscard]] virtual std::uint64_t realtime_ns() const = 0;
    // Sleeps at most this long; a signal may end it earlier, and the caller looks at the time again.
    virtual void sleep_ns(std::uint64_t duration_ns) = 0;
    // Sleeps until one of the descriptors is as asked for (poll(2)), at most this long.
    virtual void wait(std::span<pollfd> fds, std::uint64_t at_most_ns) = 0;
};

// The machine's clocks. One object for all; it has no state.
[[nodiscard]] Clock& system_clock();

// Moves only when told, or when slept on. Not thread-safe.
class ManualClock final : public Clock {
public:
    explicit ManualClock(std::uint64_t monotonic = 0, std::uint64_t realtime = 0)
        : monotonic_(monotonic), realtime_(realtime)
    {
    }
    [[nodiscard]] std::uint64_t monotonic_ns() const override { return monotonic_; }
    [[nodiscard]] std::uint64_t realtime_ns() const override { return realtime_; }
    void sleep_ns(std::uint64_t duration_ns) override { advance_ns(duration_ns); }
    // What is ready at once takes no time.
    void wait(std::span<pollfd> fds, std::uint64_t at_most_ns) override
    {
        if (::poll(fds.data(), fds.size(), 0) <= 0)
            advance_ns(at_most_ns);
    }
    void advance_ns(std::uint64_t duration_ns)
    {
        monotonic_ += duration_ns;
        realtime_ += duration_ns;
    }

private:
    std::uint64_t monotonic_;
    std::uint64_t realtime_;
};

}  // namespace flyball
