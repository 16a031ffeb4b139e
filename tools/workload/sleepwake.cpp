// SPDX-License-Identifier: Apache-2.0
// sleepwake N [--period-us P]: goes to sleep N times.
#include "system.hpp"
#include "truth.hpp"
#include "verbs.hpp"

namespace workload {

int sleepwake(const Args& args) {
    const std::uint64_t wanted = args.number(0, "N");
    const std::uint64_t period = args.option("--period-us", std::uint64_t{1000}) * 1000;
    const std::uint64_t start = now_ns();
    for (std::uint64_t i = 0; i < wanted; ++i) sleep_ns(period);
    return Truth("sleepwake").add("wakeups", wanted).add("wall_ns", now_ns() - start).print();
}

}  // namespace workload
