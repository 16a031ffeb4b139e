// SPDX-License-Identifier: Apache-2.0
// A calibration made up by hand: one component for each end, and one whose names and texts are hostile and whose
// figures are missing. Targets are judged by the real judge(), so that reasons are those of a calibration.
#pragma once

#include "flyball/calibrate/decision.hpp"
#include "flyball/report/calibration.hpp"
#include "sample_oom.hpp"
#include "sample_tune.hpp"

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace flyball::test::calibration_sample {

using namespace flyball::calibrate;

inline constexpr double kMs = 1e6, kMiB = 1 << 20;
// Newline, quotes, markup, a byte that is no UTF-8, ESC, a mark that turns the direction of writing.
inline const std::string kHostile = "a\n\"b'<script>alert(1)</script>&amp;]]>\xff\x1b[2J\u202e";

inline OomBehaviour oom_of(std::vector<oom::ScenarioResult> scenarios)
{
    oom::TestReport report = oom_sample::report();
    report.scenarios = std::move(scenarios);
    return {.not_tested = {}, .reports = {std::move(report)}};
}

// What a scenario does under certain limits.
struct Load {
    double rate = 1000;      // per second
    double latency_ms = 10;  // median
    double tail = 0.3;       // how much longer the slow ones take
    double memory_mib = 400, cpu = 0.15, tasks = 120;
    double throttled = 0, cpu_pressure = 0.01, memory_pressure = 0.002, io_pressure = 0.004;
    double oom_kills = 0;
};

// The same on every machine: a linear congruential generator, from -1 to 1.
class Noise {
public:
    explicit Noise(std::uint64_t seed) : state_(seed) {}
    double operator()()
    {
        state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
        return static_cast<double>(state_ >> 40U) / (1U << 23U) - 1;
    }

private:
    std::uint64_t state_;
};

// Quantiles of the distribution, which is heavy to the right; of a run.
inline profile::Histogram latencies(const Load& load, double run_factor, int events)
{
    profile::Histogram histogram;
    for (int i = 0; i < events; ++i) {
        const double u = (i + 0.5) / events;
        const double ns = load.latency_ms * kMs * run_factor * (1 - load.tail + load.tail * std::sqrt(u / (1 - u)));
        histogram.add(static_cast<std::uint64_t>(ns));
    }
    return histogram;
}

inline Measurements measured(const Load& load, std::uint64_t seed, int runs = 3, int seconds = 20, int events = 4000)
{
    Noise noise(seed);
    Measurements all;
    const auto add = [&](const char* name, double value, double spread) {
        Series& series = all.metrics[name];
        for (int run = 0; run < runs; ++run)
            series.runs.push_back(value * (1 + spread * noise()));
    };
    Series& throughput = all.metrics["throughput"];
    for (int run = 0; run < runs; ++run) {
        const double level = load.rate * (1 + 0.01 * noise());
        throughput.runs.push_back(level);
        for (int second = 0; second < seconds; ++second)
            throughput.samples.push_back(level * (1 + 0.04 * noise()));
    }
    Series& latency = all.metrics["latency"];
    for (int run = 0; run < runs; ++run)
        latency.events.push_back(latencies(load, 1 + 0.03 * noise(), events));
    add("memory", load.memory_mib * kMiB, 0.01);
    add("cpu", load.cpu, 0.02);
    add("tasks", std::floor(load.tasks), 0);
    add("throttled", load.throttled, 0.05);
    add("cpu_pressure", load.cpu_pressure, 0.1);
    add("memory_pressure", load.memory_pressure, 0.1);
    add("io_pressure", load.io_pressure, 0.1);
    add("oom_kills", load.oom_kills, 0);
    return all;
}

inline Scenario scenario(const std::string& name, std::initializer_list<const char*> targets)
{
    Scenario made;
    made.name = name;
    for (const char* text : targets)
        made.targets.push_back(parse_target(text).value());
    return made;
}

inline ScenarioResult judged(const Component& component, const Scenario& scenario, const Measurements& before,
                             const Measurements& after)
{
    return judge(component, scenario, before, after, {{"baseline", &before}}, {{"baseline", &before}});
}

inline Component asked(const std::string& name)
{
    Component component;
    component.name = name;
    return component;
}

inline ComponentResult agent_loop()
{
    const Component component = asked("agent-loop");
    ComponentResult result{.name = component.name,
                           .end = End::Calibrated,
                           .summary = "calibrated at the 2. attempt",
                           .before = {},
                           .after = {},
                           .oom = {}};
    result.before = {
        {"cpu.max", "200000 1000000"}, {"io.weight", "100"}, {"memory.max", "671088640"}, {"pids.max", "400"}};
    result.after = {{"cpu.max", "176000 1000000"},
                    {"io.weight", "94"},
                    {"memory.high", "520093696"},
                    {"memory.max", "536870912"},
                    {"pids.max", "290"}};
    auto cpu = tune_sample::cpu_limit();
    cpu.values[0] = {"cpu.max", "160000 1000000",        "200000 1000000",
                     160e6,     tune::Unit::Nanoseconds, stats::Interval{148e6, 171e6},
                     0.95,      cpu.values[0].method};
    cpu.values.pop_back();
    auto memory = tune_sample::memory_limit();
    memory.values[0] = {"memory.high",
                        "520093696",
                        "max",
                        496 * kMiB,
                        tune::Unit::Bytes,
                        stats::Interval{470 * kMiB, 496 * kMiB},
                        0.95,
                        memory.values[0].method};
    memory.values[1] = {"memory.max",
                        "536870912",
                        "671088640",
                        512 * kMiB,
                        tune::Unit::Bytes,
                        stats::Interval{488 * kMiB, 512 * kMiB},
                        0.95,
                        memory.values[1].method};
    auto pids = tune_sample::pids_limit();
    pids.values[0] = {"pids.max",           "290", "400", 290, tune::Unit::Tasks, stats::Interval{224, 290}, 0.98361,
                      pids.values[0].method};
    auto io = tune_sample::io_limit();
    io.values[0] = {"io.weight", "94", "100", 94, tune::Unit::None, stats::Interval{88, 97}, 0.9, io.values[0].method};
    result.proposals = {cpu, memory, pids, io};
    Limits first = result.after;
    first["cpu.max"] = "160000 1000000";
    result.attempts = {{1,
                        first,
                        false,
                        {"burst: 76.3% of the performance is left, 80.0% is the floor",
                         "cpu.max goes from 160000 1000000 to 176000 1000000"}},
                       {2, result.after, true, {}}};
    const Load normal{.rate = 1000, .latency_ms = 12, .throttled = 0.004};
    Load high{.rate = 1900, .latency_ms = 15, .memory_mib = 440, .cpu = 0.19, .throttled = 0.02, .cpu_pressure = 0.06};
    Load burst{.rate = 3400,
               .latency_ms = 21,
               .tail = 0.45,
               .memory_mib = 470,
               .cpu = 0.2,
               .throttled = 0.08,
               .cpu_pressure = 0.21};
    const auto with = [](Load load, double rate, double latency, double throttled) {
        load.rate *= rate;
        load.latency_ms *= latency;
        load.throttled += throttled;
        load.cpu_pressure += throttled / 2;
        return load;
    };
    const auto add = [&](const Scenario& one, const Load& before, const Load& after, std::uint64_t seed) {
        result.scenarios.push_back(judged(component, one, measured(before, seed), measured(after, seed + 7)));
    };
    add(scenario("normal",
                 {"throughput >= 80% of baseline", "p99 < 100ms", "memory <= 640MiB", "95% of runs under 120ms"}),
        normal, with(normal, 0.99, 1.02, 0.006), 1);
    add(scenario("high", {"throughput >= 80% of baseline", "p99 < 100ms", "memory <= 640MiB"}), high,
        with(high, 0.95, 1.08, 0.03), 2);
    add(scenario("burst", {"throughput >= 80% of baseline", "p99 < 135ms", "memory <= 640MiB"}), burst,
        with(burst, 0.86, 1.31, 0.12), 3);
    result.scenarios[2].troubles = {"validate-2: one of 50 clients lost its connection"};
    result.bites = {
        {"cpu.max", "176000 1000000", "140800 1000000", Bite::Answer::Bites,
         "burst: 41.0% of the periods are throttled, the CPU tuner promised 9.0% at most"},
        {"pids.max", "290", "232", Bite::Answer::Idle, "nothing measurable broke"},
        {"io.weight", "94", "", Bite::Answer::NotKnown, "others kept it waiting for CPUs for 31.0% of the time"}};
    result.oom = oom_of({oom_sample::group_on(1, 33'000), oom_sample::group_on(2, 41'000)});
    return result;
}

inline ComponentResult router()
{
    const Component component = asked("router");
    ComponentResult result{.name = component.name,
                           .end = End::Unchanged,
                           .summary = "the limits as they are are right",
                           .before = {{"cpu.max", "50000 100000"}, {"memory.max", "536870912"}, {"pids.max", "256"}},
                           .after = {},
                           .oom = {}};
    result.after = result.before;
    result.proposals = {tune_sample::cpu_unconfirmed(), tune_sample::pids_inconclusive()};
    const Measurements once = measured({.rate = 5000, .latency_ms = 2, .memory_mib = 480, .cpu = 0.44}, 11);
    result.scenarios = {judged(component, scenario("high_qps", {"throughput >= 4000/s", "p99 < 10ms"}), once, once)};
    result.notes = {"cpu stays as it is: the trial did not confirm it"};
    result.oom = oom_of({oom_sample::group_on(1, 33'000)});
    return result;
}

// Half of it was found, and the other half not.
inline ComponentResult unknown()
{
    ComponentResult result = router();
    result.name = "memory-search";
    result.end = End::NotKnown;
    result.summary = "cpu has no answer: the machine is too busy to measure on";
    result.attempts = {{1, {{"pids.max", "200"}}, false, {"normal: 81% of the performance is left"}, true}};
    return result;
}

inline ComponentResult ebpf_agent()
{
    const Component component = asked("ebpf-agent");
    ComponentResult result{.name = component.name,
                           .critical = true,
                           .end = End::NotConverged,
                           .summary = "no limits held in 3 attempts: they stay as they were",
                           .before = {{"cpu.max", "max 100000"}, {"memory.max", "268435456"}},
                           .after = {},
                           .oom = {}};
    result.after = result.before;
    result.proposals = {tune_sample::cpu_none(), tune_sample::memory_leak()};
    for (std::uint32_t number = 1; number <= 3; ++number)
        result.attempts.push_back(
            {number,
             {{"cpu.max", "max 100000"}, {"memory.max", std::to_string(201326592 + number * 16777216)}},
             false,
             {"event_burst: the OOM killer acted 2 times",
              "event_burst: 71.0% of the performance is left, 80.0% is the floor"}});
    const Measurements once = measured(
        {.rate = 9800, .latency_ms = 0.05, .memory_mib = 250, .memory_pressure = 0.14, .oom_kills = 1}, 21, 2, 3, 40);
    result.scenarios = {
        judged(component, scenario("event_burst", {"throughput >= 8000/s", "memory <= 307MiB"}), once, once)};
    return result;
}

inline ComponentResult clawfs()
{
    const Component component = asked("clawfs-daemon");
    ComponentResult result{
        .name = component.name,
        .end = End::Missed,
        .summary = "nothing is worse than before, and some targets are missed as they were before: no limit mends that",
        .before = {{"cpu.max", "400000 100000"}, {"io.weight", "default 200"}, {"memory.max", "8589934592"}},
        .after = {},
        .oom = {}};
    result.after = {{"cpu.max", "200000 100000"}, {"io.weight", "default 230"}, {"memory.max", "8321499136"}};
    result.attempts = {{1, result.after, true, {}}};
    const Load read{.rate = 400, .latency_ms = 30, .memory_mib = 7000, .cpu = 1.6, .io_pressure = 0.31};
    Load write = read;
    write.rate = 150;
    write.latency_ms = 80;
    // Four samples: too few for an interval of the median at 95 %.
    result.scenarios = {judged(component, scenario("read", {"throughput >= 350/s", "p99 < 60ms"}), measured(read, 31),
                               measured(read, 32)),
                        judged(component, scenario("write", {"throughput >= 350/s", "throttled <= 5%"}),
                               measured(write, 33, 2, 2, 200), measured(write, 34, 2, 2, 200))};
    result.oom = oom_of({oom_sample::group_fails(1), oom_sample::hostile_scenario()});
    return result;
}

inline ComponentResult hostile()
{
    const std::string name = kHostile + std::string(90, 'n');
    Component component = asked(name);
    component.tuning.performance = kHostile;
    ComponentResult result{.name = name,
                           .end = End::Calibrated,
                           .summary = kHostile,
                           .before = {{"memory.max", "max"}, {kHostile, "max"}},
                           .after = {{"memory.max", "1073741824"}, {kHostile, kHostile}},
                           .oom = {}};
    result.proposals = {tune_sample::io_aborted(), tune_sample::memory_limit()};
    result.proposals[1].values = {{"memory.max", "1073741824", "max", 1024 * kMiB, tune::Unit::Bytes,
                                   stats::Interval{1000 * kMiB, INFINITY}, 0.9, kHostile}};
    result.attempts = {{1, result.after, true, {kHostile}}};
    ScenarioResult one{.name = kHostile + std::string(60, 's'),
                       .before = {},
                       .after = {},
                       .targets = {},
                       .retention = {},
                       .retention_interval = {},
                       .troubles = {kHostile}};
    one.after.metrics[kHostile] = {.runs = {1, NAN, 3}, .samples = {}, .events = {}};
    Target target;
    target.text = kHostile;
    target.metric = kHostile;
    one.targets = {{target,
                    {.outcome = Outcome::Missed, .reason = kHostile, .estimate = NAN, .interval = {}},
                    {.outcome = Outcome::Inconclusive, .reason = kHostile, .estimate = {}, .interval = {}}}};
    ScenarioResult bare{.name = "bare",
                        .before = {},
                        .after = {},
                        .targets = {},
                        .retention = 0.9,
                        .retention_interval = {},
                        .troubles = {}};
    result.scenarios = {one, bare};
    result.notes = {kHostile, std::string(200, 'x')};
    return result;
}

inline Calibration of(std::vector<ComponentResult> components)
{
    return {.spec_name = "clawos",
            .spec_file = "specs/P1.5-cgroup-quotas.json",
            .profile = "quick",
            .flyball_version = "0.2.0",
            .host = "bench-7",
            .kernel = "6.12.107+deb13-cloud-amd64",
            .arch = "x86_64",
            .start_wall_ns = 1'767'323'045'000'000'000,
            .took_ns = 754'000'000'000,
            .components = std::move(components)};
}

// What people are to look at.
inline Calibration plausible()
{
    return of({agent_loop(), router(), ebpf_agent(), clawfs()});
}

inline Calibration all()
{
    return of({agent_loop(), router(), ebpf_agent(), clawfs(), hostile()});
}

}  // namespace flyball::test::calibration_sample
