// SPDX-License-Identifier: Apache-2.0
// Proposals made up by hand, one for each answer and each resource: the golden files are what is said of them.
#pragma once

#include "flyball/report/tune.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace flyball::test::tune_sample {

using namespace flyball::tune;

inline constexpr std::uint64_t kMs = 1'000'000, kSecond = 1'000'000'000;
inline constexpr double kMiB = 1 << 20;
inline const std::string kService = "/system.slice/checkout.service";
// Newline, quotes, a byte that is no UTF-8, ESC.
inline const std::string kHostile = "/a\n\"b'$(c)\xff\x1b[2J";

inline Proposal cpu_limit()
{
    Proposal p{.resource = Resource::Cpu, .cgroup = kService, .answer = Answer::Limit};
    p.summary = "20.4 ms each 100 ms and a burst of 18.0 ms: 0.204 CPUs";
    p.values = {
        {"cpu.max", "20400 100000", "200000 100000", 20.4e6, Unit::Nanoseconds, stats::Interval{18.9e6, 20.4e6}, 0.95,
         "least quota that adds at most 5.0% to the p50 and p99 of 412 jobs, over 100 resampled demands and phases"},
        {"cpu.max.burst", "18000", "0", 18e6, Unit::Nanoseconds, std::nullopt, 0, "the least for that quota"}};
    p.evidence = {
        {"mean_demand", 0.1013, Unit::Cpus, std::nullopt, "sched_switch"},
        {"peak_demand_100ms", 0.412, Unit::Cpus, std::nullopt, "sched_switch"},
        {"tasks_running_at_most", 3, Unit::Tasks, std::nullopt, "sched_switch"},
        {"jobs", 412, Unit::None, std::nullopt, "sched_switch"},
        {"job_latency_p99", 41.7e6, Unit::Nanoseconds, stats::Interval{40.9e6, 44.2e6}, "sched_switch"},
        {"stolen_by_the_hypervisor", std::numeric_limits<double>::quiet_NaN(), Unit::Share, std::nullopt, "/proc/stat"},
        {"predicted_added_p99", 0.043, Unit::Share, std::nullopt, "replay"}};
    p.trials = {{"cpu.max 17700 100000, cpu.max.burst 15600", Verdict::Rejected, 41 * kSecond, 8,
                 "the workload's throughput", stats::Interval{0.61, 0.74}, stats::Interval{1.02, 1.09},
                 stats::Interval{1.61, 2.04}, "throughput surely below 80%"},
                {"cpu.max 20400 100000, cpu.max.burst 18000", Verdict::Accepted, 72 * kSecond, 12,
                 "the workload's throughput", stats::Interval{0.981, 1.017}, stats::Interval{0.99, 1.03}, std::nullopt,
                 "throughput surely above 80%"}};
    p.refused = {{"cpu.max 17700 100000, cpu.max.burst 15600", "throughput surely below 80%"}};
    p.notes = {"without burst: 36.0 ms each 100 ms (0.36 CPUs)",
               "up to 3 tasks run at a time and would spend it in 6.80 ms: 1 would spread it over the period"};
    p.took_ns = 190 * kSecond;
    p.regret_s = 3.214;
    p.experimented = true;
    return p;
}

inline Proposal cpu_none()
{
    Proposal p{.resource = Resource::Cpu, .cgroup = "/batch.slice", .answer = Answer::NoLimit};
    p.summary =
        "no cpu.max: 97.3% of its CPU time goes into jobs that take all they can get, which a quota slows down in "
        "proportion; use cpu.weight";
    p.evidence = {{"mean_demand", 1, Unit::Cpus, std::nullopt, "sched_switch"}};
    p.took_ns = 60 * kSecond;
    return p;
}

inline Proposal memory_limit()
{
    Proposal p{.resource = Resource::Memory, .cgroup = kService, .answer = Answer::Limit};
    p.summary = "memory.high 48.2 MiB, memory.max 64.0 MiB";
    p.values = {{"memory.high", "50541363", "max", 48.2 * kMiB, Unit::Bytes, stats::Interval{45.1 * kMiB, 48.2 * kMiB},
                 0.95, "least size at which it lost no more than 0.5% of its time"},
                {"memory.max", "67108864", "1073741824", 64 * kMiB, Unit::Bytes,
                 stats::Interval{61 * kMiB, std::numeric_limits<double>::infinity()}, 0.98361,
                 "peak of 60 seconds, and its growth in 2 s"}};
    p.evidence = {{"floor", 31.5 * kMiB, Unit::Bytes, std::nullopt, "memory.stat"},
                  {"refaults", 1'234'567, Unit::None, std::nullopt, "memory.stat"},
                  {"growth", 5.1, Unit::PerSecond, stats::Interval{-0.4, 9.75}, "memory.current"}};
    p.took_ns = 312 * kSecond;
    p.regret_s = 0;
    p.experimented = p.applied = true;
    return p;
}

