// SPDX-License-Identifier: Apache-2.0
// The CPU tuner from the first look to the trial, on a cgroup of which the least quota is known.
#include "flyball/tune/cpu.hpp"
#include "simulated_subject.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"

#include <cstdlib>

using namespace flyball;
using namespace flyball::tune;
using flyball::test::kMs;

namespace {

// One task that needs so many milliseconds of every so many.
class Bursts final : public test::SimulatedSubject {
public:
    std::uint64_t busy_ms = 40, every_ms = 207;
    bool endless = false;
    double chance = 0;            // of each millisecond to begin a burst, instead of every_ms
    std::uint64_t looked_ns = 0;  // in windows that are longer than a block
    Disturbance by;
    std::uint64_t lost_events = 0;  // in each window
    std::uint64_t held_ns = 0;      // by the limit that is there
    double stolen_of_run = 0;       // that the kernel tells within its slices
    // Quotas below this, in us, slow the workload down to half.
    double truly_needed_us = 0;

    explicit Bursts(Limits limits = {{"cpu.max", "max 100000"}, {"cpu.max.burst", "0"}})
        : SimulatedSubject(1, std::move(limits))
    {
        rate = [this](const Limits& now, double) {
            const double quota_us = std::strtod(now.at("cpu.max").c_str(), nullptr);
            return now.at("cpu.max").starts_with("max") || quota_us >= truly_needed_us ? 100.0 : 50.0;
        };
    }

protected:
    void advance(std::uint64_t length_ns, Window& window) override
    {
        const std::uint64_t begin_ns = now_ns_;
        SimulatedSubject::advance(length_ns, window);
        window.disturbance = by;
        window.lost_events = lost_events;
        DemandTrace& trace = window.trace;
        trace.begin_ns = begin_ns;
        trace.demand_ns.assign(length_ns / kMs, 0);
        trace.most_running = 1;
        looked_ns += length_ns > 15'000 * kMs ? length_ns : 0;
        if (chance > 0)
            return advance_by_chance(trace);
        for (std::size_t step = 0; step < trace.demand_ns.size(); ++step) {
            const bool runs = endless || (step % every_ms) < busy_ms;
            trace.demand_ns[step] = runs ? kMs : 0;
            trace.run_ns += runs ? kMs : 0;
        }
        trace.endless_ns = trace.surely_endless_ns = endless ? trace.run_ns : 0;
        trace.held_ns = limit("cpu.max").value_or("max").starts_with("max") ? 0 : held_ns;
        trace.undisturbed_ns = trace.demand_ns;
        trace.interrupted_ns = static_cast<std::uint64_t>(stolen_of_run * static_cast<double>(trace.run_ns));
        for (std::uint64_t at = 0; !endless && at + busy_ms <= trace.demand_ns.size(); at += every_ms)
            trace.jobs.push_back({begin_ns + at * kMs, begin_ns + (at + busy_ms) * kMs, busy_ms * kMs, 0, 0});
    }

private:
    void advance_by_chance(DemandTrace& trace)
    {
        std::bernoulli_distribution begins(chance);
        std::size_t free_at = 0;  // first come, first served
        for (std::size_t step = 0; step < trace.demand_ns.size(); ++step) {
            if (!begins(random_))
                continue;
            const std::size_t from = std::max(step, free_at);
            free_at = from + busy_ms;
            if (free_at > trace.demand_ns.size())
                break;
            for (std::size_t ms = from; ms < free_at; ++ms)
                trace.demand_ns[ms] = kMs;
            trace.run_ns += busy_ms * kMs;
            trace.jobs.push_back({trace.begin_ns + step * kMs, trace.begin_ns + free_at * kMs, busy_ms * kMs, 0, 0});
        }
    }
};

Proposal tuned(Bursts& subject, CpuOptions options = {})
{
    auto proposal = tune_cpu(subject, options);
    REQUIRE(proposal);
    return std::move(*proposal);
}

}  // namespace

