// SPDX-License-Identifier: Apache-2.0
// The driver against queueing theory, in virtual time.
#include "flyball/load/driver.hpp"
#include "simulated_system.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"

#include <cmath>
#include <random>

using namespace flyball;
using namespace flyball::load;
using flyball::test::kMs;
using flyball::test::kSecond;
using flyball::test::SimulatedSystem;

namespace {

Schedule steady_requests(double rate, std::uint64_t seconds, Arrivals arrivals = Arrivals::Fixed)
{
    return Schedule({{.label = "", .from_rate = rate, .to_rate = rate, .length_ns = seconds * kSecond}}, arrivals, 11);
}

SimulatedSystem::Service always(std::uint64_t ns)
{
    return [ns](std::uint64_t) { return ns; };
}

Level run(SimulatedSystem& system, Schedule schedule, const DriverOptions& options = {})
{
    auto level = run_requests(system, std::move(schedule), options);
    REQUIRE(level);
    const Counts& counts = level->total.counts;
    CHECK(counts.intended == counts.ok + counts.failed + counts.shed + counts.timed_out + counts.abandoned);
    CHECK(level->total.latency_ns.count() == counts.ok);
    return *std::move(level);
}

Objective promised(std::string_view text)
{
    return parse_objective(text).value();
}

}  // namespace

