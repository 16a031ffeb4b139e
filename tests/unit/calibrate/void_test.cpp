// SPDX-License-Identifier: Apache-2.0
// What goes wrong on machines as they are: none of it may end as "calibrated" or "right", and each says why.
#include "simulated_machine.hpp"
#include "support.hpp"
#include "support/catch.hpp"

#include <array>

using namespace flyball;
using namespace flyball::calibrate;
using flyball::test::ContainsSubstring;
using flyball::test::Fault;
using flyball::test::FragileStore;
using flyball::test::parsed;
using flyball::test::replaced;
using flyball::test::SimulatedMachine;

namespace {

constexpr const char* kVoidSpec = R"({
  "version": 1, "name": "void", "duration": "30s", "warmup": "5s", "iterations": 3, "tune": ["memory", "cpu", "pids"],
  "components": [
    { "name": "web", "resource_limits": { "memory.max": 268435456, "cpu.max": "100000 100000", "pids.max": 64 },
      "parameters": { "rate": 10 }, "load_parameters": ["rate"], "command": "serve {rate}",
      "targets": ["throughput >= 800/s"], "scenarios": [ { "name": "normal" } ] } ] })";

Result<std::vector<ComponentResult>> run_all(SimulatedMachine& machine, Store& store,
                                             const std::string& text = kVoidSpec)
{
    return calibrate::calibrate(parsed(text), machine, store, [](const Step&) {});
}

ComponentResult result_of(SimulatedMachine& machine, const std::string& text = kVoidSpec)
{
    FragileStore store;
    auto result = run_all(machine, store, text);
    REQUIRE(result);
    return std::move(result->front());
}

bool positive(const ComponentResult& component)
{
    return component.end == End::Calibrated || component.end == End::Unchanged ||
           Calibration{.components = {component}}.all_met();
}

struct Cell {
    Fault fault;
    const char* reason;  // in the summary, or in an attempt's reasons
};

constexpr std::array kCells{
    Cell{Fault::Exits, "ended with 7"},
    Cell{Fault::Dies, "ended after 3 s of 30 s"},
    Cell{Fault::NeverConnects, "throughput was not measured"},
    Cell{Fault::NothingDone, "throughput"},
    Cell{Fault::SilentAlways, "a run had no throughput, which the others had"},
    Cell{Fault::OomKilled, "the OOM killer acted 1 times"},
    Cell{Fault::OomInTuner, "memory has no answer: the OOM killer acted"},
    Cell{Fault::TunerFails, "the OOM killer acted in the warm-up"},
    Cell{Fault::Neighbour, "normal: the machine is too busy: /build.slice took 61% of the wait"},
    Cell{Fault::LostEvents, "900 events were lost"},
    Cell{Fault::RefusedWrite, "Invalid argument"},
    Cell{Fault::Noise, "of the performance is left"},
    Cell{Fault::LossyAtNewLimits, "the CPU tuner promised"}};

std::string all_reasons(const ComponentResult& component)
{
    std::string all = component.summary;
    for (const Attempt& attempt : component.attempts)
        for (const std::string& reason : attempt.reasons)
            all += "\n" + reason;
    return all;
}

}  // namespace

TEST_CASE("calibrate, void: nothing that spoils what is measured ends as calibrated or right")
{
    for (const auto& [fault, reason] : kCells) {
        for (const char* targets : {R"("targets": ["throughput >= 800/s"],)", ""}) {
            SimulatedMachine machine;
            machine.fault = fault;
            const ComponentResult result =
                result_of(machine, replaced(kVoidSpec, R"("targets": ["throughput >= 800/s"],)", targets));
            INFO("fault " << static_cast<int>(fault) << ", targets '" << targets << "': " << name(result.end) << ": "
                          << all_reasons(result));
            CHECK_FALSE(positive(result));
            const bool told = all_reasons(result).find(reason) != std::string::npos;
            // Without a target there is nothing left to judge by at all.
            CHECK((told || (fault == Fault::NeverConnects && result.summary.find("it has no target") == 0)));
            // Nothing is written that was not shown to hold.
            if (result.attempts.empty() || !result.attempts.back().accepted)
                CHECK(result.after == result.before);
        }
    }
}

TEST_CASE("calibrate, void: a full disk ends it, whenever that is, without a result")
{
    SimulatedMachine whole;
    FragileStore all;
    REQUIRE(run_all(whole, all));
    for (std::size_t at = 0; at < all.texts.size(); ++at) {
        SimulatedMachine machine;
        FragileStore store;
        store.puts_left = at;
        CHECK_FALSE(run_all(machine, store));
    }
}