TEST_CASE("tune cpu: a quota near the least, tried out, and everything as it was")
{
    Bursts subject;
    const Proposal proposal = tuned(subject);
    INFO(proposal.summary);
    REQUIRE(proposal.answer == Answer::Limit);
    REQUIRE(proposal.values.size() == 2);
    CHECK(proposal.values[0].file == "cpu.max");
    CHECK(proposal.values[0].estimate >= 19.9e6);
    CHECK(proposal.values[0].estimate <= 21e6);
    CHECK(proposal.values[1].estimate <= proposal.values[0].estimate);
    REQUIRE(proposal.values[0].interval);
    CHECK(proposal.values[0].interval->low <= 20.5e6);
    CHECK(proposal.values[0].interval->high == proposal.values[0].estimate);
    REQUIRE(proposal.trials.size() == 1);
    CHECK(proposal.trials[0].verdict == Verdict::Accepted);
    CHECK(proposal.experimented);
    CHECK(subject.limits() == subject.original());
    // The burst is 0 whenever the quota is written.
    std::string burst = "0";
    for (const auto& write : subject.writes) {
        if (write.file == "cpu.max.burst")
            burst = write.value;
        else
            CHECK(burst == "0");
    }
    CHECK(subject.writes.size() > 4);
}

TEST_CASE("tune cpu: however short the look, the quota is not below what is used on average")
{
    for (const std::uint64_t seconds : {10U, 20U, 60U}) {
        Bursts subject;
        subject.busy_ms = 2;
        subject.every_ms = 9;
        subject.experiments = false;
        CpuOptions options;
        options.profile_ns = seconds * 1000 * kMs;
        const Proposal proposal = tuned(subject, options);
        INFO(seconds << " s: " << proposal.summary);
        REQUIRE_FALSE(proposal.values.empty());
        const double mean_ns = 100e6 * 2 / 9;
        // And 2 % of it to catch up with what it fell behind by.
        CHECK(proposal.values[0].estimate >= 0.999 * mean_ns / 0.98);
        CHECK(proposal.values[0].estimate <= 1.05 * mean_ns);
    }
}

TEST_CASE("tune cpu: without leave nothing is written")
{
    Bursts subject;
    subject.experiments = false;
    const Proposal proposal = tuned(subject);
    CHECK(proposal.answer == Answer::Limit);
    CHECK(subject.writes.empty());
    CHECK_FALSE(proposal.experimented);
    CHECK(proposal.trials.empty());
}

TEST_CASE("tune cpu: what the trial refutes is widened, or not said")
{
    Bursts little;
    little.truly_needed_us = 22'500;  // one step more than the prediction
    const Proposal widened = tuned(little);
    CHECK(widened.answer == Answer::Limit);
    CHECK(widened.values[0].estimate >= 22.5e6);
    CHECK(widened.trials.size() >= 2);
    CHECK_FALSE(widened.refused.empty());

    Bursts much;
    much.truly_needed_us = 90'000;
    CHECK(tuned(much).answer == Answer::Inconclusive);
    CHECK(much.limits() == much.original());
}

TEST_CASE("tune cpu: a limit that hides the demand is lifted for the look, and put back")
{
    Bursts subject({{"cpu.max", "15000 100000"}, {"cpu.max.burst", "5000"}});
    subject.held_ns = 10'000'000'000;
    const Proposal proposal = tuned(subject);
    CHECK(proposal.answer == Answer::Limit);
    CHECK(proposal.values[0].before == "15000 100000");
    CHECK(std::ranges::any_of(subject.writes, [](const auto& write) { return write.value.starts_with("max"); }));
    CHECK(subject.limits() == subject.original());

    // The kernel keeps the period when the quota goes, and so does what is written.
    Bursts other({{"cpu.max", "10000 50000"}, {"cpu.max.burst", "0"}});
    other.held_ns = 10'000'000'000;
    other.endless = true;
    const Proposal none = tuned(other);
    CHECK(none.answer == Answer::NoLimit);
    CHECK(std::ranges::any_of(other.writes, [](const auto& write) { return write.value == "max 50000"; }));
    CHECK(other.limits() == other.original());
    CHECK(none.experimented);
}

