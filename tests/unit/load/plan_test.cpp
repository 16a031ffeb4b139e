// SPDX-License-Identifier: Apache-2.0
// What was asked for, as levels; and what is refused, with words that help.
#include "flyball/load/command.hpp"
#include "flyball/load/plan.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"

#include <string>
#include <vector>

using namespace flyball;
using namespace flyball::load;
using flyball::test::kSecond;

namespace {

Request asked(std::vector<std::string> command = {"true"})
{
    Request request;
    request.command = std::move(command);
    return request;
}

Plan planned(const Request& request)
{
    auto plan = make_plan(request);
    INFO((plan ? std::string() : plan.error().what));
    REQUIRE(plan);
    return *std::move(plan);
}

void refused(const Request& request, const std::string& says)
{
    const auto plan = make_plan(request);
    INFO("expected: " << says << "; got: " << (plan ? "a plan" : plan.error().what));
    REQUIRE_FALSE(plan);
    CHECK(plan.error().kind == ErrorKind::Usage);
    CHECK(plan.error().what.find(says) != std::string::npos);
    CHECK_FALSE(plan.error().hint.empty());
}

}  // namespace

TEST_CASE("a rate for a time is one level, with parts to see how it went", "[load]")
{
    Request request = asked();
    request.rate = "100";
    request.duration = "60s";
    const Plan plan = planned(request);
    REQUIRE(plan.levels.size() == 1);
    const LevelSpec& level = plan.levels.front();
    CHECK_FALSE(plan.generator);
    CHECK(level.offered == 100);
    CHECK(level.segments.size() == 1);
    CHECK(level.segments.front().length_ns == 60 * kSecond);
    CHECK(level.warmup_ns == 5 * kSecond);
    REQUIRE(level.phases.size() == 10);
    CHECK(level.phases.front().begin_ns == 5 * kSecond);
    CHECK(level.phases.back().end_ns == 60 * kSecond);
}

TEST_CASE("steps and sweeps: each combination at each rate", "[load]")
{
    Request request = asked({"work", "--threads", "{threads}", "--mode={mode}", "{rate}"});
    request.steps = "100,200";
    request.hold = "30s";
    request.sweeps = {"threads=1,2,4", "mode=read,write"};
    const Plan plan = planned(request);
    REQUIRE(plan.levels.size() == 12);
    CHECK(plan.levels[0].label == "mode=read threads=1 100/s");
    CHECK(plan.levels[11].label == "mode=write threads=4 200/s");
    CHECK(plan.command.words_for(plan.levels[11].parameters) ==
          std::vector<std::string>{"work", "--threads", "4", "--mode=write", "200"});
    CHECK(plan.levels[11].segments.front().length_ns == 30 * kSecond);
}

TEST_CASE("a ramp is one segment, told in parts", "[load]")
{
    Request request = asked();
    request.ramp = "100..1000 over 5m";
    const Plan plan = planned(request);
    REQUIRE(plan.levels.size() == 1);
    CHECK(plan.levels[0].segments.front() == Segment{"100..1000/s", 100, 1000, 300 * kSecond});
    CHECK(plan.levels[0].phases.size() == 10);
    CHECK(plan.levels[0].phases[9].to_rate == 1000);
    CHECK_FALSE(plan.levels[0].offered);
    CHECK(plan.levels[0].warmup_ns == 0);
}

TEST_CASE("bursts come at the end of each of their periods, and the rest is between", "[load]")
{
    Request request = asked();
    request.rate = "10";
    request.duration = "100s";
    request.burst = "5x every 30s for 5s";
    const LevelSpec level = planned(request).levels.at(0);
    std::vector<std::uint64_t> lengths;
    double expected = 0;
    for (const Segment& segment : level.segments) {
        lengths.push_back(segment.length_ns / kSecond);
        expected += segment.expected();
    }
    CHECK(lengths == std::vector<std::uint64_t>{30, 5, 25, 5, 25, 5, 5});
    CHECK(level.bursts == std::vector<std::size_t>{1, 3, 5});
    CHECK(level.segments[1].from_rate == 50);
    CHECK(expected == Approx(10 * 85 + 50 * 15));
}

