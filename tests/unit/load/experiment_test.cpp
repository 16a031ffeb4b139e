// SPDX-License-Identifier: Apache-2.0
// Whole plans against simulated systems whose capacity is known, in virtual time.
#include "flyball/load/driver.hpp"
#include "flyball/load/experiment.hpp"
#include "simulated_system.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace flyball;
using namespace flyball::load;
using flyball::test::kMs;
using flyball::test::kSecond;
using flyball::test::SimulatedSystem;

namespace {

// A new system for each level.
class SimulatedBench final : public Bench {
public:
    using Make = std::function<std::unique_ptr<SimulatedSystem>(const LevelSpec&)>;
    SimulatedBench(const Plan& plan, Make make) : plan_(plan), make_(std::move(make)) {}

    Result<Level> run(const LevelSpec& spec, bool may_give_up) override
    {
        ++runs;
        const auto system = make_(spec);
        if (runs == interrupt_at)
            system->stop_at = system->now_ns() + kSecond / 2;
        DriverOptions options{.in_flight = plan_.in_flight,
                              .timeout_ns = plan_.timeout_ns,
                              .warmup_ns = spec.warmup_ns,
                              .phases = spec.phases};
        if (may_give_up)
            options.give_up = plan_.objectives;
        auto level =
            run_requests(*system, Schedule(spec.segments, plan_.arrivals, static_cast<std::uint64_t>(runs)), options);
        stopped_ = stopped_ || system->stopped();
        simulated_ns += level ? level->span_ns : 0;
        return level;
    }
    void rest(std::uint64_t) override { ++rests; }
    bool stopped() override { return stopped_; }

    int runs = 0, rests = 0, interrupt_at = 0;
    std::uint64_t simulated_ns = 0;

private:
    const Plan& plan_;
    Make make_;
    bool stopped_ = false;
};

Plan plan_of(Request request)
{
    if (request.command.empty())
        request.command = {"true"};
    auto plan = make_plan(request);
    INFO((plan ? std::string() : plan.error().what));
    REQUIRE(plan);
    return *std::move(plan);
}

Outcomes carried_out(const Plan& plan, SimulatedBench& bench)
{
    auto outcomes = carry_out(plan, bench, [](std::string_view) {});
    REQUIRE(outcomes);
    return *std::move(outcomes);
}

SimulatedBench::Make servers(std::size_t count, std::uint64_t service_ns)
{
    return [=](const LevelSpec&) {
        return std::make_unique<SimulatedSystem>(count, [=](std::uint64_t) { return service_ns; });
    };
}

}  // namespace

TEST_CASE("the breaking point of c servers is c over their service time", "[load]")
{
    struct Case {
        std::size_t servers;
        std::uint64_t service_ms;
        bool poisson;
    };
    for (const Case c : {Case{1, 20, false}, {4, 10, false}, {8, 50, false}, {4, 10, true}, {16, 100, true}}) {
        Request request;
        request.find = "rate=10..100000";
        request.hold = "10s";
        request.objectives = {"p90<1s", "errors<1%", "throughput>=95%"};
        request.poisson = c.poisson;
        const Plan plan = plan_of(request);
        SimulatedBench bench(plan, servers(c.servers, c.service_ms * kMs));
        const Outcomes outcomes = carried_out(plan, bench);
        REQUIRE(outcomes.found.size() == 1);
        const Found& found = outcomes.found.front();
        const double capacity = static_cast<double>(c.servers) * 1000.0 / static_cast<double>(c.service_ms);
        INFO(c.servers << " servers of " << c.service_ms << " ms: " << found.result.held.value_or(0) << " to "
                       << found.result.broken.value_or(0) << ", capacity " << capacity << ", " << found.result.trials
                       << " windows");
        REQUIRE(found.result.end == SearchEnd::Found);
        CHECK(*found.result.held == Approx(capacity).epsilon(0.10));
        CHECK(*found.result.broken == Approx(capacity).epsilon(0.15));
        CHECK(*found.result.broken <= *found.result.held * 1.05 + 1e-6);
        CHECK(found.at_held->counts.ok > 0);
        CHECK_FALSE(found.reason.empty());
        CHECK(outcomes.verdict() == Verdict::Met);
        CHECK(bench.rests > 0);
    }
}

