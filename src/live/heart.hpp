// SPDX-License-Identifier: Apache-2.0
// Signs of life for the watchdog while the main thread thinks: only as long as that one has been heard of, so that a
// flyball that hangs loses its limits as one that was killed does.
#pragma once

#include "flyball/cgroup/actuator.hpp"

#include <atomic>
#include <cstdint>
#include <thread>

namespace flyball::live {

class Heart {
public:
    // The actuator outlives it, and nobody else reverts it meanwhile.
    explicit Heart(cgroup::Actuator& actuator);

    // The main thread is well.
    void heard();

private:
    std::atomic<std::uint64_t> heard_ns_;
    std::jthread thread_;  // last: it uses what is above
};

}  // namespace flyball::live
