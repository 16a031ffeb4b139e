// SPDX-License-Identifier: Apache-2.0
#include "flyball/load/objective.hpp"
#include "flyball/load/result.hpp"
#include "support/catch.hpp"

#include <string>
#include <tuple>
#include <vector>

using namespace flyball;
using namespace flyball::load;
using flyball::test::ContainsSubstring;

namespace {

Objective objective(std::string_view text)
{
    auto parsed = parse_objective(text);
    INFO((parsed ? std::string() : parsed.error().what));
    REQUIRE(parsed);
    return *parsed;
}

Verdict verdict(std::string_view text, const Level& level)
{
    return judge(objective(text), level).verdict;
}

// 1000 requests, 1 ms ... 1000 ms, 20 failed beside them; 100/s offered, 10 s.
Level sample()
{
    Level level;
    for (std::uint64_t i = 1; i <= 1000; ++i)
        level.total.latency_ns.add(i * 1'000'000);
    level.total.counts = {.intended = 1020, .ok = 1000, .failed = 20};
    level.total.completed = 1000;
    level.total.end_ns = 10'200'000'000;
    level.offered = 100;
    level.kernel = {.span_ns = 10'000'000'000, .cpu_ns = 5'000'000'000, .memory_peak_bytes = 64 << 20, .oom_kills = 0};
    return level;
}

}  // namespace

TEST_CASE("objectives are read", "[load]")
{
    CHECK(objective("p99<50ms").q == Approx(0.99));
    CHECK(objective("p99<50ms").bound == 50e6);
    CHECK(objective("p99.9 <= 1.5s").q == Approx(0.999));
    CHECK(objective("p99.9 <= 1.5s").relation == Relation::LessEqual);
    CHECK(objective("errors<1%").bound == Approx(0.01));
    CHECK(objective("throughput>=95%").of_offered);
    CHECK(objective("throughput>=95%").bound == Approx(0.95));
    CHECK_FALSE(objective("throughput > 200/s").of_offered);
    CHECK(objective("throughput > 200/s").bound == 200);
    CHECK(objective("memory<=200M").bound == 200.0 * (1 << 20));
    CHECK(objective("oom<1").bound == 1);
    CHECK(objective("value:cold_start_ms<=120").name == "cold_start_ms");
    CHECK(objective("  mean  <  5ms  ").measure == Measure::Mean);
}

TEST_CASE("what is wrong in an objective is named with its place", "[load]")
{
    const std::vector<std::tuple<std::string, std::string, std::string>> cases{
        {"", "character 1", "the end is no measure"},
        {"p99", "character 4", "a relation is missing"},
        {"p99<", "character 5", "the end is no duration"},
        {"p99<50", "character 5", "'50' is no duration"},
        {"p99<50parsec", "character 5", "no duration"},
        {"p99=50ms", "character 4", "'=' is no relation"},
        {"p99<>50ms", "character 4", "no relation"},
        {"p99>50ms", "character 4", "bad latency"},
        {"p100<50ms", "character 1", "no quantile"},
        {"pfoo<50ms", "character 1", "no quantile"},
        {"p<50ms", "character 1", "no measure"},
        {"latency<50ms", "character 1", "'latency' is no measure"},
        {"errors<1", "character 8", "no percentage"},
        {"errors<-1%", "character 8", "no percentage"},
        {"errors>1%", "character 7", "bad errors"},
        {"throughput<95%", "character 11", "bad throughput"},
        {"throughput>=95", "character 13", "no throughput"},
        {"p99<50ms errors<1%", "character 10", "left over"},
        {"oom<many", "character 5", "no number"},
        {"value:<3", "character 1", "no measure"},
        {"  p99 < 5 ms", "character 9", "'5' is no duration"},
    };
    for (const auto& [text, place, what] : cases) {
        const auto parsed = parse_objective(text);
        INFO(text << ": " << (parsed ? "accepted" : parsed.error().what));
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().kind == ErrorKind::Usage);
        CHECK(parsed.error().what.find(place + (text.empty() ? "" : ":")) != std::string::npos);
        CHECK(parsed.error().what.find(what) != std::string::npos);
        CHECK_FALSE(parsed.error().hint.empty());
    }
}

