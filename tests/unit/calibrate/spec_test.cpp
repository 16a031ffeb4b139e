// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

#include <algorithm>

using namespace flyball::calibrate;
using namespace flyball::test;

namespace {

const Scenario& scenario(const Component& component, std::string_view name)
{
    const auto found = std::ranges::find(component.scenarios, name, &Scenario::name);
    REQUIRE(found != component.scenarios.end());
    return *found;
}

constexpr std::uint64_t kSecond = 1'000'000'000;

}  // namespace

TEST_CASE("specification: every field reaches the scenario that it is for")
{
    const Spec spec = parsed(full_spec());
    CHECK(spec.name == "everything");
    CHECK(spec.profiles == std::vector<std::string>{"quick"});
    REQUIRE(spec.components.size() == 2);
    const Component& served = spec.components[0];
    CHECK(served.limits == std::map<std::string, std::string>{{"memory.max", "536870912"},
                                                              {"memory.high", "402653184"},
                                                              {"cpu.max", "200000 1000000"},
                                                              {"pids.max", "64"},
                                                              {"io.weight", "100"},
                                                              {"memory.oom.group", "0"}});
    CHECK(served.critical);
    CHECK(served.tune.size() == 4);
    CHECK(served.tuning.step_down == Approx(0.15));
    CHECK(served.tuning.step_up == Approx(0.25));
    CHECK(served.tuning.floor == Approx(0.85));
    CHECK(served.tuning.performance == "namespace_ms");
    CHECK(served.bounds.at("memory.max") == Bounds{64.0 * 1048576, 1073741824.0});
    CHECK(served.bounds.at("cpu.max") == Bounds{0.1, std::nullopt});
    CHECK(served.oom_test->stress == Approx(1.2));
    CHECK(served.neighbours == std::vector<std::string>{"living"});

    const Scenario& normal = scenario(served, "normal");
    CHECK(normal.parameters == Parameters{{"fast", "true"},
                                          {"least", "80"},
                                          {"mode", "long"},
                                          {"port", "8080"},
                                          {"rate", "100.5"},
                                          {"tool", "loadgen"},
                                          {"workers", "4"}});
    CHECK(normal.timing == Timing{50 * kSecond, 2 * kSecond, 2});
    CHECK_FALSE(normal.inside);
    REQUIRE(normal.targets.size() == 4);
    CHECK(normal.targets[0].text == "throughput >= 80/s");

    const Scenario& burst = scenario(served, "burst");
    CHECK(burst.parameters.at("rate") == "502.5");
    CHECK(burst.timing == Timing{30 * kSecond, 1 * kSecond, 3});
    CHECK(burst.inside);
    CHECK(burst.environment == Environment{{"BURST", "1"}, {"MODE", "{mode}"}, {"WORKERS", "{workers}"}});
    CHECK(scenario(served, "cold").cold_start->samples == 10);
    CHECK(scenario(served, "cold").targets.size() == 1);  // those of the component are about work under load
    CHECK(scenario(served, "stress").memory_stress == Approx(0.9));
    const Scenario& ramp = scenario(served, "ramp");
    REQUIRE(ramp.stages.size() == 2);
    CHECK_FALSE(ramp.stages[0].measured);
    CHECK(ramp.stages[1].parameters.at("rate") == "301.5");
    CHECK(ramp.stages[1].parameters.at("workers") == "3");

    const Component& living = spec.components[1];
    CHECK(living.cgroup == "clawos/worker.slice");
    CHECK(living.limits.at("cpu.max") == "50000 100000");
    CHECK(living.tune == std::vector{flyball::tune::Resource::Memory, flyball::tune::Resource::Cpu});
    CHECK(living.scenarios[0].command.argv == std::vector<std::string>{"/bin/sh", "-c", "drive it"});
    CHECK_FALSE(living.scenarios[0].inside);
}

TEST_CASE("specification: a profile shortens, chooses and gives parameters")
{
    const Spec spec = parsed(full_spec(), "quick");
    const Component& served = spec.components[0];
    CHECK(served.scenarios.size() == 3);
    CHECK(scenario(served, "normal").timing == Timing{3 * kSecond, 0, 1});
    CHECK(scenario(served, "normal").parameters.at("mode") == "short");
    CHECK(scenario(served, "cold").cold_start->samples == 2);
    CHECK(served.tuning.max_iterations == 2);
    CHECK(served.tuning.floor == Approx(0.85));
    const auto missing = parse_spec(full_spec(), "quik");
    REQUIRE_FALSE(missing);
    CHECK_THAT(told(missing.error()), ContainsSubstring("there is no profile 'quik' (did you mean 'quick'?)"));
}

TEST_CASE("specification: a workload by itself runs inside; defaults are P4.2's")
{
    const Spec spec =
        parsed(R"({"name": "a", "components": [{"name": "b", "resource_limits": {"cpu.max": 20000}, "command": "c",
                                 "scenarios": [{"name": "normal"}]}]})");
    const Component& component = spec.components[0];
    CHECK(component.limits.at("cpu.max") == "20000 100000");
    CHECK(component.scenarios[0].inside);
    CHECK(component.scenarios[0].timing == Timing{300 * kSecond, 30 * kSecond, 3});
    CHECK(component.tuning == Tuning{});
    CHECK(component.tuning.floor == Approx(0.8));
}

TEST_CASE("specification: the examples are right, in full and quick")
{
    for (const std::string name : {"clawos", "luminaguard", "caxton", "swarmsh", "services"}) {
        INFO(name);
        const std::string text = source_file("examples/" + name + "/" + name + ".json");
        const Spec full = parsed(text);
        const Spec quick = parsed(text, "quick");
        CHECK(full.name == name);
        CHECK(quick.components.size() <= full.components.size());
        std::uint64_t most = 0;
        for (const Component& component : quick.components)
            for (const Scenario& one : component.scenarios)
                most = std::max(most, one.timing.duration_ns);
        CHECK(most <= 6 * kSecond);
    }
    const Spec claws = parsed(source_file("examples/clawos/clawos.json"));
    CHECK(claws.components.size() == 8);
    CHECK(scenario(claws.components[0], "burst").parameters.at("concurrent_tasks") == "50");
    CHECK(scenario(claws.components[3], "burst").parameters.at("event_rate") == "100000");
    CHECK(claws.components[0].limits.at("cpu.max") == "250000 1000000");
}