TEST_CASE("calibrate, void: a run that was disturbed or silent once is made again, and what it said is not used")
{
    for (const Fault fault : {Fault::NeighbourOnce, Fault::SilentOnce}) {
        SimulatedMachine machine;
        machine.fault = fault;
        const ComponentResult result = result_of(machine);
        INFO(all_reasons(result));
        CHECK(result.end == End::Calibrated);
        CHECK(result.after.at("memory.max") == "110000000");
        std::size_t again = 0;
        for (const auto& [file, times] : machine.measured)
            again += file.find(".again-1") != std::string::npos ? 1 : 0;
        CHECK(again > 0);
    }
}

TEST_CASE("calibrate, void: a machine that was too busy is asked again when a later sitting goes on")
{
    SimulatedMachine machine;
    machine.fault = Fault::Neighbour;
    FragileStore store;
    const auto busy = run_all(machine, store);
    REQUIRE(busy);
    CHECK(busy->front().end == End::NotKnown);
    machine.fault = Fault::None;
    const auto quiet = run_all(machine, store);
    REQUIRE(quiet);
    INFO(quiet->front().summary);
    CHECK(quiet->front().end == End::Calibrated);
    // It is the last of those that were void that is made anew.
    CHECK(machine.measured.at("raw/web/baseline/normal/all-0.json") == 1);
    CHECK(machine.measured.at("raw/web/baseline/normal/all-0.again-2.json") == 2);
}

TEST_CASE("calibrate: a step that rounds up to where it comes from goes to what was found")
{
    Component component = parsed(kVoidSpec).components.front();
    component.tuning.step_down = 0.1;
    CHECK(stepped(component, {{"pids.max", "5"}}, {{"pids.max", "3"}}).at("pids.max") == "3");
    CHECK(stepped(component, {{"pids.max", "50"}}, {{"pids.max", "3"}}).at("pids.max") == "45");
}

TEST_CASE("calibrate: no limit is tried below its bounds, nor memory in a service that nobody could start again")
{
    for (const auto& [more, reason] :
         {std::pair{R"("bounds": {"memory.max": {"min": "100M"}},)", "its bounds allow no less"},
          {R"("cgroup": "web.service",)", "it runs already, and has no `restart`"}}) {
        SimulatedMachine machine;
        const ComponentResult result =
            result_of(machine, replaced(kVoidSpec, R"({ "name": "web",)", std::string(R"({ "name": "web",)") + more));
        const auto memory = std::ranges::find(result.bites, "memory.max", &Bite::file);
        INFO(result.summary);
        REQUIRE(memory != result.bites.end());
        CHECK(memory->answer == Bite::Answer::NotKnown);
        CHECK(memory->what == reason);
        for (const auto& [file, times] : machine.measured)
            CHECK(file.find("lower-memory") == std::string::npos);
    }
}

TEST_CASE("calibrate, void: one component's failure ends no other")
{
    const std::string text = replaced(kVoidSpec, R"("components": [)", R"("components": [
    { "name": "broken", "resource_limits": { "pids.max": 64 }, "tune": ["pids"], "parameters": { "rate": 10 },
      "load_parameters": ["rate"], "command": "false",
      "scenarios": [ { "name": "none" } ] },)");
    class HalfBroken final : public SimulatedMachine {
    public:
        Result<Run> run(const Component& component, const Scenario& scenario, const Stage* stage, const Limits& limits,
                        const RunKey& key) override
        {
            if (component.name == "broken")
                return fail(ErrorKind::Unavailable, "no such cgroup");
            return SimulatedMachine::run(component, scenario, stage, limits, key);
        }
    } machine;
    FragileStore store;
    const auto result = calibrate::calibrate(parsed(text), machine, store, [](const Step&) {});
    REQUIRE(result);
    REQUIRE(result->size() == 2);
    CHECK((*result)[0].end == End::NotKnown);
    CHECK_THAT((*result)[0].summary, ContainsSubstring("no such cgroup"));
    CHECK((*result)[1].end == End::Calibrated);

    // Where nothing at all can be measured, that is the answer.
    Spec alone = parsed(text);
    alone.components.resize(1);
    FragileStore other;
    const auto none = calibrate::calibrate(alone, machine, other, [](const Step&) {});
    REQUIRE_FALSE(none);
    CHECK(none.error().kind == ErrorKind::Unavailable);
}

