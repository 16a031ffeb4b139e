// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/experiment.hpp"
#include "simulated_subject.hpp"
#include "support/catch.hpp"

#include <map>
#include <string>

using namespace flyball::tune;
using flyball::test::SimulatedSubject;

namespace {

const Setting kA{{{"memory.high", "max"}}};
const Setting kB{{{"memory.high", "1000"}}};
const Measure kRate{"the workload's throughput", [](const Window& w) { return w.performance.rate; }, true};

SimulatedSubject subject(std::uint64_t seed, double ratio)
{
    SimulatedSubject made(seed, {{"memory.high", "max"}, {"memory.max", "max"}});
    made.rate = [ratio](const SimulatedSubject::Limits& limits, double) {
        return 100 * (limits.at("memory.high") == "1000" ? ratio : 1);
    };
    return made;
}

std::map<Verdict, int> verdicts(int seeds, double ratio, double noise)
{
    std::map<Verdict, int> counts;
    for (int seed = 1; seed <= seeds; ++seed) {
        auto made = subject(static_cast<std::uint64_t>(seed), ratio);
        made.noise = noise;
        ExperimentOptions options;
        options.seed = static_cast<std::uint64_t>(seed) * 977;
        const auto trial = compare(made, kA, kB, kRate, options);
        REQUIRE(trial);
        REQUIRE(made.limits() == made.original());
        ++counts[trial->verdict];
    }
    return counts;
}

}  // namespace

TEST_CASE("compare: A against itself is not rejected, 0.7 is not accepted, 0.95 is")
{
    for (const double noise : {0.02, 0.1, 0.3}) {
        INFO("noise " << noise);
        auto equal = verdicts(1000, 1.0, noise);
        CHECK(equal[Verdict::Rejected] <= 50);
        auto worse = verdicts(1000, 0.7, noise);
        CHECK(worse[Verdict::Accepted] <= 50);
        if (noise <= 0.1) {
            CHECK(equal[Verdict::Accepted] >= 990);
            CHECK(worse[Verdict::Rejected] >= 900);
            CHECK(verdicts(300, 0.95, noise)[Verdict::Accepted] >= 270);
        }
    }
}

TEST_CASE("compare: at the floor itself errors stay at alpha")
{
    CHECK(verdicts(1000, 0.8, 0.1)[Verdict::Accepted] <= 50);
}

TEST_CASE("compare: a drift that both see is no difference")
{
    int accepted = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        auto made = subject(seed, 1);
        made.rate = [](const auto&, double at_s) { return 100 - at_s / 6; };  // a sixth less each 100 s
        accepted += compare(made, kA, kB, kRate)->verdict == Verdict::Accepted ? 1 : 0;
    }
    CHECK(accepted >= 99);
}

TEST_CASE("compare: what is terrible ends soon and costs little, also when it stands still")
{
    for (const double ratio : {0.3, 0.0}) {
        auto made = subject(3, ratio);
        const auto trial = compare(made, kA, kB, kRate);
        REQUIRE(trial);
        CHECK(trial->verdict == Verdict::Rejected);
        CHECK(trial->pairs == 2);
        CHECK(trial->note.find("stopped early") == 0);
        CHECK(made.spent_s >= (1 - ratio) * 10);
        CHECK(made.spent_s <= (1 - ratio) * 14);
        CHECK(made.limits() == made.original());
    }
    // It says nothing at all any more in B.
    auto made = subject(3, 1);
    made.rate = [](const auto&, double) { return 100.0; };
    const Measure silent{"words",
                         [&made](const Window&) -> std::optional<double> {
                             return made.limits().at("memory.high") == "max" ? std::optional(1.0) : std::nullopt;
                         },
                         true};
    CHECK(compare(made, kA, kB, silent)->verdict == Verdict::Rejected);
    Measure gaps = silent;
    gaps.silence_is_zero = false;
    CHECK(compare(made, kA, kB, gaps)->verdict == Verdict::Inconclusive);
}

TEST_CASE("compare: the budget and a stop end it, with A in force")
{
    auto dear = subject(4, 0.5);
    dear.budget_s = 3;
    const auto spent = compare(dear, kA, kB, kRate);
    REQUIRE_FALSE(spent);
    CHECK(spent.error().kind == flyball::ErrorKind::Stopped);
    CHECK(dear.limits() == dear.original());

    auto stopped = subject(4, 0.9);
    stopped.stops_at_s = 20;
    CHECK(compare(stopped, kA, kB, kRate).error().kind == flyball::ErrorKind::Stopped);
    CHECK(stopped.limits() == stopped.original());

    auto lacks = subject(4, 0.9);
    const Setting impossible{{{"memory.high", "1000"}, {"memory.nothing", "1"}}};
    CHECK(compare(lacks, kA, impossible, kRate).error().kind == flyball::ErrorKind::Unavailable);
    CHECK(lacks.limits() == lacks.original());
}

