// SPDX-License-Identifier: Apache-2.0
// The phases over a simulated machine whose needs are known, and a crash after each of its steps.
#include "simulated_machine.hpp"
#include "support.hpp"
#include "support/catch.hpp"

#include <set>

using namespace flyball;
using namespace flyball::calibrate;
using flyball::test::FragileStore;
using flyball::test::replaced;
using flyball::test::SimulatedMachine;

namespace {

constexpr const char* kSpec = R"({
  "version": 1, "name": "test", "duration": "30s", "warmup": "5s", "iterations": 3, "tune": ["memory", "cpu", "pids"],
  "components": [
    { "name": "web", "resource_limits": { "memory.max": 268435456, "cpu.max": "100000 100000", "pids.max": 64 },
      "parameters": { "rate": 10 }, "load_parameters": ["rate"], "command": "serve {rate}",
      "targets": ["throughput >= 80% of baseline"],
      "oom_test": { "command": "eat {stress_mib}" },
      "scenarios": [ { "name": "normal" }, { "name": "burst", "load": "2x", "targets": ["throughput >= 1500/s"] } ] } ] })";

// The specification with another scenario.
std::string with_scenario(const std::string& scenario)
{
    const std::string normal = R"({ "name": "normal" })";
    return replaced(kSpec, normal, normal + ", " + scenario);
}

Spec spec(const std::string& text = kSpec)
{
    auto parsed = parse_spec(text);
    if (!parsed)
        FAIL(calibrate::text(parsed.error().front(), "spec"));
    return std::move(*parsed);
}

Result<std::vector<ComponentResult>> go(const Spec& s, Machine& machine, Store& store)
{
    return calibrate::calibrate(s, machine, store, [](const Step&) {});
}

ComponentResult one(const Spec& s, Machine& machine)
{
    FragileStore store;
    auto result = go(s, machine, store);
    REQUIRE(result);
    REQUIRE(result->size() == 1);
    return std::move(result->front());
}

bool same(const ComponentResult& a, const ComponentResult& b)
{
    const auto outcomes = [](const ComponentResult& component) {
        std::string all;
        for (const ScenarioResult& scenario : component.scenarios)
            for (const TargetResult& target : scenario.targets)
                all += fmt::format("{} {} {} {} {};", scenario.name, target.target.text, name(target.after.outcome),
                                   target.after.reason, scenario.retention.value_or(-1));
        return all;
    };
    return a.end == b.end && a.after == b.after && a.summary == b.summary && a.attempts.size() == b.attempts.size() &&
           a.notes == b.notes && outcomes(a) == outcomes(b) && a.oom.reports == b.oom.reports;
}

}  // namespace

TEST_CASE("calibrate: limits come down to what is needed, and everything is kept")
{
    SimulatedMachine machine;
    const ComponentResult result = one(spec(), machine);
    CHECK(result.end == End::Calibrated);
    CHECK(result.after.at("memory.max") == "110000000");
    // Tuned under the burst, which needs 0.6 CPUs.
    CHECK(limit_number("cpu.max", result.after.at("cpu.max")) == Approx(0.66));
    CHECK(result.after.at("pids.max") == "13");
    CHECK(result.before.at("pids.max") == "64");
    REQUIRE(result.attempts.size() == 1);
    CHECK(result.attempts[0].accepted);
    // Two scenarios: once to see what they need, three times under either limits; and each new limit a fifth lower.
    CHECK(machine.runs == 2 + 12 + 3);
    CHECK(machine.tunings == 3);
    CHECK(machine.ooms == 1);
    CHECK(result.oom.passed());
    REQUIRE(result.scenarios.size() == 2);
    CHECK(result.scenarios[1].retention.value_or(0) == Approx(1));
    REQUIRE(result.scenarios[1].targets.size() == 2);
    for (const TargetResult& target : result.scenarios[1].targets) {
        INFO(target.target.text << ": " << target.after.reason);
        CHECK(target.after.outcome == Outcome::Met);
    }
}

