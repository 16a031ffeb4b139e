// SPDX-License-Identifier: Apache-2.0
#include "flyball/calibrate/target.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <numeric>
#include <random>
#include <string>

using namespace flyball::calibrate;
using flyball::test::Approx;
using flyball::test::ContainsSubstring;

namespace {

Target target(const std::string& text)
{
    const std::vector<Metric> declared{*declared_metric("namespace_ms", "ms")};
    const auto parsed = parse_target(text, declared);
    INFO(text << ": " << (parsed ? "" : parsed.error().what));
    REQUIRE(parsed);
    return *parsed;
}

Measurements of(const std::string& metric, Series series)
{
    Measurements measured;
    measured.metrics[metric] = std::move(series);
    return measured;
}

Judgement judge(const std::string& text, const Measurements& measured)
{
    return evaluate(target(text), measured, {});
}

flyball::profile::Histogram events(std::uint64_t value, std::uint64_t times, std::uint64_t late = 0,
                                   std::uint64_t late_times = 0)
{
    flyball::profile::Histogram histogram;
    histogram.add(value, times);
    if (late_times > 0)
        histogram.add(late, late_times);
    return histogram;
}

}  // namespace

TEST_CASE("targets: every form of the requirements is read as it is meant")
{
    struct Row {
        const char* text;
        const char* metric;
        Statistic statistic;
        Comparison comparison;
        double bound;
    };
    const Row rows[] = {
        {"throughput >= 800/s", "throughput", Statistic::Median, Comparison::AtLeast, 800},
        {"throughput ≥ 800 req/s", "throughput", Statistic::Median, Comparison::AtLeast, 800},
        {"throughput >= 1000 ops/minute", "throughput", Statistic::Median, Comparison::AtLeast, 1000.0 / 60},
        {"throughput > 100K msg/sec", "throughput", Statistic::Median, Comparison::More, 100e3},
        {"memory <= 640M", "memory", Statistic::Largest, Comparison::AtMost, 640.0 * 1048576},
        {"cold_start ≤ 3.0s", "cold_start", Statistic::Median, Comparison::AtMost, 3e9},
        {"namespace_ms <= 62.5ms", "namespace_ms", Statistic::Median, Comparison::AtMost, 62.5e6},
        {"cpu <= 12.5%", "cpu", Statistic::Median, Comparison::AtMost, 0.125},
        {"io_read >= 80 MB/s", "io_read", Statistic::Median, Comparison::AtLeast, 80.0 * 1048576},
        {"success_rate at least 76%", "success_rate", Statistic::Ratio, Comparison::AtLeast, 0.76},
        {"p50 < 10ms", "latency", Statistic::Quantile, Comparison::Less, 10e6},
        {"p99.9 latency below 1s", "latency", Statistic::Quantile, Comparison::Less, 1e9},
        {"cold_start p95 <= 120ms", "cold_start", Statistic::Quantile, Comparison::AtMost, 120e6},
        {"average latency < 100ms", "latency", Statistic::Mean, Comparison::Less, 100e6},
        {"variation cold_start < 5%", "cold_start", Statistic::Variation, Comparison::Less, 0.05},
        {"oom_kills = 0", "oom_kills", Statistic::Total, Comparison::Equal, 0},
    };
    for (const Row& row : rows) {
        INFO(row.text);
        const Target read = target(row.text);
        CHECK(read.metric == row.metric);
        CHECK(read.statistic == row.statistic);
        CHECK(read.comparison == row.comparison);
        CHECK(read.bound == Approx(row.bound));
        CHECK_FALSE(read.share);
        CHECK(read.of.empty());
    }
    CHECK(target("p99.9 latency below 1s").quantile == Approx(0.999));
    CHECK(target("memory / workers <= 77M").per == "workers");
    CHECK(target("95% of runs under 120ms").metric == "latency");
    CHECK(target("95% of runs under 120ms").share == Approx(0.95));
    CHECK(target("90% of runs have memory < 200M").metric == "memory");
    CHECK(target("85% of time cpu < 50%").among == Among::Time);
    CHECK(target("90% of requests under 50ms").among == Among::Samples);
    CHECK(target("95% of runs >= 1000/min").metric == "throughput");
    CHECK(target("throughput >= 80% of baseline").of == "baseline");
    CHECK(target("throughput / agents >= 90% of single-agent").of == "single-agent");
}

