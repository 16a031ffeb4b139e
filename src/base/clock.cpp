// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/clock.hpp"

#include <ctime>

namespace flyball {

namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

std::uint64_t read_clock(clockid_t id)
{
    timespec now{};
    ::clock_gettime(id, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * kNsPerSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

class SystemClock final : public Clock {
public:
    [[nodiscard]] std::uint64_t monotonic_ns() const override { return flyball::monotonic_ns(); }
    [[nodiscard]] std::uint64_t realtime_ns() const override { return flyball::realtime_ns(); }
    void sleep_ns(std::uint64_t duration_ns) override
    {
        const timespec duration{.tv_sec = static_cast<time_t>(duration_ns / kNsPerSecond),
                                .tv_nsec = static_cast<long>(duration_ns % kNsPerSecond)};
        ::clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, nullptr);
    }
    void wait(std::span<pollfd> fds, std::uint64_t at_most_ns) override
    {
        const timespec most{.tv_sec = static_cast<time_t>(at_most_ns / kNsPerSecond),
                            .tv_nsec = static_cast<long>(at_most_ns % kNsPerSecond)};
        (void)::ppoll(fds.data(), fds.size(), &most, nullptr);
    }
};

}  // namespace

std::uint64_t monotonic_ns()
{
    return read_clock(CLOCK_MONOTONIC);
}
std::uint64_t realtime_ns()
{
    return read_clock(CLOCK_REALTIME);
}

Clock& system_clock()
{
    static SystemClock clock;
    return clock;
}

}  // namespace flyball
