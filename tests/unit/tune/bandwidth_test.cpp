// SPDX-License-Identifier: Apache-2.0
// The least quota against workloads of which it is known: by hand, and by an exhaustive search on a model of the kernel
// that shares nothing with the replay: tasks on CPUs, slices drawn from a pool, debts, at 0.1 ms.
#include "flyball/tune/bandwidth.hpp"
#include "flyball/tune/cpu.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"

#include <algorithm>
#include <cmath>
#include <random>

using namespace flyball::tune;
using flyball::test::kMs;

namespace {

constexpr double kConfidence = 0.95, kBound = 0.05;

struct Work {
    std::uint64_t at_ns, cpu_ns;
};
// Of each task, in order of time. A task does one after the other.
using Load = std::vector<std::vector<Work>>;

Load periodic(std::uint64_t busy_ns, std::uint64_t every_ns, std::uint64_t length_ns, unsigned tasks = 1)
{
    Load load(tasks);
    for (auto& task : load)
        for (std::uint64_t at = 7 * kMs; at + every_ns < length_ns; at += every_ns)
            task.push_back({at, busy_ns});
    return load;
}

Load poisson(std::uint64_t busy_ns, double every_ns, std::uint64_t length_ns, unsigned tasks, unsigned seed)
{
    std::mt19937_64 random(seed);
    std::exponential_distribution<double> gap(1 / every_ns);
    Load load(tasks);
    for (auto& task : load)
        for (double at = gap(random); at < static_cast<double>(length_ns) - 1e9; at += gap(random))
            task.push_back({static_cast<std::uint64_t>(at), busy_ns});
    return load;
}

// The kernel, as far as it matters: a pool that is filled each period, CPUs that draw slices of 5 ms from it and hand
// back all but 1 ms when they fall idle, and a check at each tick, so that a task may run into debt.
std::vector<Job> kernel(const Load& load, unsigned cpus, const Bandwidth* limit, std::uint64_t phase_ns)
{
    constexpr double kStep = 100'000, kSlice = 5e6, kKept = 1e6;
    struct Task {
        std::size_t next = 0;
        double left = 0;
        std::uint64_t begun = 0;
    };
    std::vector<Task> tasks(load.size());
    std::vector<double> local(cpus, 0);
    std::vector<Job> jobs;
    const double quota = limit ? static_cast<double>(limit->quota_ns) : 0,
                 most = limit ? quota + static_cast<double>(limit->burst_ns) : 0;
    double pool = most;
    std::uint64_t next_refill = phase_ns;
    std::size_t wanted = 0;
    for (const auto& task : load)
        wanted += task.size();
    for (std::uint64_t now = 0; jobs.size() < wanted && now < 400'000 * kMs; now += 100'000) {
        if (limit && now >= next_refill) {
            next_refill += limit->period_ns;
            pool = std::min(pool + quota, most);
            for (double& debt : local) {
                const double paid = debt < 0 ? std::min(-debt, pool) : 0;
                debt += paid;
                pool -= paid;
            }
        }
        unsigned cpu = 0;
        for (std::size_t i = 0; i < tasks.size(); ++i) {
            Task& task = tasks[i];
            if (task.left <= 0 && task.next < load[i].size() && load[i][task.next].at_ns <= now) {
                task.left = static_cast<double>(load[i][task.next].cpu_ns);
                task.begun = load[i][task.next++].at_ns;
            }
            if (task.left <= 0 || cpu >= cpus)
                continue;
            double& mine = local[cpu++];
            if (limit) {
                if (mine <= 0) {
                    const double drawn = std::min(kSlice - mine, pool);
                    pool -= drawn;
                    mine += drawn;
                }
                if (mine <= 0)
                    continue;
                mine -= kStep;
            }
            task.left -= kStep;
            if (task.left <= 0)
                jobs.push_back(
                    {.begin_ns = task.begun, .end_ns = now + 100'000, .cpu_ns = 0, .held_ns = 0, .wait_ns = 0});
        }
        for (; limit && cpu < cpus; ++cpu) {
            if (local[cpu] > kKept) {
                pool = std::min(pool + local[cpu] - kKept, most);
                local[cpu] = kKept;
            }
        }
    }
    return jobs;
}

double quantile(const std::vector<Job>& jobs, double q)
{
    std::vector<double> took;
    for (const Job& job : jobs)
        took.push_back(static_cast<double>(job.end_ns - job.begin_ns));
    std::ranges::sort(took);
    return took.empty() ? 0 : took[static_cast<std::size_t>(std::ceil(q * static_cast<double>(took.size()))) - 1];
}

// What a collector sees of it without a limit.
DemandTrace trace_of(const Load& load, unsigned cpus, std::uint64_t length_ns)
{
    DemandTrace trace;
    trace.demand_ns.assign(length_ns / kDemandStepNs, 0);
    trace.jobs = kernel(load, cpus, nullptr, 0);
    std::ranges::sort(trace.jobs, {}, &Job::end_ns);
    trace.most_running = std::min<std::uint32_t>(cpus, static_cast<std::uint32_t>(load.size()));
    // Each job ran until its end, on one CPU, but for waits, which these loads hardly have.
    for (Job& job : trace.jobs) {
        const Work* work = nullptr;
        for (const auto& task : load)
            for (const Work& one : task)
                if (one.at_ns == job.begin_ns)
                    work = &one;
        job.cpu_ns = work->cpu_ns;
        for (std::uint64_t ns = 0; ns < work->cpu_ns; ns += 100'000) {
            const std::uint64_t at = (job.end_ns - work->cpu_ns + ns) / kDemandStepNs;
            if (at < trace.demand_ns.size())
                trace.demand_ns[at] += 100'000;
        }
    }
    return trace;
}

// Does it hold on the model, over phases?
bool holds(const Load& load, unsigned cpus, const Bandwidth& limit)
{
    std::vector<Job> all;
    const auto free = kernel(load, cpus, nullptr, 0);
    for (std::uint64_t phase = 0; phase < 5; ++phase) {
        const auto jobs = kernel(load, cpus, &limit, phase * limit.period_ns / 5 + 37'000);
        all.insert(all.end(), jobs.begin(), jobs.end());
    }
    return quantile(all, 0.5) <= quantile(free, 0.5) * (1 + kBound) &&
           quantile(all, 0.99) <= quantile(free, 0.99) * (1 + kBound);
}

// The least quota with the most burst, by trying.
std::uint64_t exhaustive(const Load& load, unsigned cpus, std::uint64_t from_ns, std::uint64_t to_ns,
                         std::uint64_t step_ns)
{
    for (std::uint64_t quota = from_ns; quota <= to_ns; quota += step_ns)
        if (holds(load, cpus, {100 * kMs, quota, quota}))
            return quota;
    return to_ns;
}

std::optional<Bandwidth> answer(const DemandTrace& trace, unsigned cpus, bool burst = true,
                                double quantile = kConfidence)
{
    const Replay replay(trace, {.slack_ns = 500'000 * trace.most_running});
    const BandwidthBounds bounds{.most_quota_ns = cpus * 100 * kMs, .burst_allowed = burst, .latency_bound = kBound};
    const auto found = least_bandwidth(replay, bounds, quantile, []() -> flyball::Result<> { return {}; });
    REQUIRE(found);
    return *found;
}

}  // namespace

TEST_CASE("bandwidth: bursts of C every T need C/2 with as much burst, or their mean")
{
    struct Row {
        std::uint64_t busy_ms, every_ms;
        double least_ms;
    };
    // With a period of 100 ms: quota + burst, at most twice the quota, has to hold a burst, and the mean has to be kept
    // up.
    for (const Row& row :
         {Row{40, 200, 20}, {40, 207, 20}, {20, 330, 10}, {60, 190, 31.6}, {10, 100, 10}, {5, 25, 20}}) {
        const auto trace = trace_of(periodic(row.busy_ms * kMs, row.every_ms * kMs, 60'000 * kMs), 1, 60'000 * kMs);
        const auto limit = answer(trace, 1);
        INFO(row.busy_ms << " ms every " << row.every_ms << " ms");
        REQUIRE(limit);
        CHECK(static_cast<double>(limit->quota_ns) >= row.least_ms * 1e6 * 0.999);
        CHECK(static_cast<double>(limit->quota_ns) <= row.least_ms * 1e6 * 1.05);
        CHECK(limit->burst_ns <= limit->quota_ns);
    }
}

TEST_CASE("bandwidth: the least quota is that of an exhaustive search on a model of the kernel")
{
    struct Row {
        const char* name;
        Load load;
        unsigned cpus;
    };
    const std::uint64_t length = 30'000 * kMs;
    const std::vector<Row> rows = {
        {"40 ms every 207 ms", periodic(40 * kMs, 207 * kMs, length), 1},
        {"four threads, 10 ms every 150 ms", periodic(10 * kMs, 150 * kMs, length, 4), 4},
        {"two threads, 30 ms every 330 ms", periodic(30 * kMs, 330 * kMs, length, 2), 2},
    };
    for (const Row& row : rows) {
        const auto limit = answer(trace_of(row.load, row.cpus, length), row.cpus);
        INFO(row.name);
        REQUIRE(limit);
        const std::uint64_t truth =
            exhaustive(row.load, row.cpus, limit->quota_ns * 17 / 20, limit->quota_ns * 3 / 2, limit->quota_ns / 50);
        INFO("answer " << limit->quota_ns << ", truth " << truth);
        CHECK(static_cast<double>(limit->quota_ns) <= 1.05 * static_cast<double>(truth));
        CHECK(holds(row.load, row.cpus, *limit));
    }
}

TEST_CASE("bandwidth: Poisson arrivals get a quota that holds on arrivals not seen")
{
    const std::uint64_t length = 60'000 * kMs;
    int held = 0, tight = 0, rows = 0;
    for (unsigned seed = 1; seed <= 4; ++seed, ++rows) {
        const auto limit = answer(trace_of(poisson(8 * kMs, 60e6, length, 1, seed), 1, length), 1);
        REQUIRE(limit);
        const Load another = poisson(8 * kMs, 60e6, length, 1, seed + 1000);
        held += holds(another, 1, *limit) ? 1 : 0;
        tight += static_cast<double>(limit->quota_ns) <=
                         1.3 * static_cast<double>(exhaustive(another, 1, limit->quota_ns / 2, 100 * kMs, 2 * kMs))
                     ? 1
                     : 0;
    }
    CHECK(held >= rows - 1);
    CHECK(tight >= rows - 2);
}

TEST_CASE("bandwidth: an interval lies around the answer, and burst is what makes it small")
{
    const auto trace = trace_of(periodic(40 * kMs, 207 * kMs, 60'000 * kMs), 1, 60'000 * kMs);
    const auto high = answer(trace, 1), low = answer(trace, 1, true, 0.05), plain = answer(trace, 1, false);
    REQUIRE((high && low && plain));
    CHECK(low->quota_ns <= high->quota_ns);
    CHECK(plain->burst_ns == 0);
    CHECK(plain->quota_ns > high->quota_ns * 3 / 2);
}

TEST_CASE("bandwidth: a quota that luck lets through is seen through")
{
    // 40 ms every 200 ms are two periods of 100 ms: in half of the phases 36 ms are never short, in the others always.
    const auto trace = trace_of(periodic(40 * kMs, 200 * kMs, 60'000 * kMs), 1, 60'000 * kMs);
    const Replay replay(trace, {});
    CHECK(replay.bound({100 * kMs, 36 * kMs, 0}, 0.95).p50 > 0.3);
    CHECK(replay.bound({100 * kMs, 36 * kMs, 0}, 0.05).p50 < 0.01);
}

// One phase, no resampling, step by step: what Replay may go over in larger strides.
Added step_by_step(const DemandTrace& trace, const Bandwidth& limit, std::uint64_t slack_ns)
{
    const auto quota = static_cast<double>(limit.quota_ns);
    const double most = quota + static_cast<double>(limit.burst_ns) -
                        static_cast<double>(std::min(slack_ns, limit.quota_ns / 2)),
                 widest = static_cast<double>(trace.most_running * kMs),
                 every = static_cast<double>(limit.period_ns) / kMs;
    const std::size_t steps = trace.demand_ns.size();
    std::vector<double> asked_by, took(trace.jobs.size(), 1e11), was;
    double left = most, next = every, asked = 0, done = 0, late = 0, throttled = 0, periods = 0;
    bool held = false;
    for (std::size_t step = 0; step < steps + 10'000 && (step <= steps || asked - done > 1); ++step) {
        if (static_cast<double>(step) >= next) {
            for (; static_cast<double>(step) >= next; next += every)
                left = std::min(left + quota, most);
            throttled += held ? 1 : 0;
            periods += 1;
            held = false;
        }
        const double backlog = asked - done, now = step < steps ? static_cast<double>(trace.demand_ns[step]) : 0;
        asked_by.push_back(asked += now);
        const double given = std::min({asked - done, std::max(now, widest), left});
        left -= given;
        done += given;
        late += std::min(backlog, given);
        held = held || (left < 1 && asked - done > 1);
        for (std::size_t i = 0; i < trace.jobs.size(); ++i) {
            const Job& job = trace.jobs[i];
            const std::size_t last = (job.end_ns - 1) / kMs;
            if (took[i] >= 1e11 && last <= step && asked_by[last] <= done + 1)
                took[i] = static_cast<double>(job.end_ns - job.begin_ns) + static_cast<double>((step - last) * kMs);
        }
    }
    for (const Job& job : trace.jobs)
        was.push_back(static_cast<double>(job.end_ns - job.begin_ns));
    const auto more = [&](double q) {
        const auto rank = static_cast<std::ptrdiff_t>(std::ceil(q * static_cast<double>(was.size()))) - 1;
        std::ranges::nth_element(was, was.begin() + rank);
        std::ranges::nth_element(took, took.begin() + rank);
        return took[static_cast<std::size_t>(rank)] / was[static_cast<std::size_t>(rank)] - 1;
    };
    return {more(0.5), more(0.99), late / asked, periods > 0 ? throttled / periods : 0};
}

TEST_CASE("bandwidth: in strides it comes to what it comes to step by step")
{
    std::mt19937_64 random(3);
    const auto between = [&](std::uint64_t low, std::uint64_t high) { return low + random() % (high - low + 1); };
    int held = 0, within = 0;
    constexpr int kTraces = 60;
    for (int i = 0; i < kTraces; ++i) {
        DemandTrace trace;
        trace.most_running = static_cast<std::uint32_t>(between(1, 3));
        trace.demand_ns.resize(between(200, 1500));
        const std::uint64_t steps = trace.demand_ns.size(), rarely = between(1, 60);
        for (std::uint64_t from = 0; from < steps; from += between(1, 2 * rarely)) {
            const std::uint64_t to = std::min(from + between(1, 30), steps);
            for (; from < to; ++from)
                trace.demand_ns[from] = between(0, 3) == 0 ? 0 : between(0, trace.most_running * kMs);
            trace.jobs.push_back({.begin_ns = (to - 1) * kMs - std::min((to - 1) * kMs, between(0, 9) * kMs),
                                  .end_ns = to * kMs - between(0, kMs / 2)});
        }
        const Bandwidth limit{between(1, 120) * kMs, between(1, 60) * kMs, between(0, 1) * between(0, 30) * kMs};
        const std::uint64_t slack_ns = between(0, 5) * kMs / 2;
        const Replay replay(trace, {.replicates = 1, .phases = 1, .block_ns = 10'000 * kMs, .slack_ns = slack_ns});
        const Added strides = replay.bound(limit, 0.5), single = step_by_step(trace, limit, slack_ns);
        INFO("trace " << i << ", " << limit.period_ns << " " << limit.quota_ns << " " << limit.burst_ns);
        CHECK(strides.p50 == flyball::test::Approx(single.p50));
        CHECK(strides.p99 == flyball::test::Approx(single.p99));
        CHECK(strides.held_share == single.held_share);
        CHECK(strides.throttled_periods == single.throttled_periods);
        held += strides.held_share > 0 ? 1 : 0;

        const Replay many(trace, {.replicates = 50, .block_ns = 100 * kMs});
        for (const double quantile : {0.05, 0.5, 0.95}) {
            const Added all = many.bound(limit, quantile);
            for (const double most : {0.0, 0.05, 1.0, all.p50, all.p99}) {
                CHECK(many.within(limit, quantile, most) == (all.p50 <= most && all.p99 <= most));
                within += many.within(limit, quantile, most) ? 1 : 0;
            }
        }
    }
    CHECK(held > kTraces / 4);
    CHECK(held < kTraces);
    CHECK(within > 0);
}

TEST_CASE("bandwidth: nothing is enough for what wants every CPU")
{
    const auto trace = trace_of(periodic(95 * kMs, 100 * kMs, 30'000 * kMs), 1, 30'000 * kMs);
    const auto limit = answer(trace, 1);
    CHECK((!limit || limit->quota_ns >= 94 * kMs));
}