TEST_CASE("targets: what is none says why, and what to write")
{
    const std::pair<const char*, const char*> rows[] = {
        {"", "is empty"},
        {"fast", "compares nothing"},
        {"throughput >= 800", "is not a rate"},
        {"troughput >= 800/s", "'troughput'"},
        {"p50 < 10", "with its unit"},
        {"latency < 10", "with its unit"},
        {"latency < 10ms please", "with its unit"},
        {"memory <= lots", "is not a size"},
        {"memory <= 640", "is not a size with its unit"},
        {"cpu <= 25", "is not a percentage"},
        {"120% of runs under 1s", "between 0% and 100%"},
        {"95% of cats under 1s", "'cats'"},
        {"95% runs under 1s", "'of' is missing"},
        {"throughput >= 80% of", "part of something else"},
        {"95% of runs throughput >= 80% of baseline", "absolute bound"},
        {"latency = 5ms", "counts only"},
        {"p100 < 10ms", "'p100'"},
        {"throughput >= -5/s", "is not a rate"},
    };
    for (const auto& [text, why] : rows) {
        INFO(text);
        const auto parsed = parse_target(text);
        REQUIRE_FALSE(parsed);
        CHECK_THAT(parsed.error().what, ContainsSubstring(why));
        CHECK_FALSE(parsed.error().hint.empty());
    }
    CHECK_THAT(parse_target("troughput >= 800/s").error().hint, ContainsSubstring("did you mean 'throughput'"));
}

TEST_CASE("targets: three runs are too few for a median, a hundred seconds are enough")
{
    CHECK(judge("throughput >= 800/s", of("throughput", {.runs = {900, 910, 920}})).outcome == Outcome::Inconclusive);
    CHECK_THAT(judge("throughput >= 800/s", of("throughput", {.runs = {900, 910, 920}})).reason,
               ContainsSubstring("n too small"));
    std::vector<double> seconds(100);
    std::iota(seconds.begin(), seconds.end(), 850.0);
    const Judgement met = judge("throughput >= 800/s", of("throughput", {.runs = {900}, .samples = seconds}));
    CHECK(met.outcome == Outcome::Met);
    CHECK(met.n == 100);
    REQUIRE(met.interval);
    CHECK(met.interval->contains(*met.estimate));
    CHECK(judge("throughput >= 1000/s", of("throughput", {.runs = {}, .samples = seconds})).outcome == Outcome::Missed);
    CHECK(judge("throughput >= 900/s", of("throughput", {.runs = {}, .samples = seconds})).outcome ==
          Outcome::Inconclusive);
}

TEST_CASE("targets: a share of runs needs as many runs as it takes")
{
    std::vector<double> runs(100, 110e6);
    CHECK(judge("95% of runs cold_start < 120ms", of("cold_start", {.runs = runs})).outcome == Outcome::Met);
    runs.resize(71);
    const Judgement few = judge("95% of runs cold_start < 120ms", of("cold_start", {.runs = runs}));
    CHECK(few.outcome == Outcome::Inconclusive);
    CHECK_THAT(few.reason, ContainsSubstring("72 within the bound would be enough"));
    runs.resize(72, 110e6);
    CHECK(judge("95% of runs cold_start < 120ms", of("cold_start", {.runs = runs})).outcome == Outcome::Met);
    // Three of three over it: 0.05^3 would be needed for that by chance.
    CHECK(judge("95% of runs cold_start < 120ms", of("cold_start", {.runs = {130e6, 131e6, 132e6}})).outcome ==
          Outcome::Missed);
    CHECK(judge("95% of runs throughput >= 10/s", of("throughput", {.runs = std::vector<double>(72, 11)})).outcome ==
          Outcome::Met);
}

TEST_CASE("targets: quantiles of events, and runs that disagree")
{
    const Measurements good = of("latency", {.events = {events(5'000'000, 5000), events(5'000'000, 5000)}});
    CHECK(judge("p99 < 100ms", good).outcome == Outcome::Met);
    CHECK(judge("p99 < 1ms", good).outcome == Outcome::Missed);
    CHECK(judge("p99 < 100ms", of("latency", {.events = {events(5'000'000, 50)}})).outcome == Outcome::Inconclusive);
    // 2 % late in one of four runs, none elsewhere: pooled 0.5 %, but not in that run.
    const Measurements mixed =
        of("latency", {.events = {events(5'000'000, 9800, 200'000'000, 200), events(5'000'000, 10000),
                                  events(5'000'000, 10000), events(5'000'000, 10000)}});
    const Judgement judgement = judge("p99 < 100ms", mixed);
    CHECK(judgement.outcome == Outcome::Inconclusive);
    CHECK_THAT(judgement.reason, ContainsSubstring("the runs disagree"));
    // The bound is in the middle of the events' bucket: it cannot be told on which side they are.
    CHECK(judge("p50 < 5ms", good).outcome != Outcome::Met);
}

