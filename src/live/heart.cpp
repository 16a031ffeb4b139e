// SPDX-License-Identifier: Apache-2.0
#include "heart.hpp"

#include "flyball/base/clock.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace flyball::live {
namespace {

constexpr std::chrono::milliseconds kBeat{500};
// A write to memory.high comes back when the kernel has reclaimed, and nothing else takes a second.
constexpr std::uint64_t kBeatPatienceNs = 30'000'000'000;

}  // namespace

Heart::Heart(cgroup::Actuator& actuator)
    : heard_ns_(monotonic_ns()), thread_([this, &actuator](const std::stop_token& stop) {
          std::mutex mutex;
          std::condition_variable_any wake;
          while (!stop.stop_requested()) {
              if (monotonic_ns() - heard_ns_.load() < kBeatPatienceNs)
                  (void)actuator.beat();
              std::unique_lock lock(mutex);
              (void)wake.wait_for(lock, stop, kBeat, [] { return false; });
          }
      })
{
}

void Heart::heard()
{
    heard_ns_.store(monotonic_ns());
}

}  // namespace flyball::live