TEST_CASE("a command with {level} is a generator, and so is one without a rate", "[load]")
{
    Request request = asked({"gen", "--rate", "{level}"});
    request.steps = "100,200";
    Plan plan = planned(request);
    CHECK(plan.generator);
    CHECK(plan.levels[1].segments.empty());
    CHECK(plan.command.words_for(plan.levels[1].parameters).back() == "200");
    CHECK(plan.levels[1].length_ns == 10 * kSecond);

    request = asked({"gen", "{workers}"});
    request.sweeps = {"workers=1,2"};
    plan = planned(request);
    CHECK(plan.generator);
    CHECK(plan.levels.size() == 2);
    CHECK_FALSE(plan.levels[0].offered);

    request = asked({"request", "{workers}"});
    request.sweeps = {"workers=1,2"};
    request.rate = "10";
    CHECK_FALSE(planned(request).generator);
}

TEST_CASE("a window of the search is as long as its quantile needs", "[load]")
{
    Request request = asked();
    request.find = "rate=100..10000";
    request.objectives = {"p99<50ms"};
    request.hold = "2s";
    const Plan plan = planned(request);
    // 368 requests and a tenth more, at 100/s; the hold alone at 10000/s.
    const LevelSpec slow = plan.window({}, 100), fast = plan.window({}, 10'000);
    CHECK(static_cast<double>(slow.length_ns - slow.warmup_ns) == Approx(4.048e9));
    CHECK(slow.segments.front().length_ns == slow.length_ns);
    CHECK(fast.length_ns == 2 * kSecond);
    CHECK(fast.parameters.at("rate") == "10000");

    request.find = "workers=1..64";
    request.rate = "200";
    request.command = {"work", "{workers}"};
    const Plan workers = planned(request);
    CHECK(workers.search->options.whole);
    CHECK(workers.window({}, 8).parameters.at("workers") == "8");
    CHECK(workers.window({}, 8).offered == 200);
}

TEST_CASE("wrong requests are refused by name", "[load]")
{
    const auto with = [](auto change, std::vector<std::string> command = {"true"}) {
        Request request = asked(std::move(command));
        change(request);
        return request;
    };
    refused(with([](Request& r) { r.rate = "0"; }), "--rate: '0' is no rate");
    refused(with([](Request& r) { r.rate = "-5"; }), "--rate");
    refused(with([](Request& r) { r.rate = "fast"; }), "'fast'");
    refused(with([](Request& r) { r.rate = "10000000"; }), "more than can be made");
    refused(with([](Request& r) {
                r.rate = "10";
                r.steps = "1,2";
            }),
            "--rate and --steps exclude");
    refused(with([](Request& r) { r.steps = "1,,2"; }), "--steps");
    refused(with([](Request& r) {
                r.steps = "1,2";
                r.duration = "5s";
            }),
            "-d is the time of the whole");
    refused(with([](Request& r) {
                r.rate = "1";
                r.hold = "5s";
            }),
            "--hold");
    refused(with([](Request& r) { r.ramp = "100-1000 over 5m"; }), "--ramp: '100-1000'");
    refused(with([](Request& r) { r.ramp = "100..1000"; }), "--ramp");
    refused(with([](Request& r) { r.ramp = "1..10 over never"; }), "never");
    refused(with([](Request& r) { r.burst = "5x every 30s for 5s"; }), "--burst needs the rate");
    refused(with([](Request& r) {
                r.rate = "1";
                r.burst = "5x every 30s for 5s";
            }),
            "--burst needs an end");
    refused(with([](Request& r) {
                r.rate = "1";
                r.duration = "5m";
                r.burst = "0.5x every 30s for 5s";
            }),
            "no factor");
    refused(with([](Request& r) {
                r.rate = "1";
                r.duration = "5m";
                r.burst = "5x every 5s for 30s";
            }),
            "no part of");
    refused(with([](Request& r) {
                r.rate = "1";
                r.duration = "10s";
                r.burst = "5x every 30s for 5s";
            }),
            "before the first burst");
    refused(with([](Request& r) {
                r.rate = "1";
                r.sweeps = {"x=1,2"};
            }),
            "no {x}");
    refused(with([](Request& r) {
                r.rate = "1";
                r.sweeps = {"x"};
            }),
            "no NAME=VALUE");
    refused(with([](Request& r) {
                r.rate = "1";
                r.sweeps = {"rate=1,2"};
            }),
            "flyball's own");
    refused(with([](Request& r) { r.sweeps = {"x=1,1"}; }, {"gen", "{x}"}), "twice");
    refused(with([](Request& r) { r.find = "rate=1..10"; }), "breaking means");
    refused(with([](Request& r) {
                r.find = "rate=10..1";
                r.objectives = {"errors<1%"};
            }),
            "does not go up");
    refused(with([](Request& r) {
                r.find = "rate=10";
                r.objectives = {"errors<1%"};
            }),
            "is not LOW..HIGH");
    refused(with([](Request& r) {
                r.find = "x=1..10";
                r.objectives = {"errors<1%"};
            }),
            "no {x}");
    refused(with([](Request& r) {
                r.find = "rate=1..10";
                r.rate = "5";
                r.objectives = {"errors<1%"};
            }),
            "exclude");
    refused(with([](Request& r) {
                r.find = "rate=0.1..10";
                r.objectives = {"p99.9<1s"};
            }),
            "3688 requests");
    refused(with([](Request& r) {
                r.find = "rate=1..10";
                r.objectives = {"errors<1%"};
                r.confirm = "2/5";
            }),
            "--confirm");
    refused(with([](Request& r) {
                r.rate = "1";
                r.objectives = {"p99<50"};
            }),
            "character 5");
    refused(with([](Request& r) {
                r.ramp = "1..10 over 5s";
                r.objectives = {"throughput>=95%"};
            }),
            "no single rate");
    refused(with([](Request& r) {
                r.rate = "1";
                r.objectives = {"value:x<5"};
            }),
            "values are told by a generator");
    refused(with([](Request& r) { r.ramp = "1..10 over 5s"; }, {"gen", "{level}"}), "generator");
    refused(with(
                [](Request& r) {
                    r.rate = "1";
                    r.poisson = true;
                },
                {"gen", "{level}"}),
            "--poisson");
    refused(with([](Request& r) {
                r.rate = "1";
                r.environment = {"1X=2"};
            }),
            "no NAME=VALUE");
    refused(with([](Request& r) {
                r.rate = "1";
                r.warmup = "20s";
                r.duration = "20s";
            }),
            "--warmup");
    refused(with([](Request&) {}, {"gen", "{level}"}), "none is given");
    refused(with([](Request& r) { r.rate = "1"; }, {}), "no command");
}

TEST_CASE("placeholders: known names only, anywhere in a word, in the environment too", "[load]")
{
    const Values values{{"n", "7"}, {"rate", "100"}};
    CHECK(expand("{n}", values) == "7");
    CHECK(expand("a{n}b{rate}c", values) == "a7b100c");
    CHECK(expand("{print $1} {x} {", values) == "{print $1} {x} {");
    CHECK(expand("{{n}}", values) == "{7}");
    CHECK(expand("", values).empty());
    Command command{.words = {"x"}, .environment = {{"LEVEL", "at {rate}"}, {"HOME", "/"}}};
    const char* inherited[] = {"HOME=/root", "PATH=/bin", nullptr};
    CHECK(command.environment_for(values, inherited) ==
          std::vector<std::string>{"PATH=/bin", "LEVEL=at 100", "HOME=/"});
    CHECK(command.uses("rate"));
    CHECK_FALSE(command.uses("n"));
}
