// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/loop.hpp"

#include <algorithm>

namespace flyball::live {

Loop::Loop(StopToken& stop, Clock& clock) : stop_(stop), clock_(clock)
{
    watch(stop.fd());
}

void Loop::watch(int fd)
{
    if (fd >= 0)
        fds_.push_back({.fd = fd, .events = POLLIN, .revents = 0});
}

void Loop::wait(std::uint64_t at_most_ns)
{
    clock_.wait(fds_, at_most_ns);
}

Result<Loop::End> Loop::run(std::uint64_t tick_ns, std::uint64_t until_ns, const Round& round)
{
    for (;;) {
        const std::uint64_t before_ns = clock_.monotonic_ns();
        wait(std::min(tick_ns, until_ns - std::min(until_ns, before_ns)));
        const std::uint64_t now_ns = clock_.monotonic_ns();
        const auto more = round(now_ns);
        if (!more)
            return std::unexpected(more.error());
        if (stop_.requested())
            return End::Stop;
        if (!*more)
            return End::Done;
        if (now_ns >= until_ns)
            return End::Time;
    }
}

}  // namespace flyball::live