inline Proposal memory_leak()
{
    Proposal p{.resource = Resource::Memory, .cgroup = "/leaky", .answer = Answer::Refused};
    p.summary = "it leaks: 1.20 MiB more each second, and no limit is enough for long";
    p.refused = {{"memory.max", "any value only says when it is killed"},
                 {"memory.high", "it would be slowed down ever more"}};
    p.took_ns = 60 * kSecond;
    return p;
}

inline Proposal pids_limit()
{
    Proposal p{.resource = Resource::Pids, .cgroup = kService, .answer = Answer::Limit};
    p.summary = "129 tasks: 77.5% of them at the peak of 100";
    p.values = {
        {"pids.max", "129", "", 129, Unit::Tasks, stats::Interval{100, 129}, 0.98361,
         "the peak of 60 seconds over 0.775; another second exceeds that peak with a probability of at most 1/61"}};
    p.evidence = {{"peak", 100, Unit::Tasks, std::nullopt, "task_newtask"},
                  {"refused_forks", 0, Unit::None, std::nullopt, "pids_can_fork"}};
    p.took_ns = 60 * kSecond;
    return p;
}

inline Proposal pids_inconclusive()
{
    Proposal p{.resource = Resource::Pids, .cgroup = "/", .answer = Answer::Inconclusive};
    p.summary = "12 forks were refused: the present limit (64) hides how many tasks it needs; raise it and look again";
    return p;
}

inline Proposal io_limit()
{
    Proposal p{.resource = Resource::Io, .cgroup = kService, .answer = Answer::Limit};
    p.summary = "io.weight 150: 60.0% of device 8:0 when others want it, too";
    p.values = {{"io.weight", "default 150", "default 100", 150, Unit::None, std::nullopt, 0,
                 "least weight that gives it its share"}};
    p.trials = {{"io.weight 150", Verdict::Accepted, 1'500 * kMs, 6, "", stats::Interval{0.93, 1.04}, std::nullopt,
                 stats::Interval{0.97, 1.06}, ""}};
    p.took_ns = 145 * kSecond;
    p.regret_s = 1.05;
    p.experimented = true;
    return p;
}

inline Proposal io_aborted()
{
    Proposal p{.resource = Resource::Io, .cgroup = kHostile, .answer = Answer::Aborted};
    p.summary = "another process wrote io.weight " + kHostile;
    p.values = {{"io.weight", "300", "100", 300, Unit::None, std::nullopt, 0, ""}};
    p.trials = {
        {"io.weight 300 " + kHostile, Verdict::Aborted, 0, 0, "", std::nullopt, std::nullopt, std::nullopt, kHostile}};
    p.refused = {{kHostile, kHostile}};
    p.notes = {kHostile, std::string(200, 'x')};
    p.evidence = {{kHostile, -3 * kMiB, Unit::Bytes, std::nullopt, kHostile}};
    p.took_ns = 20 * kSecond;
    p.regret_s = 30.01;
    p.experimented = true;
    return p;
}

// A trial that did not confirm what was predicted: there are values, and they are not to be set.
inline Proposal cpu_unconfirmed()
{
    Proposal p = cpu_limit();
    p.answer = Answer::Inconclusive;
    p.summary =
        "cpu.max 20400 100000 was predicted to suffice, and the trial does not confirm it: too much spread to tell";
    p.trials.back().verdict = Verdict::Inconclusive;
    return p;
}

inline std::vector<Proposal> one_service()
{
    return {cpu_limit(), memory_limit(), pids_limit(), io_limit()};
}

inline std::vector<Proposal> all()
{
    return {cpu_limit(),  cpu_none(),          cpu_unconfirmed(), memory_limit(), memory_leak(),
            pids_limit(), pids_inconclusive(), io_limit(),        io_aborted()};
}

inline report::TuneRun run()
{
    return {.flyball_version = "0.2.0",
            .host = "bench-7",
            .kernel = "6.12.107+deb13-cloud-amd64",
            .arch = "x86_64",
            .start_wall_ns = 1'767'323'045'000'000'000,
            .took_ns = 707 * kSecond,
            .command = {}};
}

}  // namespace flyball::test::tune_sample
