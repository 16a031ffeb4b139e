// SPDX-License-Identifier: Apache-2.0
// The text and the JSON about a load: that they say what was measured, and keep to the schema.
#include "flyball/report/load.hpp"
#include "json_schema.hpp"
#include "support/catch.hpp"

#include <fstream>
#include <sstream>
#include <string>

using namespace flyball;
using namespace flyball::report;
using flyball::test::ContainsSubstring;
using test::Json;

namespace {

constexpr std::uint64_t kMs = 1'000'000;

// 1 ms ... n ms.
load::Level level(const std::string& label, double offered, std::uint64_t n, std::uint64_t failed)
{
    load::Level level;
    level.label = label;
    level.parameters = {{"rate", label}};
    level.offered = offered;
    level.span_ns = level.total.end_ns = 10'000 * kMs;
    level.total.from_rate = level.total.to_rate = offered;
    level.total.counts = {.intended = n + failed, .ok = n, .failed = failed};
    level.total.completed = n;
    for (std::uint64_t i = 1; i <= n; ++i) {
        level.total.latency_ns.add(i * kMs);
        level.total.service_ns.add(kMs);
        level.total.wait_ns.add((i - 1) * kMs);
        ++level.timeline.at(i * 10 * kMs).intended;
    }
    level.kernel = {.span_ns = 10'000 * kMs, .cpu_ns = 2'500 * kMs, .memory_peak_bytes = 64U << 20U};
    return level;
}

LoadReport steps()
{
    LoadReport report{.flyball_version = "1", .host = "host\x1b[31m", .kernel = "6.12", .arch = "x86_64", .cpus = 2};
    report.command = "curl {n}\n";
    report.limits = {{"cpu.max", "50%"}};
    load::Request request;
    request.command = {"curl"};
    request.steps = "100,200";
    request.objectives = {"p99<300ms", "errors<1%"};
    report.plan = load::make_plan(request).value();
    for (load::Level one : {level("100/s", 100, 1000, 0), level("200/s", 200, 200, 50)}) {
        one.judgements = load::judge_all(report.plan.objectives, one);
        report.outcomes.levels.push_back(std::move(one));
    }
    report.outcomes.levels[1].first_error = "no route";
    report.outcomes.levels[1].total.counts.timed_out = 40;
    report.outcomes.levels[1].total.counts.intended += 40;
    return report;
}

LoadReport search()
{
    LoadReport report = steps();
    load::Found found;
    found.parameter = "rate";
    found.combination = {{"workers", "4"}};
    found.options = {.low = 10, .high = 1000};
    found.result = {.end = load::SearchEnd::Found,
                    .held = 100,
                    .broken = 104,
                    .held_votes = {3, 1},
                    .broken_votes = {0, 3},
                    .trials = 2};
    found.trials = {
        {.level = 100, .phase = load::SearchPhase::ConfirmHeld, .verdict = load::Verdict::Met, .why = "", .index = 0},
        {.level = 104,
         .phase = load::SearchPhase::ConfirmBroken,
         .verdict = load::Verdict::Broken,
         .why = "p99<300ms: slow",
         .index = 1}};
    found.at_held = report.outcomes.levels[0].total;
    found.reason = "p99<300ms: p99 is 990 ms";
    report.outcomes.found.push_back(std::move(found));
    return report;
}

// All that is optional is there.
LoadReport generator()
{
    LoadReport report = steps();
    report.plan.generator = true;
    load::Level& one = report.outcomes.levels[0];
    one.told = load::GeneratorTold{.rate = 99.5,
                                   .done = 995,
                                   .failed = 5,
                                   .values = {{"cold_start_ms", {8, 12}}},
                                   .not_understood = "3 lines",
                                   .exit_code = 0};
    one.phases = {one.total, one.total};
    one.phases[1].label = "burst 1";
    one.recoveries = {{.phase = 1, .limit_ns = 300e6, .after_ns = 2'000 * kMs},
                      {.phase = 1, .limit_ns = 300e6, .after_ns = {}}};
    report.outcomes.levels[1].told = load::GeneratorTold{};
    report.outcomes.interrupted = true;
    report.notes = {"no io controller"};
    return report;
}

std::string text_of(const LoadReport& report, int width = 100)
{
    return render_load_text(report, {.width = width, .color = false});
}

}  // namespace

TEST_CASE("the JSON of a load keeps to its schema, and the schema describes nothing that is not there",
          "[load][schema]")
{
    for (const LoadReport& report : {steps(), search(), generator(), LoadReport{}}) {
        const Json json = Json::parse(render_load_json(report));
        test::Checker checker{test::load_schema("load.schema.json"), {}};
        checker.check(json, checker.root, "");
        for (const std::string& fault : checker.faults)
            FAIL_CHECK(fault);
    }
    // Each key of the schema is explained in the page.
    std::ifstream page(std::string(FLYBALL_SOURCE_DIR) + "/docs/load-json.md");
    std::stringstream words;
    words << page.rdbuf();
    const Json schema = test::load_schema("load.schema.json");
    const auto explained = [&](const Json& properties) {
        for (const auto& [key, rule] : properties.items()) {
            INFO(key);
            CHECK(words.str().find("`" + key + "`") != std::string::npos);
        }
    };
    explained(schema.at("properties"));
    for (const auto& [name, rule] : schema.at("$defs").items())
        explained(rule.value("properties", Json::object()));
}

TEST_CASE("the JSON of a load: numbers to the bit, null for what is not known", "[load]")
{
    const Json json = Json::parse(render_load_json(steps()));
    CHECK(json["verdict"] == "broken");
    CHECK(json["host"] == "host\\x1b[31m");
    const Json& first = json["levels"][0];
    CHECK(first["total"]["ok"] == 1000);
    CHECK(first["achieved"] == 100.0);
    CHECK(first["kernel"]["throttled_ns"].is_null());
    CHECK(first["kernel"]["cpu_ns"] == 2'500 * kMs);
    std::uint64_t sum = 0;
    for (const Json& bucket : first["total"]["latency"]["buckets"])
        sum += bucket[2].get<std::uint64_t>();
    CHECK(sum == 1000);
    for (const Json& quantile : first["total"]["latency"]["quantiles"]) {
        const double q = quantile["q"];
        INFO(quantile.dump());
        CHECK(quantile["value_ns"].is_null() == (q > 0.995));
        if (q <= 0.99)
            CHECK(quantile["value_ns"].get<double>() == Approx(q * 1e9).epsilon(0.04));
    }
    // 40 of 240 did not end in time: p90 is among them.
    for (const Json& quantile : json["levels"][1]["total"]["latency"]["quantiles"])
        if (quantile["q"] == 0.9)
            CHECK(quantile["beyond_timeout"] == true);
}

TEST_CASE("the text of a load says what was measured, and what was not", "[load]")
{
    const std::string text = text_of(steps());
    INFO(text);
    CHECK(text.find("\x1b") == std::string::npos);
    CHECK_THAT(text, ContainsSubstring("100/s"));
    CHECK_THAT(text, ContainsSubstring("n<3688"));  // p99.9 of 1000
    CHECK_THAT(text, ContainsSubstring("BROKEN"));
    CHECK_THAT(text, ContainsSubstring("errors<1%: the error rate is"));
    CHECK_THAT(text, ContainsSubstring("the first error: no route"));
    CHECK_THAT(text, ContainsSubstring("cpu.max 50%"));
    CHECK_THAT(text, ContainsSubstring("25.0%"));
    CHECK_THAT(text, ContainsSubstring("n/a"));
    // The bar of the level that got through a tenth of what was offered.
    CHECK_THAT(text, ContainsSubstring("|@@.............."));
}

TEST_CASE("the text of a search begins with its result", "[load]")
{
    const std::string text = text_of(search());
    INFO(text);
    CHECK_THAT(text, ContainsSubstring("of rate workers=4"));
    CHECK_THAT(text, ContainsSubstring("holds at 100/s (3 of 4 windows), breaks at 104/s (3 of 3 windows)"));
    CHECK_THAT(text, ContainsSubstring("-> p99<300ms: p99 is 990 ms"));
    CHECK_THAT(text, ContainsSubstring("at 100/s: p50 "));
    CHECK(text.find("BREAKING POINT") < text.find("LEVELS"));
    for (const auto end : {load::SearchEnd::HeldAll, load::SearchEnd::BrokeAll, load::SearchEnd::Unsettled,
                           load::SearchEnd::Unknown, load::SearchEnd::Running}) {
        LoadReport other = search();
        other.outcomes.found[0].result.end = end;
        other.outcomes.found[0].result.held.reset();
        CHECK(text_of(other).find("holds at 100/s (3 of 4") == std::string::npos);
    }
}

TEST_CASE("the text of a generator: its values, bursts, what it did not tell", "[load]")
{
    const std::string text = text_of(generator());
    INFO(text);
    CHECK_THAT(text, ContainsSubstring("cold_start_ms: 2 told, from 8 to 12"));
    CHECK_THAT(text, ContainsSubstring("after burst 1: all requests below 300 ms again 2.00 s later"));
    CHECK_THAT(text, ContainsSubstring("not all requests below 300 ms"));
    CHECK_THAT(text, ContainsSubstring("the generator told nothing of its work"));
    CHECK_THAT(text, ContainsSubstring("3 lines"));
    CHECK_THAT(text, ContainsSubstring("Interrupted"));
}

TEST_CASE("the text of a load in which nothing was done says so", "[load]")
{
    LoadReport report = steps();
    report.plan.generator = true;
    report.outcomes.levels = {load::Level{}};
    report.outcomes.levels[0].label = "run";
    report.outcomes.levels[0].told = load::GeneratorTold{};
    report.outcomes.levels[0].phases = {load::Phase{}};
    const std::string text = text_of(report);
    CHECK_THAT(text, ContainsSubstring("run: the generator told nothing of its work"));
}

TEST_CASE("no line of the text is wider than the terminal", "[load]")
{
    for (const LoadReport& report : {steps(), search(), generator()}) {
        std::istringstream lines(text_of(report, 100));
        for (std::string line; std::getline(lines, line);) {
            INFO(line);
            CHECK(line.size() <= 100);
        }
    }
    CHECK_THAT(text_of(LoadReport{}), ContainsSubstring("Nothing was measured"));
}