TEST_CASE("calibrate: limits that are too low are found out and raised, those to blame only")
{
    SimulatedMachine machine;
    machine.says = 0.7;
    const ComponentResult result = one(spec(), machine);
    CHECK(result.end == End::Calibrated);
    CHECK(result.attempts.size() > 1);
    CHECK_FALSE(result.attempts.front().accepted);
    CHECK_FALSE(result.attempts.front().reasons.empty());
    const double memory = limit_number("memory.max", result.after.at("memory.max")).value_or(0),
                 cpus = limit_number("cpu.max", result.after.at("cpu.max")).value_or(0);
    CHECK(memory >= machine.need.memory);
    CHECK(memory <= machine.need.memory * 1.3);
    // 80 % of the burst's throughput is enough.
    CHECK(cpus >= 0.8 * 0.6);
    CHECK(cpus <= 0.6 * 1.3);
    CHECK(result.after.at("pids.max") == "13");
    CHECK(result.scenarios[1].retention.value_or(0) >= 0.8);
}

TEST_CASE("calibrate: when no attempt holds, the limits stay as they were")
{
    SimulatedMachine machine;
    machine.says = 0.05;
    Spec s = spec();
    s.components[0].tuning.max_iterations = 2;
    const ComponentResult result = one(s, machine);
    CHECK(result.end == End::NotConverged);
    CHECK(result.after == result.before);
    CHECK(result.attempts.size() == 2);
}

TEST_CASE("calibrate: what is missed as it is, no limit mends")
{
    SimulatedMachine machine;
    const ComponentResult result = one(spec(replaced(kSpec, "1500/s", "9999/s")), machine);
    CHECK(result.end == End::Missed);
    CHECK(result.attempts.size() == 1);
}

TEST_CASE("calibrate: a tuner that refuses leaves its limit alone, and says why")
{
    SimulatedMachine machine;
    machine.leaks = true;
    const ComponentResult result = one(spec(), machine);
    CHECK(result.after.at("memory.max") == result.before.at("memory.max"));
    CHECK(std::ranges::any_of(result.notes,
                              [](const std::string& note) { return note.find("it leaks") != std::string::npos; }));
    // A limit without an answer is not right, whatever the others are.
    CHECK(result.end == End::NotKnown);
    CHECK(result.summary == "memory has no answer: it leaks");
    CHECK(result.after.at("pids.max") == "13");
}

TEST_CASE("calibrate: bounds are kept")
{
    SimulatedMachine machine;
    Spec s = spec();
    s.components[0].bounds["memory.max"] = {.least = 150e6, .most = {}};
    CHECK(limit_number("memory.max", one(s, machine).after.at("memory.max")) == Approx(150e6).epsilon(0.001));
}

TEST_CASE("calibrate: a limit that would go down by less than the convergence stays, one that has to go up does not")
{
    for (const auto& [has, gets] :
         {std::pair{"114000000", "114000000"}, {"120000000", "110000000"}, {"109000000", "110000000"}}) {
        SimulatedMachine machine;
        Spec s = spec();
        s.components[0].limits["memory.max"] = has;
        INFO(has);
        CHECK(one(s, machine).after.at("memory.max") == gets);
    }
}

TEST_CASE("calibrate: with a step down each limit goes down by no more from attempt to attempt, to what was found")
{
    SimulatedMachine machine;
    Spec s = spec();
    s.components[0].tuning.step_down = 0.3;
    const ComponentResult result = one(s, machine);
    CHECK(result.end == End::Calibrated);
    CHECK(result.after.at("memory.max") == "110000000");
    CHECK(result.after.at("pids.max") == "13");
    REQUIRE(result.attempts.size() > 2);
    Limits before = result.before;
    for (const Attempt& attempt : result.attempts) {
        CHECK(attempt.accepted);
        for (const auto& [file, text] : attempt.limits) {
            INFO(attempt.number << " " << file << " " << before[file] << " -> " << text);
            const auto was = limit_number(file, before[file]), is = limit_number(file, text);
            REQUIRE(was);
            REQUIRE(is);
            CHECK(*is >= *was * 0.7 * 0.95);
        }
        before = attempt.limits;
    }
    CHECK(before == result.after);
}

