// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/live_source.hpp"

#include <poll.h>

#include <array>

namespace flyball::live {
namespace {

constexpr int kLiveTickMs = 20;

}  // namespace

Result<std::vector<oom::Judged>> LiveSource::next()
{
    std::array<pollfd, 2> fds{{{live_.poll_fd(), POLLIN, 0}, {stop_.fd(), POLLIN, 0}}};
    (void)::poll(fds.data(), fds.size(), kLiveTickMs);
    return live_.tick();
}

}  // namespace flyball::live
