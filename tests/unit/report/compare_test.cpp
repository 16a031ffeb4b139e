// SPDX-License-Identifier: Apache-2.0
// A comparison as text and as JSON: golden files, docs/compare.schema.json, docs/compare-json.md.
#include "flyball/report/compare.hpp"
#include "golden.hpp"
#include "json_schema.hpp"
#include "sample_snapshot.hpp"
#include "support/catch.hpp"
#include "unit/compare/make_sides.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>
#include <string>

using namespace flyball;
using Json = nlohmann::json;

namespace {

// Six runs: a latency with its distribution, a share, kills, a throughput of nobody's cgroup.
compare::Side sample_side(const std::string& name, double slower, double throughput)
{
    using compare::Good;
    using compare::Unit;
    compare::Side side{.name = name};
    const compare::Key wait{"/kube/web", "cpu.wait"};
    for (std::uint64_t i = 0; i < 6; ++i) {
        compare::Run run{.source = name + "/" + std::to_string(i) + ".fbr"};
        profile::Histogram& hist = run.distributions[wait];
        test::fill(hist, 500, 1000, static_cast<std::uint64_t>(4e6 * slower), 7 + i);
        const auto put = [&](const std::string& cgroup, const std::string& metric, double value, Unit unit, Good good) {
            run.values[{cgroup, metric}] = {value, unit, good, true};
        };
        const auto step = static_cast<double>((i * 5) % 6);  // in no order
        put("/kube/web", "cpu.wait.p99", static_cast<double>(hist.quantile(0.99)), Unit::Nanoseconds, Good::Lower);
        put("/kube/web", "cpu.held_ratio", 0.20 * slower + 0.002 * step, Unit::Share, Good::Lower);
        put("/kube/web", "pids.forks", 12 + step, Unit::PerSecond, Good::Unknown);
        put("/kube/web", "oom.kills", 0, Unit::Count, Good::Lower);
        put("/kube/\x1b[2Jdb", "mem.stall", step < 4 ? 0 : 0.01 * slower, Unit::Tasks, Good::Lower);
        put("", "throughput", throughput + step, Unit::Number, Good::Higher);
        run.start_wall_ns =
            1'767'323'045'000'000'000 + i * 10'000'000'000 + (name == "after" ? 3600 * 1'000'000'000ULL : 0);
        run.window_ns = 10'000'000'000;
        run.host = "bench-7";
        run.kernel = name == "after" ? "6.12.107" : "6.1.0";
        run.cpus = 2;
        side.runs.push_back(std::move(run));
    }
    side.runs[0].doubts.push_back("12 events were lost");
    if (name == "after")
        side.runs[1].values[{"/kube/new", "oom.kills"}] = {1, Unit::Count, Good::Lower, true};
    return side;
}

compare::Comparison sample(double slower)
{
    const auto result =
        compare::compare(sample_side("before", 1, 1000), sample_side("after", slower, 1000 / slower), {});
    REQUIRE(result);
    return *result;
}

std::vector<std::string> faults_of(const compare::Comparison& comparison)
{
    test::Checker checker{test::load_schema("compare.schema.json"), {}};
    checker.check(Json::parse(report::render_compare_json(comparison)), checker.root, "");
    return checker.faults;
}

}  // namespace

TEST_CASE("compare: text and JSON of a regression", "[report][compare]")
{
    const compare::Comparison worse = sample(1.5);
    CHECK(worse.regressed());
    test::check_golden("compare.txt", report::render_compare_text(worse, {.all = true}));
    test::check_golden("compare.json", report::render_compare_json(worse));
    const std::string text = report::render_compare_text(worse, {.all = false, .distributions = 0});
    CHECK(text.find("REGRESSION") != std::string::npos);
    CHECK(text.find("more with the same value in every run: --all") != std::string::npos);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(report::render_compare_text(worse, {.color = true}).find("\x1b[") != std::string::npos);
}

TEST_CASE("compare: no regression, and lines that fit", "[report][compare]")
{
    for (const double slower : {1.0, 0.5, 40.0}) {
        for (const int width : {60, 80, 120}) {
            const std::string text = report::render_compare_text(sample(slower), {.width = width, .all = true});
            std::size_t begin = 0;
            while (begin < text.size()) {
                const std::size_t end = text.find('\n', begin);
                INFO(text.substr(begin, end - begin));
                CHECK((end - begin <= static_cast<std::size_t>(width) || width == 60));
                begin = end + 1;
            }
        }
    }
    CHECK(report::render_compare_text(sample(1.0)).find("no regression") != std::string::npos);
}

TEST_CASE("compare: the JSON keeps to its schema", "[report][compare][schema]")
{
    CHECK(faults_of(sample(1.5)) == std::vector<std::string>{});
    CHECK(faults_of(sample(1.0)) == std::vector<std::string>{});
    const auto one = compare::compare(test::side_of("x", {1}), test::side_of("x", {2}), {});
    REQUIRE(one);
    CHECK(faults_of(*one) == std::vector<std::string>{});
    test::Checker checker{test::load_schema("compare.schema.json"), {}};
    checker.check(Json{{"schema", "flyball.compare/2"}, {"surprise", 1}}, checker.root, "");
    CHECK(checker.faults.size() > 5);
}

TEST_CASE("docs/compare-json.md names every key", "[report][compare][docs]")
{
    std::ifstream file(std::string(FLYBALL_SOURCE_DIR) + "/docs/compare-json.md");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const Json schema = test::load_schema("compare.schema.json");
    const auto names = [&](const Json& properties) {
        for (const auto& [key, value] : properties.items()) {
            CAPTURE(key);
            CHECK(text.find("`" + key + "`") != std::string::npos);
        }
    };
    names(schema["properties"]);
    for (const char* part : {"metric", "distribution", "quantile"})
        names(schema["$defs"][part]["properties"]);
}