TEST_CASE("calibrate: a step that does not hold ends the descent where the last one held")
{
    SimulatedMachine machine;
    machine.says = 0.5;
    Spec s = spec();
    s.components[0].tuning.step_down = 0.3;
    const ComponentResult result = one(s, machine);
    CHECK(result.end == End::Calibrated);
    REQUIRE(result.attempts.size() > 1);
    CHECK_FALSE(result.attempts.back().accepted);
    const Attempt& held = result.attempts[result.attempts.size() - 2];
    CHECK(held.accepted);
    CHECK(result.after == held.limits);
    CHECK(limit_number("memory.max", result.after.at("memory.max")) >= machine.need.memory);

    // As far as the attempts go.
    s.components[0].tuning.max_iterations = 1;
    SimulatedMachine hasty;
    const ComponentResult first = one(s, hasty);
    CHECK(first.end == End::Calibrated);
    REQUIRE(first.attempts.size() == 1);
    CHECK(first.after == first.attempts[0].limits);
}

TEST_CASE("calibrate: a start that takes more than the load has what it takes")
{
    SimulatedMachine machine;
    machine.start_memory = 200e6;
    const std::string text =
        with_scenario(R"({ "name": "start", "cold_start": {}, "command": "init", "targets": ["cold_start < 1s"] })");
    const ComponentResult result = one(spec(text), machine);
    CHECK(result.end == End::Calibrated);
    CHECK(limit_number("memory.max", result.after.at("memory.max")) == Approx(200e6).epsilon(0.001));
    CHECK(result.attempts.size() == 1);
}

TEST_CASE("calibrate: of a scenario in stages, the one that asks for most is tuned under, if it counts")
{
    SimulatedMachine machine;
    const std::string text = with_scenario(R"({ "name": "ramp", "stages": [
        { "name": "a", "duration": "10s" }, { "name": "b", "duration": "10s", "load": 2.5 },
        { "name": "c", "duration": "10s", "load": 3.2, "measured": false } ] })");
    const ComponentResult result = one(spec(text), machine);
    CHECK(result.end == End::Calibrated);
    CHECK(limit_number("cpu.max", result.after.at("cpu.max")) == Approx(0.3 * 2.5 * 1.1));
}

TEST_CASE("calibrate: limits under which a start does not come to its end are refused")
{
    SimulatedMachine machine;
    machine.start_memory = 150e6;
    machine.tells_start_memory = false;
    const std::string text =
        with_scenario(R"({ "name": "start", "cold_start": {}, "command": "init", "targets": ["cold_start < 1s"] })");
    const ComponentResult result = one(spec(text), machine);
    REQUIRE(result.attempts.size() > 1);
    CHECK_FALSE(result.attempts[0].accepted);
    CHECK(result.attempts[0].reasons.front().find("it ended with 137") != std::string::npos);
    CHECK(limit_number("memory.max", result.after.at("memory.max")) >= 150e6);
}

TEST_CASE("calibrate: after a crash at any step it goes on, measures nothing twice, and comes to the same result")
{
    for (const double says : {1.1, 0.7}) {
        SimulatedMachine whole;
        whole.says = says;
        const ComponentResult wanted = one(spec(), whole);
        bool crashed = true;
        for (std::size_t at = 0; crashed; ++at) {
            SimulatedMachine machine;
            machine.says = says;
            FragileStore store;
            store.puts_left = at;
            crashed = !go(spec(), machine, store);
            const std::size_t kept = store.texts.size();
            CHECK((crashed ? kept == at : kept <= at));
            store.puts_left = ~std::size_t{0};
            const auto again = go(spec(), machine, store);
            REQUIRE(again);
            INFO("crash after " << at << " texts");
            CHECK(same(again->front(), wanted));
            // What was measured when it crashed was lost with the crash: that one, and no other, is measured twice.
            std::size_t twice = 0;
            for (const auto& [file, times] : machine.measured)
                twice += times > 1 ? 1 : 0;
            CHECK(twice <= 1);
            CHECK(machine.runs <= whole.runs + 1);
        }
    }
}