TEST_CASE("M/D/1: the mean latency is that of the formula", "[load]")
{
    // Pollaczek and Khinchine: S + rho S / 2 (1 - rho); rho 0.8, S 10 ms: 30 ms.
    SimulatedSystem system(1, always(10 * kMs));
    const Level level = run(system, steady_requests(80, 2000, Arrivals::Poisson), {.in_flight = 100'000});
    CHECK(level.total.latency_ns.mean() == Approx(30e6).epsilon(0.05));
    CHECK(level.total.counts.ok == level.total.counts.intended);
    CHECK(level.total.completed_rate() == Approx(80).epsilon(0.01));
}

TEST_CASE("M/M/1: quantiles of the latency are those of an exponential", "[load]")
{
    std::mt19937_64 random(1);
    std::exponential_distribution<double> draw(100);
    SimulatedSystem system(1, [&](std::uint64_t) { return static_cast<std::uint64_t>(draw(random) * 1e9); });
    const Level level = run(system, steady_requests(50, 2000, Arrivals::Poisson), {.in_flight = 100'000});
    for (const double q : {0.5, 0.9, 0.99})
        CHECK(static_cast<double>(level.total.latency_ns.quantile(q)) ==
              Approx(-std::log(1 - q) / 50 * 1e9).epsilon(0.07));
}

TEST_CASE("the same queue at the client's places gives the same latencies as at the server", "[load]")
{
    // One place: requests wait for it with us. Their latency counts from their instant all the same.
    SimulatedSystem here(1, always(10 * kMs)), there(1, always(10 * kMs));
    const Level with_us = run(here, steady_requests(90, 250, Arrivals::Poisson), {.in_flight = 1});
    const Level with_it = run(there, steady_requests(90, 250, Arrivals::Poisson), {.in_flight = 100'000});
    CHECK(here.most_running == 1);
    CHECK(with_us.total.latency_ns == with_it.total.latency_ns);
    CHECK(with_us.total.service_ns.max() == 10 * kMs);
    CHECK(with_us.own_delay_ns.max() == 0);  // waiting for a place is not our delay
}

TEST_CASE("coordinated omission: a stall is charged to all requests that it kept waiting", "[load]")
{
    // 100/s of 1 ms for 10 s; from the third second on nothing happens for 2 s.
    SimulatedSystem system(4, always(1 * kMs));
    system.stall_begin = 4 * kSecond;
    system.stall_end = 6 * kSecond;
    const Level level = run(system, steady_requests(100, 10), {.in_flight = 4});
    CHECK(level.total.counts.ok == 1000);
    // A fifth of all requests was intended in the stall: waiting is spread evenly over 2 s.
    CHECK(static_cast<double>(level.total.latency_ns.quantile(0.9)) == Approx(1e9).epsilon(0.05));
    CHECK(static_cast<double>(level.total.latency_ns.quantile(0.99)) == Approx(1.9e9).epsilon(0.05));
    CHECK(static_cast<double>(level.total.latency_ns.max()) == Approx(2e9).epsilon(0.01));
    // From the start of each request, as a closed loop measures, only the four in flight were slow.
    CHECK(level.total.service_ns.quantile(0.99) <= 2 * kMs);
    CHECK(level.total.service_ns.quantile(0.9999) > kSecond);
}

TEST_CASE("beyond its capacity a system gets through no more than that", "[load]")
{
    SimulatedSystem system(2, always(10 * kMs));  // 200/s
    const Level level = run(system, steady_requests(400, 20),
                            {.in_flight = 1000, .timeout_ns = 60 * kSecond, .warmup_ns = 2 * kSecond});
    CHECK(level.total.completed_rate() == Approx(200).epsilon(0.01));
    CHECK(level.total.counts.intended == 400 * 18);
    CHECK(level.total.counts.ok == 400 * 18);  // late, but done
}

TEST_CASE("what is not started in time is shed, what is not done in time is killed", "[load]")
{
    // Those before it are killed before its own time is over: nothing is shed unless that comes late.
    SimulatedSystem system(1000, always(5 * kSecond));
    system.wake_up_delay = 3 * kSecond;
    const Level level = run(system, steady_requests(10, 10), {.in_flight = 2, .timeout_ns = 2 * kSecond});
    CHECK(level.total.counts.ok == 0);
    CHECK(level.total.counts.shed > 0);
    CHECK(level.total.counts.timed_out > 0);
    CHECK(level.total.counts.endless() == 100);
    CHECK(system.most_running <= 2);
}

TEST_CASE("failures are counted, those to start too", "[load]")
{
    SimulatedSystem system(8, always(1 * kMs));
    system.fails = [](std::uint64_t number) { return number % 10 == 3; };
    system.refused = {0, 50};
    const Level level = run(system, steady_requests(100, 1));
    CHECK(level.total.counts.failed == 12);
    CHECK(level.total.counts.ok == 88);
    CHECK(level.first_error == "no more processes");
}

TEST_CASE("our own lateness is measured apart, and is part of the latency", "[load]")
{
    SimulatedSystem system(8, always(1 * kMs));
    system.wake_up_delay = 3 * kMs;
    const Level level = run(system, steady_requests(10, 10));
    CHECK(level.own_delay_ns.quantile(0.99) == Approx(3e6).epsilon(0.04));
    CHECK(level.total.latency_ns.quantile(0.99) >= 4 * kMs);
}

TEST_CASE("phases take the requests that were intended in them, and the completions that happened in them", "[load]")
{
    SimulatedSystem system(8, always(300 * kMs));
    DriverOptions options;
    for (const auto& [begin, end] : {std::pair{0, 4}, {4, 10}}) {
        Phase phase;
        phase.begin_ns = static_cast<std::uint64_t>(begin) * kSecond;
        phase.end_ns = static_cast<std::uint64_t>(end) * kSecond;
        options.phases.push_back(phase);
    }
    const Level level = run(system, steady_requests(10, 10), options);
    REQUIRE(level.phases.size() == 2);
    CHECK(level.phases[0].counts.intended == 40);
    CHECK(level.phases[1].counts.intended == 60);
    CHECK(level.phases[0].completed == 37);  // those of the last 300 ms end in the next one
    CHECK(level.phases[1].completed == 60);
    CHECK(level.phases[0].counts.ok == 40);
    std::uint64_t sum = 0;
    for (const Moment& moment : level.timeline.moments)
        sum += moment.intended;
    CHECK(sum == 100);
}

TEST_CASE("a lost objective ends the run early, and never one that is met", "[load]")
{
    {
        SimulatedSystem system(1, always(20 * kMs));  // 50/s
        const Level level =
            run(system, steady_requests(200, 60), {.in_flight = 10'000, .give_up = {promised("p99<100ms")}});
        CHECK(level.ended_early.starts_with("p99<100ms cannot be met any more"));
        CHECK(level.span_ns < 10 * kSecond);
        CHECK(level.total.counts.abandoned > 0);
    }
    {
        // 0.9 % are slow: just not enough.
        SimulatedSystem system(1000, [](std::uint64_t number) { return number % 112 == 0 ? kSecond : kMs; });
        const Level level =
            run(system, steady_requests(200, 60), {.give_up = {promised("p99<100ms"), promised("errors<1%")}});
        CHECK(level.ended_early.empty());
        CHECK(judge(promised("p99<100ms"), level).verdict == Verdict::Met);
    }
    {
        SimulatedSystem system(8, always(kMs));
        system.fails = [](std::uint64_t number) { return number % 2 == 0; };
        const Level level = run(system, steady_requests(200, 60), {.give_up = {promised("errors<1%")}});
        CHECK(level.ended_early.starts_with("errors<1%"));
        CHECK(level.span_ns < 5 * kSecond);
    }
}

TEST_CASE("a stop gives what there was until then", "[load]")
{
    SimulatedSystem system(8, always(10 * kMs));
    system.stop_at = system.now_ns() + 3 * kSecond + 5 * kMs;
    const Level level = run(system, steady_requests(100, 60));
    CHECK(level.interrupted);
    CHECK(level.total.counts.ok == 300);
    CHECK(level.total.counts.abandoned == 1);
    CHECK(level.span_ns == 3 * kSecond + 5 * kMs);
    CHECK(level.total.completed_rate() == Approx(100).epsilon(0.01));
}

TEST_CASE("the timeline stays short, and loses no request", "[load]")
{
    Timeline timeline;
    for (std::uint64_t second = 0; second < 100'000; ++second) {
        Moment& moment = timeline.at(second * kSecond);
        ++moment.intended;
        moment.slowest_ns = std::max(moment.slowest_ns, second);
    }
    CHECK(timeline.moments.size() <= 1024);
    CHECK(timeline.moments.size() * timeline.step_ns >= 100'000 * kSecond);
    std::uint64_t sum = 0, slowest = 0;
    for (const Moment& moment : timeline.moments) {
        sum += moment.intended;
        CHECK(moment.slowest_ns >= slowest);
        slowest = moment.slowest_ns;
    }
    CHECK(sum == 100'000);
    CHECK(slowest == 99'999);
}
