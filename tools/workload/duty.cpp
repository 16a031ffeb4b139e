// SPDX-License-Identifier: Apache-2.0
// duty SECONDS --busy-us X --period-us Y: runs for X out of every Y microseconds.
#include "system.hpp"
#include "truth.hpp"
#include "verbs.hpp"

namespace workload {

int duty(const Args& args)
{
    const auto length = static_cast<std::uint64_t>(args.seconds(0, "SECONDS") * 1e9);
    const std::uint64_t busy = args.option("--busy-us", std::uint64_t{1000}) * 1000;
    const std::uint64_t period = args.option("--period-us", std::uint64_t{10000}) * 1000;
    if (busy >= period)
        throw UsageError("--busy-us is to be less than --period-us");

    const std::uint64_t start = now_ns(), cpu = thread_cpu_ns();
    std::uint64_t rounds = 0, late = 0;
    for (std::uint64_t next = start; next < start + length; next += period, ++rounds) {
        const std::uint64_t now = now_ns();
        if (now < next) {
            sleep_ns(next - now);
        } else if (now > next + period) {
            ++late;
        }
        spin_until(now_ns() + busy);
    }
    return Truth("duty")
        .add("wall_ns", now_ns() - start)
        .add("cpu_ns", thread_cpu_ns() - cpu)
        .add("rounds", rounds)
        .add("late", late)
        .print();
}

}  // namespace workload
