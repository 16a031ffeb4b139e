// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/live_source.hpp"

#include "flyball/live/loop.hpp"

namespace flyball::live {
namespace {

constexpr std::uint64_t kLiveTickNs = 20'000'000;

}  // namespace

Result<std::vector<oom::Judged>> LiveSource::next()
{
    Loop loop(stop_);
    loop.watch(live_.poll_fd());
    loop.wait(kLiveTickNs);
    return live_.tick();
}

}  // namespace flyball::live
