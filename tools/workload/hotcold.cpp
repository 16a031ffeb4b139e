// SPDX-License-Identifier: Apache-2.0
// hotcold SECONDS [--hot PERCENT]: one thread computes in two functions by turns, for known shares of its CPU time.
//
// The functions have C names and keep frame pointers (tools/CMakeLists.txt), so that their names and their
// caller's can be told from a stack. They look at the clock seldom: what they do is their own.
#include "system.hpp"
#include "truth.hpp"
#include "verbs.hpp"

#include <cstdint>

namespace {

// No divisor or multiple of a usual sampling period, so that samples and turns do not keep step.
constexpr std::uint64_t kTurnNs = 28'300'000;
constexpr int kStepsBetweenClocks = 100'000;

}  // namespace

#define FLYBALL_TURN(name, operation)                                                                                  \
    extern "C" [[gnu::noinline]] void name(std::uint64_t until_cpu_ns)                                                 \
    {                                                                                                                  \
        volatile std::uint64_t work = 1;                                                                               \
        while (workload::thread_cpu_ns() < until_cpu_ns) {                                                             \
            for (int i = 0; i < kStepsBetweenClocks; ++i)                                                              \
                work = work operation;                                                                                 \
        }                                                                                                              \
    }

// Different, or the compiler makes one of them.
FLYBALL_TURN(flyball_hot_turn, +1)
FLYBALL_TURN(flyball_cold_turn, ^5)

extern "C" [[gnu::noinline]] void flyball_turns(std::uint64_t end_ns, std::uint64_t hot_ns, std::uint64_t* spent_ns)
{
    std::uint64_t before = workload::thread_cpu_ns();
    const auto spend = [&](std::uint64_t& into) {
        const std::uint64_t now = workload::thread_cpu_ns();
        into += now - before;
        before = now;
    };
    while (workload::now_ns() < end_ns) {
        flyball_hot_turn(before + hot_ns);
        spend(spent_ns[0]);
        flyball_cold_turn(before + kTurnNs - hot_ns);
        spend(spent_ns[1]);
    }
}

namespace workload {

int hotcold(const Args& args)
{
    const auto length = static_cast<std::uint64_t>(args.seconds(0, "SECONDS") * 1e9);
    const std::uint64_t percent = args.option("--hot", std::uint64_t{75});
    if (percent > 100)
        throw UsageError("--hot: a percentage");
    const std::uint64_t start = now_ns();
    std::uint64_t spent[2] = {};
    flyball_turns(start + length, kTurnNs / 100 * percent, spent);
    return Truth("hotcold").add("wall_ns", now_ns() - start).add("hot_ns", spent[0]).add("cold_ns", spent[1]).print();
}

}  // namespace workload