TEST_CASE("compare: blocks on a busy machine are repeated, and if there are too many nothing is said")
{
    auto now_and_then = subject(5, 1);
    now_and_then.disturbance = [](double at_s) {
        return Disturbance{.steal = static_cast<int>(at_s) % 60 < 6 ? 0.5 : 0};
    };
    now_and_then.rate = [](const auto&, double at_s) { return static_cast<int>(at_s) % 60 < 6 ? 10.0 : 100.0; };
    const auto trial = compare(now_and_then, kA, kB, kRate);
    CHECK(trial->verdict == Verdict::Accepted);
    CHECK(trial->throughput->low > 0.85);

    auto always = subject(5, 1);
    always.disturbance = [](double) {
        return Disturbance{.displaced = 0.3, .displaced_of_span = 0.4, .by = {{"/build.slice", 1}}};
    };
    const auto none = compare(always, kA, kB, kRate);
    CHECK(none->verdict == Verdict::Inconclusive);
    CHECK(none->note.find("/build.slice took 100.0% of the wait") != std::string::npos);
    CHECK(none->note.find("for 30.0% of the time") != std::string::npos);
    CHECK(always.now_s() < 100);

    // A third of jobs that are short is not a third of what they do.
    auto briefly = subject(5, 1);
    briefly.disturbance = [](double) { return Disturbance{.displaced = 0.3, .displaced_of_span = 0.02}; };
    CHECK(compare(briefly, kA, kB, kRate)->verdict == Verdict::Accepted);
}

TEST_CASE("compare: latency counts where the workload tells it")
{
    const auto ask = [](double factor, std::size_t units, std::uint64_t seed) {
        auto made = subject(seed, 1);
        made.latencies = units;
        made.latency_ns = [factor](const auto& limits) {
            return 1e6 * (limits.at("memory.high") == "1000" ? factor : 1);
        };
        return *compare(made, kA, kB, kRate);
    };
    int accepted = 0, wrongly = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        accepted += ask(1, 1000, seed).verdict == Verdict::Accepted ? 1 : 0;
        wrongly += ask(1.3, 1000, seed).verdict == Verdict::Accepted ? 1 : 0;
    }
    CHECK(accepted >= 95);
    CHECK(wrongly <= 5);
    const Trial slow = ask(2, 1000, 1);
    CHECK(slow.verdict == Verdict::Rejected);
    CHECK(slow.note.find("latency") != std::string::npos);
    CHECK(slow.latency_p50->contains(2));
    // Ten units have no p50, a hundred no p99.
    CHECK_FALSE(ask(2, 10, 1).latency_p50);
    CHECK(ask(2, 10, 1).verdict == Verdict::Accepted);
    CHECK_FALSE(ask(1, 100, 1).latency_p99);
    CHECK(ask(1, 100, 1).latency_p50);
}

TEST_CASE("compare: the floor bounds latencies too")
{
    int accepted = 0;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        auto made = subject(seed, 1);
        made.latencies = 1000;
        made.latency_ns = [](const auto& limits) { return 1e6 * (limits.at("memory.high") == "1000" ? 1.6 : 1); };
        ExperimentOptions options;
        options.floor = 0.5;
        accepted += compare(made, kA, kB, kRate, options)->verdict == Verdict::Accepted ? 1 : 0;
    }
    CHECK(accepted >= 36);
}

TEST_CASE("compare: it ends in time, and does not begin what it could not decide")
{
    ExperimentOptions options;
    options.block_ns = 5'000'000'000;
    options.settle_ns = 1'000'000'000;
    options.most_pairs = 1000;
    options.longest_ns = 150'000'000'000;
    auto made = subject(1, 0.8);
    made.noise = 0.3;
    const auto late = compare(made, kA, kB, kRate, options);
    REQUIRE(late);
    CHECK(late->verdict == Verdict::Inconclusive);
    CHECK(late->note.find("time was up") != std::string::npos);
    CHECK(late->pairs >= 10);
    CHECK(made.now_s() <= 150);
    CHECK(made.limits() == made.original());

    // Eight pairs are the least that decide: of 12 s each.
    options.longest_ns = 95'000'000'000;
    auto untouched = subject(1, 1);
    const auto none = compare(untouched, kA, kB, kRate, options);
    REQUIRE(none);
    CHECK(none->verdict == Verdict::Inconclusive);
    CHECK(none->pairs == 0);
    CHECK(untouched.writes.empty());
    CHECK(untouched.now_s() == 0);
}

TEST_CASE("compare: blocks are as long as a p99 takes, if that is not too long")
{
    const auto block_s = [](std::size_t told, double span_s) {
        Window window;
        window.end_ns = static_cast<std::uint64_t>(span_s * 1e9);
        for (std::size_t i = 0; i < told; ++i)
            window.performance.latency_ns.add(1'000'000);
        return static_cast<double>(block_for_p99(window, 4'000'000'000, 10'000'000'000)) * 1e-9;
    };
    CHECK(block_s(0, 60) == 4);
    CHECK(block_s(6000, 60) == 4);
    CHECK(block_s(3000, 60) == Approx(6.6));  // 300 and a tenth at 50 a second
    CHECK(block_s(600, 60) == 4);
}

TEST_CASE("measure_for: the workload's word before anybody else's")
{
    Window window;
    const Measure ours{"time not lost", [](const Window&) { return std::optional(0.9); }};
    CHECK(measure_for(window, ours).judged_by == "time not lost");
    window.performance.rate = 12;
    const Measure theirs = measure_for(window, ours);
    CHECK(theirs.judged_by == "the workload's throughput");
    CHECK(theirs.score(window) == 12.0);
    CHECK(Setting{{{"a", "1 2"}, {"b", "3"}}}.text() == "a 1 2, b 3");
}
