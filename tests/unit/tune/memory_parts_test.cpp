// SPDX-License-Identifier: Apache-2.0
#include "flyball/cgroup/limits.hpp"
#include "flyball/tune/memory_bracket.hpp"
#include "flyball/tune/memory_descent.hpp"
#include "flyball/tune/memory_profile.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

using namespace flyball::tune;
using flyball::cgroup::MemoryState;

namespace {

constexpr std::uint64_t kMebibyte = 1 << 20;

std::vector<MemoryUse> series(double seconds, const std::function<double(double)>& mib)
{
    std::vector<MemoryUse> use;
    for (double at = 0; at < seconds; at += 0.1)
        use.push_back({static_cast<std::uint64_t>(at * 1e9),
                       static_cast<std::uint64_t>(mib(at) * static_cast<double>(kMebibyte))});
    return use;
}

}  // namespace

TEST_CASE("memory floor: what reclaim cannot take, counted once")
{
    CHECK_FALSE(memory_floor({}));
    MemoryState state{.anon = 100,
                      .file = 1000,
                      .shmem = 30,
                      .unevictable = 0,
                      .kernel = 50,
                      .slab_reclaimable = 20,
                      .slab_unreclaimable = 15,
                      .sock = 5};
    CHECK(memory_floor(state) == 165U);  // slab_unreclaimable is in kernel
    CHECK(cache_bytes(state) == 990U);
    state.kernel.reset();
    CHECK(memory_floor(state) == 150U);
    // Swap that is finite takes anonymous memory, as far as there is room.
    state.swap_max = 60;
    state.swap_current = 20;
    CHECK(memory_floor(state) == 110U);
    state.swap_max = flyball::cgroup::kUnlimited;
    CHECK(memory_floor(state) == 150U);
    state.swap_max = 1000;
    CHECK(memory_floor(state) == 20U);
    // 40 of the anonymous pages are locked: on no list, and in `unevictable` beside 10 of a file.
    state.active_anon = 60;
    state.inactive_anon = 30;
    state.unevictable = 50;
    CHECK(memory_floor(state) == 70U);
    state.swap_max = 0;
    CHECK(memory_floor(state) == 160U);
}

TEST_CASE("kept use: cache that changes evenly does not show, anonymous memory does")
{
    Window window;
    window.begin_ns = 0;
    window.end_ns = 1000;
    window.before.memory.file = 100;
    window.after.memory.file = 300;
    window.memory_use = {{0, 1100}, {500, 1200}, {600, 1720}, {1000, 1300}};
    const auto kept = kept_use(window);
    CHECK(kept.at(0).bytes == 1000U);
    CHECK(kept.at(1).bytes == 1000U);
    CHECK(kept.at(2).bytes == 1500U);
    CHECK(kept.at(3).bytes == 1000U);
    CHECK(most_bytes(kept) == 1500U);
    CHECK(most_bytes({}) == 0U);
}

TEST_CASE("growth envelope: as all pairs say it")
{
    std::mt19937_64 random(3);
    std::vector<MemoryUse> use;
    for (std::uint64_t i = 0; i < 300; ++i)
        use.push_back({i * 100, random() % 1000});
    for (const std::uint64_t within : {0U, 100U, 1000U, 100000U}) {
        std::uint64_t most = 0;
        for (std::size_t i = 0; i < use.size(); ++i) {
            for (std::size_t j = i; j < use.size() && use[j].at_ns <= use[i].at_ns + within; ++j)
                most = std::max(most, use[j].bytes - std::min(use[j].bytes, use[i].bytes));
        }
        CHECK(growth_envelope(use, within) == most);
    }
    CHECK(growth_envelope({}, 5) == 0U);
}

TEST_CASE("memory leak: surely growing and by what matters")
{
    std::mt19937_64 random(5);
    std::normal_distribution<double> noise(0, 0.3);
    const auto found = [&](const std::function<double(double)>& mib) {
        return memory_leak(series(60, [&](double t) { return mib(t) + noise(random); }));
    };
    const auto leak = found([](double t) { return 64 + 0.5 * t; });
    REQUIRE(leak);
    CHECK(leak->interval.contains(0.5 * static_cast<double>(kMebibyte)));
    // Taken and given back, with a period that is not that of the stretches.
    CHECK_FALSE(found([](double t) { return 64 + std::fmod(t, 7.3) * 4; }));
    // And a leak beneath that.
    CHECK(found([](double t) { return 64 + 0.5 * t + std::fmod(t, 3.1) * 4; }));
    // 10 GiB that grow by 60 MiB an hour: less than a percent.
    CHECK_FALSE(found([](double t) { return 10240 + t / 60; }));
    CHECK_FALSE(memory_leak({}));
    int wrong = 0;
    for (int i = 0; i < 500; ++i)
        wrong += found([](double) { return 64; }) ? 1 : 0;
    CHECK(wrong <= 15);
}