TEST_CASE("tune cpu: no limit for who takes all, no answer on a busy machine, nor from too little")
{
    Bursts endless;
    endless.endless = true;
    CHECK(tuned(endless).answer == Answer::NoLimit);

    // Behind its quota, what ends looks endless too: without a look without it, nothing is said.
    Bursts behind({{"cpu.max", "10000 100000"}, {"cpu.max.burst", "0"}});
    behind.endless = true;
    behind.held_ns = 10'000'000'000;
    behind.experiments = false;
    CHECK(tuned(behind).answer == Answer::Inconclusive);
    behind.experiments = true;
    CHECK(tuned(behind).answer == Answer::NoLimit);

    Bursts busy;
    busy.by = {.displaced = 0.3, .displaced_of_span = 0.2, .spare = 0.05, .by = {{"/build.slice", 7}}};
    const Proposal refused = tuned(busy);
    CHECK(refused.answer == Answer::Refused);
    CHECK(refused.summary.find("busy: /build.slice took 100") != std::string::npos);
    // As much of less: it has the rest of the machine to make up for it.
    Bursts shared;
    shared.by = busy.by;
    shared.by.spare = 0.3;
    shared.experiments = false;  // a trial is for a quieter machine
    CHECK(tuned(shared).answer == Answer::Limit);
    Bursts briefly;
    briefly.by = busy.by;
    briefly.by.displaced_of_span = 0.05;
    CHECK(tuned(briefly).answer == Answer::Limit);

    Bursts stolen;
    stolen.by.steal = 0.2;
    CHECK(tuned(stolen).answer == Answer::Refused);
    // Where the kernel tells when it was, the demand is known without it.
    Bursts told;
    told.by = {.steal = 0.2, .others_busy = 0.5};
    told.experiments = false;
    told.stolen_of_run = 0.05;
    CHECK(tuned(told).answer == Answer::Refused);
    told.stolen_of_run = 0.25;
    CHECK(tuned(told).answer == Answer::Limit);

    Bursts unseen;
    unseen.lost_events = 100;
    CHECK(tuned(unseen).answer == Answer::Inconclusive);

    Bursts without(Bursts::Limits{{"memory.max", "max"}});
    without.tells_rate = false;
    const Proposal nowhere = tuned(without);
    CHECK(nowhere.answer == Answer::Refused);
    CHECK(nowhere.values.empty());
    CHECK(without.writes.empty());

    Bursts rare;
    rare.every_ms = 20'000;
    CHECK(tuned(rare).answer == Answer::Inconclusive);

    Bursts all;
    all.busy_ms = 205;
    const Proposal proposal = tuned(all);
    // One task on four CPUs needs one of them, nearly.
    CHECK(proposal.answer == Answer::Limit);
    CHECK(proposal.values[0].estimate >= 98e6);
    for (const Bursts* subject : {&endless, &busy, &rare})
        CHECK(subject->limits() == subject->original());
}

TEST_CASE("tune cpu: an experiment that is stopped is told as that")
{
    Bursts subject;
    subject.stops_at_s = 62;  // amid the trial
    const Proposal proposal = tuned(subject);
    CHECK(proposal.answer == Answer::Aborted);
    CHECK(proposal.summary == "the health command failed");
}

TEST_CASE("tune cpu: what comes by chance is looked at for longer, what repeats itself is not")
{
    Bursts steady;
    const Proposal same = tuned(steady);
    CHECK(same.answer == Answer::Limit);
    CHECK(steady.looked_ns == 60'000 * kMs);

    const auto by_chance = [](double precision, std::uint64_t longest_s) {
        Bursts subject;
        subject.busy_ms = 5;
        subject.chance = 0.02;
        subject.experiments = false;
        const Proposal proposal = tuned(subject, {.precision = precision, .longest_ns = longest_s * 1000 * kMs});
        INFO(proposal.summary);
        REQUIRE(proposal.answer == Answer::Limit);
        const stats::Interval& interval = proposal.values.front().interval.value();
        return std::pair(subject.looked_ns / (1000 * kMs), interval.high / interval.low);
    };
    const auto [once_s, wide] = by_chance(1, 1200);
    CHECK(once_s == 60);
    const auto [long_s, narrow] = by_chance(0.05, 1200);
    CHECK(long_s > 200);
    CHECK(long_s <= 600);
    CHECK(narrow < wide);
    // Half of the time is for the trial.
    CHECK(by_chance(0.001, 300).first == 150);
}

TEST_CASE("tune cpu: it gives signs of life while it thinks, and stops when it is told to")
{
    Bursts subject({{"cpu.max", "15000 100000"}, {"cpu.max.burst", "5000"}});
    subject.held_ns = 10'000'000'000;
    CHECK(tuned(subject).answer == Answer::Limit);
    CHECK(subject.kept_up > 20);

    Bursts stopped;
    stopped.stops_thinking = true;
    const Proposal proposal = tuned(stopped);
    CHECK(proposal.answer == Answer::Aborted);
    CHECK(proposal.summary == "stopped by a signal");
    CHECK(proposal.values.empty());
    CHECK(stopped.kept_up == 11);
    CHECK(stopped.writes.empty());
}