TEST_CASE("a level is judged by its own numbers", "[load]")
{
    const Level level = sample();
    CHECK(verdict("p50<600ms", level) == Verdict::Met);
    CHECK(verdict("p50<400ms", level) == Verdict::Broken);
    CHECK(verdict("max<1001ms", level) == Verdict::Met);
    CHECK(verdict("max<999ms", level) == Verdict::Broken);
    CHECK(verdict("mean<501ms", level) == Verdict::Met);
    CHECK(verdict("mean<500ms", level) == Verdict::Broken);
    CHECK(verdict("errors<2%", level) == Verdict::Met);  // 20 of 1020
    CHECK(verdict("errors<1.9%", level) == Verdict::Broken);
    CHECK(verdict("success>98%", level) == Verdict::Met);
    CHECK(verdict("throughput>=98%", level) == Verdict::Met);  // 1000 in 10.2 s
    CHECK(verdict("throughput>=99%", level) == Verdict::Broken);
    CHECK(verdict("throughput>98/s", level) == Verdict::Met);
    CHECK(verdict("cpu<=50%", level) == Verdict::Met);
    CHECK(verdict("cpu<50%", level) == Verdict::Broken);
    CHECK(verdict("memory<=64M", level) == Verdict::Met);
    CHECK(verdict("oom<1", level) == Verdict::Met);
}

TEST_CASE("what was not measured is unknown, never met", "[load]")
{
    Level level = sample();
    CHECK(verdict("p99.9<10s", level) == Verdict::Unknown);  // 1000 of 3688 requests
    CHECK(judge(objective("p99.9<10s"), level).said == "n too small for p99.9: 1000 of 3688 requests");
    CHECK(verdict("throttled<1%", level) == Verdict::Unknown);
    CHECK(verdict("value:x<1", level) == Verdict::Unknown);
    level.offered.reset();
    CHECK(verdict("throughput>=1%", level) == Verdict::Unknown);
    CHECK(verdict("p99<1s", Level{}) == Verdict::Unknown);
    CHECK(verdict("errors<1%", Level{}) == Verdict::Unknown);
}

TEST_CASE("what is certainly missed is missed, however few requests tell it", "[load]")
{
    Level level;
    level.total.latency_ns.add(12'500'000'000, 45);
    level.total.counts = {.intended = 45, .ok = 45};
    const Judgement judgement = judge(objective("p99<200ms"), level);
    CHECK(judgement.verdict == Verdict::Broken);
    CHECK(judgement.clear);
    CHECK(judgement.said == "p99 is at least 12.5 s; 45 of 368 requests are too few for more");
    CHECK(verdict("p99<20s", level) == Verdict::Unknown);
    // Of those that never came back it is infinite.
    level.total.counts.timed_out = 5;
    CHECK(judge(objective("p99<20s"), level).said ==
          "p99 is beyond the time-out; 50 of 368 requests are too few for more");
}

TEST_CASE("an interval on both sides of the bound is said to be unclear", "[load]")
{
    const Level level = sample();
    CHECK(judge(objective("p50<900ms"), level).clear);
    CHECK_FALSE(judge(objective("p50<510ms"), level).clear);
    CHECK(judge(objective("p50<510ms"), level).verdict == Verdict::Met);
}

TEST_CASE("requests that did not end in time break any latency objective", "[load]")
{
    Level level = sample();
    level.total.counts.timed_out = 30;
    level.total.counts.intended += 30;
    CHECK(verdict("p99<10h", level) == Verdict::Broken);
    CHECK(verdict("max<10h", level) == Verdict::Broken);
    CHECK(verdict("p50<600ms", level) == Verdict::Met);
}

TEST_CASE("the most demanding quantile says how many requests are needed", "[load]")
{
    const std::vector<Objective> objectives{objective("p50<1s"), objective("p99<1s"), objective("errors<1%")};
    CHECK(requests_needed(objectives) == 368);
    CHECK(requests_needed({}) == 0);
}