TEST_CASE("calibrate, void: output that no metrics_regex matches is no measurement")
{
    SimulatedMachine machine;
    machine.fault = Fault::NeverConnects;
    const ComponentResult result = result_of(
        machine, replaced(kVoidSpec, R"("targets")", R"re("metrics_regex": ["rate:thruput: ([0-9]+)"], "targets")re"));
    CHECK(result.end == End::NotKnown);
    CHECK_THAT(result.summary, ContainsSubstring("metrics_regex") && ContainsSubstring("thruput"));
    CHECK(result.proposals.empty());
}

TEST_CASE("calibrate, void: a share of an instance that is no more meets no target")
{
    SimulatedMachine machine;
    machine.fault = Fault::OomKilled;
    const ComponentResult result = result_of(machine, replaced(kVoidSpec, R"(["throughput >= 800/s"])",
                                                               R"(["memory / rate <= 77M", "throughput >= 800/s"])"));
    CHECK(result.end == End::NotKnown);
    for (const TargetResult& target : result.scenarios.front().targets) {
        INFO(target.target.text);
        CHECK(target.after.outcome == Outcome::Inconclusive);
    }
}

TEST_CASE("calibrate, void: new limits and the old ones are measured in turn, never all of one first")
{
    class Recorder final : public SimulatedMachine {
    public:
        std::string order;
        Result<Run> run(const Component& component, const Scenario& scenario, const Stage* stage, const Limits& limits,
                        const RunKey& key) override
        {
            if (key.phase.starts_with("reference") || key.phase.starts_with("validate"))
                order += key.phase.starts_with("reference") ? 'A' : 'B';
            return SimulatedMachine::run(component, scenario, stage, limits, key);
        }
    } machine;
    FragileStore store;
    REQUIRE(calibrate::calibrate(parsed(kVoidSpec), machine, store, [](const Step&) {}));
    CHECK(machine.order == "ABBAAB");
}

TEST_CASE("calibrate: each new limit is shown to bite, or said to be more than was needed")
{
    SimulatedMachine machine;
    const ComponentResult result = result_of(machine);
    REQUIRE(result.end == End::Calibrated);
    REQUIRE(result.bites.size() == 3);
    for (const Bite& bite : result.bites) {
        INFO(bite.file << " " << bite.lowered << ": " << bite.what);
        // 13 tasks leave room over a peak of 10: a fifth lower is 11.
        CHECK(bite.answer == (bite.file == "pids.max" ? Bite::Answer::Idle : Bite::Answer::Bites));
        CHECK_FALSE(bite.what.empty());
    }
}