TEST_CASE("calibrate: a signal while it tunes is no answer: nothing of it is kept, and it is tuned the next time")
{
    SimulatedMachine whole;
    const ComponentResult wanted = one(spec(), whole);
    REQUIRE(whole.tunings == 3);
    for (std::size_t at = 1; at <= 3; ++at) {
        SimulatedMachine machine;
        machine.interrupted_at = at;
        FragileStore store;
        const auto ended = go(spec(), machine, store);
        REQUIRE_FALSE(ended);
        CHECK(ended.error().kind == ErrorKind::Interrupted);
        std::size_t proposals = 0;
        for (const auto& [name, text] : store.texts)
            proposals += name.find("tune-") != std::string::npos ? 1 : 0;
        CHECK(proposals == at - 1);
        const auto again = go(spec(), machine, store);
        REQUIRE(again);
        CHECK(machine.tunings == 4);
        CHECK(same(again->front(), wanted));
    }
}

TEST_CASE("calibrate: a run under other limits is not taken for this one, nor is a damaged file")
{
    SimulatedMachine machine;
    FragileStore store;
    REQUIRE(go(spec(), machine, store));
    const std::size_t before = machine.runs;
    Spec changed = spec();
    changed.components[0].limits["memory.max"] = "300000000";
    REQUIRE(go(changed, machine, store));
    // The first look, and what new limits are compared with.
    CHECK(machine.runs == before + 2 + 6);
    for (auto& [name, text] : store.texts)
        if (name.starts_with("raw/"))
            text.resize(text.size() / 2);
    const std::size_t damaged = machine.runs;
    REQUIRE(go(changed, machine, store));
    CHECK(machine.runs == damaged + 2 + 12 + 3);
}

TEST_CASE("calibrate: a run comes back from its file as it was, and files have names of their own")
{
    Run run{.key = {.component = "a/b", .phase = "baseline", .scenario = "..", .stage = "", .repetition = 2},
            .limits = {{"cpu.max", "1000 100000"}},
            .start_wall_ns = 5,
            .span_ns = 6,
            .metrics = {}};
    profile::Histogram histogram;
    for (std::uint64_t value : {1ULL, 1000ULL, 1'000'000ULL, 123'456'789ULL})
        histogram.add(value, 3);
    run.metrics["latency"] = {.runs = {1.5}, .samples = {1, 2, 3}, .events = {histogram}, .good = 3, .all = 4};
    run.trouble = "ended with 3";
    const auto back = run_from_json(run_to_json(run));
    REQUIRE(back);
    CHECK(back->key == run.key);
    CHECK(back->limits == run.limits);
    CHECK(back->trouble == run.trouble);
    REQUIRE(back->metrics.contains("latency"));
    CHECK(back->metrics.at("latency").runs == run.metrics.at("latency").runs);
    CHECK(back->metrics.at("latency").events.front() == histogram);
    CHECK(run.key.file().find("..") == std::string::npos);
    std::set<std::string> files;
    for (const char* scenario : {"a", "A", "a b", "a/b", "a%2Fb", "..", ".", "a.b"}) {
        for (const char* stage : {"", "all", "a"}) {
            RunKey key = run.key;
            key.scenario = scenario;
            key.stage = stage;
            files.insert(key.file());
        }
    }
    CHECK(files.size() == 24);
    CHECK_FALSE(run_from_json("{}"));
    CHECK_FALSE(run_from_json("not json"));
}
