// SPDX-License-Identifier: Apache-2.0
#include "flyball/kernel/facts.hpp"
#include "flyball/kernel/plan.hpp"
#include "flyball/kernel/programs.hpp"
#include "support/catch.hpp"

#include <unistd.h>

using namespace flyball::kernel;

TEST_CASE("facts of the running kernel are had with or without privileges", "[kernel]")
{
    const auto facts = gather();
    REQUIRE(facts.has_value());
    CHECK_FALSE(facts->release.empty());
    CHECK(facts->euid == ::geteuid());
    CHECK(facts->page_size >= 4096);
    CHECK(facts->possible_cpus >= 1);
    if (facts->btf)
        CHECK(facts->hooks.size() == programs().size());
    for (const auto& [name, hook] : facts->hooks) {
        INFO(name << ": " << hook.why);
        if (hook.loads)
            CHECK(hook.exists);
        if (hook.exists && !hook.loads)
            CHECK_FALSE(hook.why.empty());
    }
    if (facts->btf && !facts->preempt_off.ok)
        CHECK_FALSE(facts->preempt_off.why.empty());
    const Plan plan = decide(*facts);
    CHECK(plan.nothing == plan.programs.empty());
    CHECK_FALSE(plan.metrics.empty());
}

TEST_CASE("without /proc there are no facts, and the error says which file", "[kernel]")
{
    const auto facts = gather("/nonexistent");
    REQUIRE_FALSE(facts.has_value());
    CHECK_THAT(facts.error().what, flyball::test::ContainsSubstring("/nonexistent/proc/self/status"));
    CHECK_FALSE(facts.error().hint.empty());
}