TEST_CASE("calibrate: limits go together, and never above the machine")
{
    CHECK(in_pairs({{"cpu.max", "50000 100000"}, {"cpu.max.burst", "61000"}}).at("cpu.max.burst") == "50000");
    CHECK(in_pairs({{"cpu.max", "max 100000"}, {"cpu.max.burst", "61000"}}).at("cpu.max.burst") == "61000");
    CHECK(in_pairs({{"memory.max", "4096"}, {"memory.high", "8192"}}).at("memory.high") == "4096");
    CHECK(in_pairs({{"memory.high", "8192"}}).at("memory.high") == "8192");

    // What was tried is above what it was: raising never lowers, and the burst never passes the quota.
    Component component = parsed(kVoidSpec).components.front();
    component.limits = {{"cpu.max", "50000 100000"}};
    component.bounds["cpu.max"].most = 2;
    ScenarioResult slow{.name = "normal", .before = {}, .after = {}, .targets = {}};
    slow.before.metrics["throttled"].runs = {0};
    slow.after.metrics["throttled"].runs = {0.5};
    slow.retention = 0.5;
    slow.retention_interval = stats::Interval{0.4, 0.6};
    const Limits tried{{"cpu.max", "61000 100000"}, {"cpu.max.burst", "61000"}};
    Limits now = tried;
    for (std::uint32_t failures = 1; failures < 8; ++failures) {
        const Decision decision = decide(component, {&slow, 1}, now, {}, Runs::AreAll, failures);
        REQUIRE_FALSE(decision.accepted);
        if (decision.next == component.limits)
            break;  // nothing is left to raise
        const double was = limit_number("cpu.max", now.at("cpu.max")).value_or(0),
                     is = limit_number("cpu.max", decision.next.at("cpu.max")).value_or(0),
                     burst = limit_number("cpu.max.burst", decision.next.at("cpu.max.burst")).value_or(0);
        INFO(decision.next.at("cpu.max") << ", burst " << burst);
        CHECK(is >= was);
        CHECK(is <= 2);
        CHECK(burst <= is * 100'000 + 1);
        now = decision.next;
    }
    CHECK(limit_number("cpu.max", now.at("cpu.max")) == Approx(2));

    SimulatedMachine machine;
    machine.says = 5;
    machine.most = {{"cpu.max", 0.5}, {"memory.max", 300e6}};
    const ComponentResult result = result_of(machine);
    CHECK(limit_number("cpu.max", result.after.at("cpu.max")).value_or(9) <= 0.5);
    CHECK(limit_number("memory.max", result.after.at("memory.max")).value_or(9e9) <= 300e6 + 4096);
}

TEST_CASE("calibrate: what a tuner's own trial could not decide, the validation does")
{
    SimulatedMachine machine;
    machine.fault = Fault::TrialUndecided;
    const ComponentResult result = result_of(machine);
    INFO(result.summary);
    CHECK(result.end == End::Calibrated);
    CHECK(limit_number("cpu.max", result.after.at("cpu.max")) == Approx(0.33));

    // Where it does not hold there either, nothing has answered.
    SimulatedMachine low;
    low.fault = Fault::TrialUndecided;
    low.says = 0.1;
    CHECK_FALSE(positive(result_of(
        low, replaced(kVoidSpec, R"("iterations": 3,)", R"("iterations": 3, "tuning": {"max_iterations": 1},)"))));

    tune::Proposal rejected{.answer = tune::Answer::Inconclusive, .values = {tune::Value{.file = "cpu.max"}}};
    CHECK_FALSE(to_be_tried(rejected));
    rejected.trials.push_back({.verdict = tune::Verdict::Rejected});
    CHECK_FALSE(to_be_tried(rejected));
}

TEST_CASE("calibrate: what new limits are compared with has to live as well")
{
    const Component component = parsed(kVoidSpec).components.front();
    ScenarioResult one{.name = "normal", .before = {}, .after = {}, .targets = {}};
    one.retention = 3;
    one.retention_interval = stats::Interval{2, 4};
    one.lifeless_before = {"the workload ended with 7"};
    const Decision decision = decide(component, {&one, 1}, {{"pids.max", "6"}}, {}, Runs::AreAll);
    CHECK_FALSE(decision.accepted);
    CHECK(decision.undecided);
    CHECK_THAT(decision.reasons.front(), ContainsSubstring("under its own limits meanwhile"));
}

TEST_CASE("calibrate: a limit that is known not to have acted is not raised")
{
    const Component component = parsed(kVoidSpec).components.front();
    ScenarioResult slow{.name = "normal", .before = {}, .after = {}, .targets = {}};
    for (const char* silent : {"throttled", "fork_failures", "oom_kills"})
        slow.before.metrics[silent].runs = slow.after.metrics[silent].runs = {0};
    slow.retention = 0.5;
    slow.retention_interval = stats::Interval{0.4, 0.6};
    const Limits tried{{"cpu.max", "50000 100000"}, {"memory.high", "100000000"}, {"pids.max", "6"}};
    const Decision decision = decide(component, {&slow, 1}, tried, {}, Runs::AreAll);
    CHECK_FALSE(decision.accepted);
    CHECK(decision.next.at("pids.max") == "6");
    CHECK(decision.next.at("cpu.max") == "50000 100000");
    // Nothing has told whether memory.high has acted.
    CHECK(decision.next.at("memory.high") != "100000000");
}

TEST_CASE("calibrate: steps never exceed their total, and the time left counts tuning")
{
    for (const double says : {1.1, 0.7}) {
        SimulatedMachine machine;
        machine.says = says;
        machine.fault = Fault::NeighbourOnce;
        FragileStore store;
        std::vector<Step> steps;
        REQUIRE(
            calibrate::calibrate(parsed(kVoidSpec), machine, store, [&](const Step& step) { steps.push_back(step); }));
        REQUIRE_FALSE(steps.empty());
        // A look, two sides of three runs, and three resources with their trials.
        constexpr std::uint64_t kASecond = 1'000'000'000;
        CHECK(steps.front().left_ns >= (7 * 35 + 3 * (35 + 60)) * kASecond);
        for (std::size_t i = 0; i < steps.size(); ++i) {
            INFO(steps[i].what);
            CHECK(steps[i].done == i);
            CHECK(steps[i].done + 1 <= steps[i].all);
        }
    }
}
