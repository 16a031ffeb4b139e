// SPDX-License-Identifier: Apache-2.0
// What ends an experiment, and what does not.
#include "flyball/tune/guard.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"

using namespace flyball;
using namespace flyball::tune;
using flyball::test::kSecond;

namespace {

cgroup::Counters at(std::uint64_t s, std::map<std::string, std::uint64_t> events = {}, std::uint64_t full_us = 0)
{
    cgroup::Counters counters;
    counters.at_ns = s * kSecond;
    counters.memory_events = {{"max", 0}, {"oom", 0}, {"oom_kill", 0}};
    for (const auto& [name, value] : events)
        counters.memory_events[name] = value;
    counters.pids_max_events = 0;
    counters.pressure_us["memory.full"] = full_us;
    return counters;
}

}  // namespace

TEST_CASE("guard: quiet counters let it go on")
{
    Guard guard({});
    for (std::uint64_t s = 0; s < 10; ++s)
        CHECK_FALSE(guard.check(at(s), s > 3));
}

TEST_CASE("guard: kills end it, whether limits are changed or not")
{
    for (const bool experimenting : {false, true}) {
        for (const char* event : {"oom_kill", "oom", "oom_group_kill"}) {
            Guard guard({});
            CHECK_FALSE(guard.check(at(0, {{event, 5}}), experimenting));  // of before
            const auto why = guard.check(at(1, {{event, 6}}), experimenting);
            REQUIRE(why);
            CHECK(why->find(event == std::string("oom") ? "oom" : event) != std::string::npos);
        }
    }
}

TEST_CASE("guard: memory.max is a warning for those only who did not live at it before")
{
    Guard fresh({});
    CHECK_FALSE(fresh.check(at(0), false));
    CHECK(fresh.check(at(1, {{"max", 1}}), true));

    Guard used({});
    CHECK_FALSE(used.check(at(0), false));
    CHECK_FALSE(used.check(at(1, {{"max", 7}}), false));
    CHECK_FALSE(used.check(at(2, {{"max", 9}}), true));
}

TEST_CASE("guard: refused forks end an experiment")
{
    Guard guard({});
    CHECK_FALSE(guard.check(at(0), true));
    cgroup::Counters refused = at(1);
    refused.pids_max_events = 1;
    CHECK(guard.check(refused, true));
}

TEST_CASE("guard: stalls count by the second, and only while limits are changed")
{
    Guard guard({.most_stalled = 0.5});
    CHECK_FALSE(guard.check(at(0), true));
    CHECK_FALSE(guard.check(at(1, {}, 400'000), true));
    CHECK(guard.check(at(2, {}, 1'000'000), true));

    Guard idle({.most_stalled = 0.5});
    CHECK_FALSE(idle.check(at(0), false));
    CHECK_FALSE(idle.check(at(1, {}, 900'000), false));
}

TEST_CASE("guard: what the kernel does not count is not taken for zero")
{
    Guard guard({});
    cgroup::Counters none;
    none.at_ns = kSecond;
    CHECK_FALSE(guard.check(none, true));
    CHECK_FALSE(guard.check(at(2, {{"oom_kill", 9}}), true));  // nothing to compare with
}

TEST_CASE("guard: the budget of lost work adds up")
{
    Guard guard({.regret_budget_s = 3});
    CHECK_FALSE(guard.spend(2));
    CHECK_FALSE(guard.spend(1));
    CHECK(guard.spend(0.5));
    CHECK(guard.spent_s() == Approx(3.5));
}
