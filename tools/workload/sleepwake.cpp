// SPDX-License-Identifier: Apache-2.0
// sleepwake N [--period-us P]: asks for sleep N times. How often it truly went to sleep the kernel says (ru_nvcsw): a
// timer that fires before its task has left the CPU wakes nobody.
#include "system.hpp"
#include "truth.hpp"
#include "verbs.hpp"

#include <sys/resource.h>

namespace workload {

namespace {

std::uint64_t voluntary_switches()
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_nvcsw);
}

}  // namespace

int sleepwake(const Args& args)
{
    const std::uint64_t wanted = args.number(0, "N");
    const std::uint64_t period = args.option("--period-us", std::uint64_t{1000}) * 1000;
    const std::uint64_t start = now_ns(), before = voluntary_switches();
    for (std::uint64_t i = 0; i < wanted; ++i)
        sleep_ns(period);
    return Truth("sleepwake")
        .add("asked", wanted)
        .add("wakeups", voluntary_switches() - before)
        .add("wall_ns", now_ns() - start)
        .print();
}

}  // namespace workload