TEST_CASE("descent: bold until something is felt, and over when it matters")
{
    const DescentBaseline base{.rate = 100, .rate_deviation = 2, .stalled = 0.001, .refaults_per_s = 4096};
    Descent descent({}, base);
    CHECK(descent.next(1000 * kMebibyte, 0) == 50 * kMebibyte);
    descent.add({.asked = 50 * kMebibyte,
                 .reclaimed = 50 * kMebibyte,
                 .refaulted = 20000,
                 .seconds = 6,
                 .stalled = 0.001,
                 .rate = 99});
    CHECK_FALSE(descent.felt());
    descent.add({.asked = 50 * kMebibyte,
                 .reclaimed = 50 * kMebibyte,
                 .refaulted = 5 * kMebibyte,
                 .seconds = 6,
                 .stalled = 0.001,
                 .rate = 97});
    CHECK(descent.felt());
    CHECK(descent.next(1000 * kMebibyte, 0) == 10 * kMebibyte);
    CHECK(descent.next(1000 * kMebibyte, 996 * kMebibyte) == 4 * kMebibyte);
    CHECK_FALSE(descent.end());
    descent.add({.asked = 10 * kMebibyte,
                 .reclaimed = 10 * kMebibyte,
                 .refaulted = 6 * kMebibyte,
                 .seconds = 6,
                 .stalled = 0.001,
                 .rate = 97});
    CHECK(descent.end() == DescentEnd::Returned);
    CHECK_FALSE(descent.next(1000 * kMebibyte, 0));

    const auto after = [&](const DescentStep& step) {
        Descent one({}, base);
        one.add(step);
        return one.end();
    };
    const DescentStep fine{.asked = 100 * kMebibyte,
                           .reclaimed = 100 * kMebibyte,
                           .refaulted = 0,
                           .seconds = 6,
                           .stalled = 0.001,
                           .rate = 95};
    CHECK_FALSE(after(fine));
    DescentStep step = fine;
    step.stalled = 0.01;
    CHECK(after(step) == DescentEnd::Stalled);
    step = fine;
    step.rate = 85;
    CHECK(after(step) == DescentEnd::Slower);
    step = fine;
    step.reclaimed = 40 * kMebibyte;
    CHECK(after(step) == DescentEnd::Withheld);
    Descent floor({}, base);
    CHECK_FALSE(floor.next(100 * kMebibyte, 100 * kMebibyte));
    CHECK(floor.end() == DescentEnd::Floor);
    // A rate with a deviation of a tenth is not slower at 85.
    Descent noisy({}, {.rate = 100, .rate_deviation = 10, .stalled = 0, .refaults_per_s = 0});
    step = fine;
    step.rate = 85;
    step.stalled = 0;
    noisy.add(step);
    CHECK_FALSE(noisy.end());
}

TEST_CASE("bracket: wider until accepted, then tighter while accepted")
{
    Bracket bracket({}, 100 * kMebibyte, 10 * kMebibyte, 1000 * kMebibyte);
    CHECK(bracket.next() == 100 * kMebibyte);
    bracket.add(Verdict::Inconclusive);
    CHECK_FALSE(bracket.rejected());
    CHECK(bracket.next() == 115 * kMebibyte);
    bracket.add(Verdict::Rejected);
    CHECK(bracket.rejected() == 115 * kMebibyte);
    const std::uint64_t third = *bracket.next();
    CHECK(third >= static_cast<std::uint64_t>(1.15 * 115 * kMebibyte));
    bracket.add(Verdict::Accepted);
    CHECK(bracket.accepted() == third);
    CHECK_FALSE(bracket.next());  // the next tighter one was rejected

    Bracket down({}, 100 * kMebibyte, 10 * kMebibyte, 1000 * kMebibyte);
    down.add(Verdict::Accepted);
    CHECK(down.next() == 85 * kMebibyte);
    down.add(Verdict::Accepted);
    CHECK(*down.next() < 85 * kMebibyte);
    down.add(Verdict::Rejected);
    CHECK(down.accepted() == 85 * kMebibyte);
    CHECK_FALSE(down.next());

    // Never below the lowest, nor above the ceiling.
    Bracket low({}, 100 * kMebibyte, 98 * kMebibyte, 1000 * kMebibyte);
    low.add(Verdict::Accepted);
    CHECK_FALSE(low.next());
    Bracket high({}, 100 * kMebibyte, 10 * kMebibyte, 110 * kMebibyte);
    high.add(Verdict::Rejected);
    CHECK_FALSE(high.next());
    CHECK_FALSE(high.accepted());
    CHECK(*Bracket({}, 5, 10 * kMebibyte, 110 * kMebibyte).next() == 10 * kMebibyte);
}