TEST_CASE("a latency objective breaks below the capacity", "[load]")
{
    // M/D/1 with 10 ms: by simulation of the queue alone (Lindley's recursion), p99 is 50 ms at about rho = 0.76.
    Request request;
    request.find = "rate=5..1000";
    request.hold = "120s";
    request.objectives = {"p99<50ms"};
    request.poisson = true;
    const Plan plan = plan_of(request);
    SimulatedBench bench(plan, servers(1, 10 * kMs));
    const Outcomes outcomes = carried_out(plan, bench);
    const Found& found = outcomes.found.front();
    INFO(found.result.held.value_or(0) << " to " << found.result.broken.value_or(0));
    REQUIRE(found.result.held);
    // Lindley: W' = max(0, W + S - A).
    const auto p99 = [](double rate) {
        std::mt19937_64 random(1);
        std::exponential_distribution<double> gap(rate);
        std::vector<double> sojourns;
        for (double wait = 0; sojourns.size() < 200'000; wait = std::max(0.0, wait + 0.010 - gap(random)))
            sojourns.push_back(wait + 0.010);
        std::ranges::nth_element(sojourns, sojourns.begin() + 198'000);
        return sojourns[198'000];
    };
    CHECK(p99(*found.result.held * 0.94) < 0.050);
    CHECK(p99(found.result.broken.value_or(0) * 1.06) > 0.050);
    CHECK(found.reason.find("p99") != std::string::npos);
}

TEST_CASE("the search runs over another parameter too, and for each combination of a sweep", "[load]")
{
    // {workers} makes the system: how few still do? Here: how many {size} units of 10 ms fit at 10/s.
    Request request;
    request.find = "size=1..64";
    request.rate = "10";
    request.hold = "10s";
    request.sweeps = {"servers=1,2"};
    request.objectives = {"p90<1s", "throughput>=95%"};
    request.command = {"work", "{size}", "{servers}"};
    const Plan plan = plan_of(request);
    SimulatedBench bench(plan, [](const LevelSpec& spec) {
        const auto ns = static_cast<std::uint64_t>(std::stoul(spec.parameters.at("size"))) * 10 * kMs;
        return std::make_unique<SimulatedSystem>(std::stoul(spec.parameters.at("servers")),
                                                 [ns](std::uint64_t) { return ns; });
    });
    const Outcomes outcomes = carried_out(plan, bench);
    REQUIRE(outcomes.found.size() == 2);
    CHECK(outcomes.found[0].result.held == 10);
    CHECK(outcomes.found[0].result.broken == 11);
    CHECK(outcomes.found[1].result.held.value_or(0) == Approx(20).margin(1));
}

TEST_CASE("steps are judged one by one, and one that breaks makes the verdict", "[load]")
{
    Request request;
    request.steps = "50,90,200";
    request.objectives = {"p90<100ms"};
    const Plan plan = plan_of(request);
    SimulatedBench bench(plan, servers(1, 10 * kMs));
    const Outcomes outcomes = carried_out(plan, bench);
    REQUIRE(outcomes.levels.size() == 3);
    CHECK(outcomes.levels[0].verdict() == Verdict::Met);
    CHECK(outcomes.levels[1].verdict() == Verdict::Met);
    CHECK(outcomes.levels[2].verdict() == Verdict::Broken);
    CHECK(outcomes.levels[2].achieved().value_or(0) == Approx(100).epsilon(0.02));
    CHECK(outcomes.verdict() == Verdict::Broken);
    CHECK(bench.rests == 2);
}

TEST_CASE("recovery from a burst is as long as its backlog takes", "[load]")
{
    // 100/s can be done. 5 s of 300/s leave 1000 requests; at 50/s beside them they are gone after 20 s.
    Request request;
    request.rate = "50";
    request.duration = "100s";
    request.burst = "6x every 50s for 5s";
    request.objectives = {"p90<100ms"};
    request.in_flight = 10'000;
    const Plan plan = plan_of(request);
    SimulatedBench bench(plan, servers(1, 10 * kMs));
    const Outcomes outcomes = carried_out(plan, bench);
    REQUIRE(outcomes.levels.size() == 1);
    REQUIRE(outcomes.levels[0].recoveries.size() == 1);
    const Recovery& recovery = outcomes.levels[0].recoveries[0];
    CHECK(recovery.limit_ns == 100e6);
    CHECK(static_cast<double>(recovery.after_ns.value_or(0)) == Approx(20e9).margin(0.5e9));
}

TEST_CASE("an interrupted search gives what it knows, and no verdict", "[load]")
{
    Request request;
    request.find = "rate=10..100000";
    request.objectives = {"errors<1%", "p50<1s"};
    const Plan plan = plan_of(request);
    SimulatedBench bench(plan, servers(4, 10 * kMs));
    bench.interrupt_at = 4;
    const Outcomes outcomes = carried_out(plan, bench);
    CHECK(outcomes.interrupted);
    CHECK(outcomes.levels.size() == 4);
    CHECK(outcomes.found.front().result.end == SearchEnd::Running);
    CHECK(outcomes.found.front().result.held == 40);
    CHECK(outcomes.verdict() == Verdict::Unknown);
}

TEST_CASE("windows in which flyball itself was late are no evidence against the system", "[load]")
{
    Request request;
    request.find = "rate=10..100000";
    request.hold = "10s";
    request.objectives = {"p90<100ms", "throughput>=95%"};
    const Plan plan = plan_of(request);
    int made = 0;
    // Every third window the machine wakes us a second late, whatever the rate.
    SimulatedBench bench(plan, [&](const LevelSpec&) {
        auto system = std::make_unique<SimulatedSystem>(4, [](std::uint64_t) { return 10 * kMs; });
        system->wake_up_delay = ++made % 3 == 0 ? kSecond : 0;
        return system;
    });
    const Outcomes outcomes = carried_out(plan, bench);
    const Found& found = outcomes.found.front();
    const auto left_out = std::ranges::count(found.trials, false, &TrialRecord::counted);
    INFO(found.result.held.value_or(0) << " to " << found.result.broken.value_or(0) << ", " << left_out << " left out");
    REQUIRE(found.result.end == SearchEnd::Found);
    CHECK(*found.result.held == Approx(400).epsilon(0.10));
    CHECK(left_out >= 1);
    CHECK(static_cast<std::size_t>(left_out) + found.result.trials == found.trials.size());
}