TEST_CASE("targets: peaks, counts and parts of the baseline")
{
    Measurements peak = of("memory", {.runs = {600.0 * 1048576, 620.0 * 1048576}});
    CHECK(judge("memory <= 640M", peak).outcome == Outcome::Met);
    CHECK_THAT(judge("memory <= 640M", peak).reason, ContainsSubstring("0.78"));  // 1 - 0.05^(1/2)
    CHECK(judge("memory <= 610M", peak).outcome == Outcome::Missed);
    peak.parameters["workers"] = 8;
    CHECK(judge("memory / workers <= 77.5M", peak).outcome == Outcome::Met);
    CHECK(judge("memory / workers <= 77M", peak).outcome == Outcome::Missed);
    CHECK(judge("memory / agents <= 77M", peak).outcome == Outcome::Inconclusive);
    CHECK(judge("oom_kills = 0", of("oom_kills", {.runs = {0, 0, 0}})).outcome == Outcome::Met);
    CHECK(judge("oom_kills = 0", of("oom_kills", {.runs = {0, 1, 0}})).outcome == Outcome::Missed);
    CHECK(judge("throughput > 1/s", peak).reason == "throughput was not measured");

    const auto seconds = [](double from) {
        std::vector<double> values(60);
        std::iota(values.begin(), values.end(), from);
        return values;
    };
    const Measurements before = of("throughput", {.samples = seconds(1000)});
    const References references{{"baseline", &before}};
    const auto relative = [&](double from) {
        return evaluate(target("throughput >= 80% of baseline"), of("throughput", {.samples = seconds(from)}),
                        references);
    };
    CHECK(relative(900).outcome == Outcome::Met);
    CHECK(relative(600).outcome == Outcome::Missed);
    CHECK(relative(795).outcome == Outcome::Inconclusive);
    CHECK(evaluate(target("throughput >= 80% of baseline"), before, {}).reason == "baseline was not measured");
}

TEST_CASE("targets: success is a share of attempts")
{
    CHECK(judge("success_rate >= 90%", of("success_rate", {.good = 990, .all = 1000})).outcome == Outcome::Met);
    CHECK(judge("success_rate >= 90%", of("success_rate", {.good = 9, .all = 10})).outcome == Outcome::Inconclusive);
    CHECK(judge("success_rate >= 90%", of("success_rate", {.good = 800, .all = 1000})).outcome == Outcome::Missed);
    CHECK(judge("success_rate >= 90%", of("success_rate", {})).outcome == Outcome::Inconclusive);
}

TEST_CASE("share interval: closed forms, published values and coverage")
{
    CHECK(flyball::stats::share_interval(3, 3, 0.95).low == Approx(std::pow(0.025, 1.0 / 3)));
    CHECK(flyball::stats::share_interval(3, 3, 0.95).high == 1);
    CHECK(flyball::stats::share_interval(0, 20, 0.95).high == Approx(1 - std::pow(0.025, 1.0 / 20)));
    // Clopper and Pearson's chart: 8 of 10.
    CHECK(flyball::stats::share_interval(8, 10, 0.95).low == Approx(0.4439).margin(5e-4));
    CHECK(flyball::stats::share_interval(8, 10, 0.95).high == Approx(0.9748).margin(5e-4));
    std::mt19937_64 random(3);
    std::binomial_distribution<int> draw(200, 0.93);
    int covered = 0;
    for (int i = 0; i < 2000; ++i)
        covered += flyball::stats::share_interval(draw(random), 200, 0.95).contains(0.93) ? 1 : 0;
    CHECK(covered >= 1890);
    const auto large = flyball::stats::share_interval(5e6, 1e7, 0.95);  // 0.5 +- 1.96 / 2 / sqrt(n)
    CHECK(large.low == Approx(0.5 - 0.98 / std::sqrt(1e7)).margin(1e-6));
}

TEST_CASE("variation: its interval holds the truth")
{
    std::mt19937_64 random(5);
    std::normal_distribution<double> draw(100e6, 3e6);
    std::vector<double> runs(200);
    for (double& run : runs)
        run = draw(random);
    CHECK(judge("variation cold_start < 5%", of("cold_start", {.runs = runs})).outcome == Outcome::Met);
    CHECK(judge("variation cold_start < 1%", of("cold_start", {.runs = runs})).outcome == Outcome::Missed);
    runs.resize(10);
    CHECK(judge("variation cold_start < 5%", of("cold_start", {.runs = runs})).outcome == Outcome::Inconclusive);
}
