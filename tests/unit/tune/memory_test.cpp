// SPDX-License-Identifier: Apache-2.0
// The whole tuner against cgroups whose least sufficient limit is known.
#include "flyball/tune/memory.hpp"
#include "simulated_memory.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <cstdlib>
#include <functional>
#include <string>

using namespace flyball::tune;
using flyball::test::kMiB;
using flyball::test::MemoryLoad;
using flyball::test::SimulatedMemory;

namespace {

constexpr int kSeeds = 200;

const Value* find(const Proposal& proposal, const std::string& file)
{
    for (const Value& value : proposal.values) {
        if (value.file == file)
            return &value;
    }
    return nullptr;
}

struct Tally {
    int limits = 0, highs = 0, other = 0;
    int too_low = 0, too_high = 0, slow = 0, kills = 0, below_floor = 0, interval_misses = 0;
    double most_over = 0, longest_s = 0, most_lost_s = 0;
};

// optimum: of memory.high. Each seed has its own phase, noise and order.
Tally tally(const std::function<MemoryLoad(std::uint64_t seed)>& load, double optimum, double noise = 0.05,
            const std::function<void(SimulatedMemory&)>& change = {})
{
    Tally t;
    for (std::uint64_t seed = 1; seed <= std::uint64_t{kSeeds}; ++seed) {
        SimulatedMemory subject(seed, load(seed));
        subject.noise = noise;
        if (change)
            change(subject);
        MemoryOptions options;
        options.trial.seed = seed * 31;
        const auto proposal = tune_memory(subject, options);
        REQUIRE(proposal);
        REQUIRE(subject.limits() == subject.original());
        t.longest_s = std::max(t.longest_s, subject.now_s());
        t.most_lost_s = std::max(t.most_lost_s, subject.spent_s);
        t.below_floor += subject.lowest_high < subject.pinned() ? 1 : 0;
        for (const auto& write : subject.writes)
            REQUIRE(write.file == "memory.high");
        if (proposal->answer != Answer::Limit) {
            ++t.other;
            continue;
        }
        ++t.limits;
        if (const Value* high = find(*proposal, "memory.high")) {
            ++t.highs;
            t.too_low += high->estimate < optimum ? 1 : 0;
            t.too_high += high->estimate > 1.1 * optimum ? 1 : 0;
            t.most_over = std::max(t.most_over, high->estimate / optimum - 1);
            t.interval_misses += high->interval->contains(optimum) ? 0 : 1;
            REQUIRE(find(*proposal, "memory.max")->estimate >= high->estimate);
        }
        for (const Value& value : proposal->values)
            REQUIRE(subject.set(value.file, value.text));
        (void)subject.part_of_full_rate(30);
        t.slow += subject.part_of_full_rate(120) < 0.8 ? 1 : 0;
        t.kills += subject.kills > 0 ? 1 : 0;
    }
    INFO("limits " << t.limits << ", with memory.high " << t.highs << ", others " << t.other << ", too low "
                   << t.too_low << ", too high " << t.too_high << ", at most over " << t.most_over << ", slow "
                   << t.slow << ", kills " << t.kills << ", longest " << t.longest_s << " s, lost " << t.most_lost_s
                   << " s, interval missed " << t.interval_misses);
    CHECK(t.kills == 0);
    CHECK(t.slow == 0);
    CHECK(t.below_floor == 0);
    CHECK(t.too_low == 0);
    CHECK(t.longest_s <= 1000);
    return t;
}

}  // namespace

TEST_CASE("tune memory: a fixed anonymous set, its cache dead or not there")
{
    for (const double dead : {0.0, 200 * kMiB}) {
        INFO("dead " << dead);
        MemoryLoad load;
        load.anon = [](double) { return 64 * kMiB; };
        load.dead = dead;
        const Tally t = tally([&](auto) { return load; }, 66 * kMiB);
        CHECK(t.highs == kSeeds);
        CHECK(t.too_high == 0);
        CHECK(t.interval_misses == 0);
    }
}

TEST_CASE("tune memory: a cyclic scan with dead cache, rounds shorter and longer than a settle window")
{
    for (const double cycle_s : {2.0, 15.0}) {
        INFO("cycle " << cycle_s);
        MemoryLoad load;
        load.dead = 300 * kMiB;
        load.scan = 100 * kMiB;
        load.cycle_s = cycle_s;
        const Tally t = tally([&](auto) { return load; }, 118 * kMiB);
        CHECK(t.highs == kSeeds);
        CHECK(t.too_high == 0);
        CHECK(t.interval_misses == 0);
    }
}

TEST_CASE("tune memory: where pressure is silent, the workload's rate speaks")
{
    MemoryLoad load;
    load.dead = 100 * kMiB;
    load.scan = 60 * kMiB;
    load.pressure = false;
    const Tally t = tally([&](auto) { return load; }, 78 * kMiB);
    CHECK(t.highs == kSeeds);
    CHECK(t.too_high == 0);

    // And where neither does, nothing is tried out.
    SimulatedMemory mute(1, load);
    mute.tells_rate = false;
    const auto proposal = tune_memory(mute);
    REQUIRE(proposal);
    CHECK(find(*proposal, "memory.high") == nullptr);
    CHECK(mute.writes.empty());
    CHECK(proposal->refused.at(0).why.find("memory.pressure") != std::string::npos);
}

TEST_CASE("tune memory: pressure stands in for a workload that tells nothing")
{
    MemoryLoad load;
    load.dead = 100 * kMiB;
    load.scan = 60 * kMiB;
    const Tally t = tally([&](auto) { return load; }, 78 * kMiB, 0.05,
                          [](SimulatedMemory& subject) { subject.tells_rate = false; });
    CHECK(t.highs == kSeeds);
    CHECK(t.too_high == 0);
}

TEST_CASE("tune memory: a cold tail that comes back is never given up further than the rate allows")
{
    MemoryLoad load;
    load.tail = 200 * kMiB;
    load.tail_share = 0.05;
    load.miss_cost = 10;
    // 1 / (1 + 10 * 0.05 * missing) >= 0.8: half of the tail may be missing. How much of it has to be there is not
    // tried out.
    const double optimum = 118 * kMiB;
    const Tally t = tally([&](auto) { return load; }, optimum);
    CHECK(t.limits == kSeeds);
    CHECK(t.interval_misses <= 10);
}

TEST_CASE("tune memory: spikes are part of what it needs")
{
    const auto load = [](std::uint64_t seed) {
        MemoryLoad made;
        made.dead = 150 * kMiB;
        made.anon = [seed](double at_s) {
            return (std::fmod(at_s + static_cast<double>(seed), 15.0) < 1.0 ? 80 : 60) * kMiB;
        };
        return made;
    };
    const Tally t = tally(load, 82 * kMiB);
    CHECK(t.highs == kSeeds);
    CHECK(t.too_high == 0);
}

TEST_CASE("tune memory: a rate that varies by a third is no reason to harm it")
{
    MemoryLoad load;
    load.dead = 100 * kMiB;
    load.scan = 60 * kMiB;
    const Tally t = tally([&](auto) { return load; }, 78 * kMiB, 0.3);
    CHECK(t.limits == kSeeds);
}

TEST_CASE("tune memory: a stream of cache that nobody reads again is not needed")
{
    MemoryLoad load;
    load.anon = [](double) { return 64 * kMiB; };
    load.dead = 50 * kMiB;
    load.stream_per_s = 0.2 * kMiB;
    const Tally t = tally([&](auto) { return load; }, 66 * kMiB);
    CHECK(t.highs >= kSeeds - 5);
    CHECK(t.too_high == 0);
}

TEST_CASE("tune memory: it ends in time, half of which is for trials")
{
    for (const std::uint64_t most_s : {150U, 300U, 500U}) {
        MemoryLoad load;
        load.anon = [](double) { return 64 * kMiB; };
        load.dead = 200 * kMiB;
        SimulatedMemory subject(1, load);
        MemoryOptions options;
        options.longest_ns = most_s * 1'000'000'000;
        const auto proposal = tune_memory(subject, options);
        REQUIRE(proposal);
        INFO(most_s << " s: " << proposal->summary);
        CHECK(proposal->answer == Answer::Limit);
        // A settle window of 6 s, or ten of them while pages come back, may be under way.
        CHECK(subject.now_s() <= static_cast<double>(most_s) + 60);
        CHECK((find(*proposal, "memory.high") != nullptr) == (most_s == 500));
    }
}

TEST_CASE("tune memory: a leak is refused and shown, a cache that grows is none")
{
    for (const double per_s : {0.05, 1.0}) {
        int refused = 0;
        for (std::uint64_t seed = 1; seed <= std::uint64_t{kSeeds}; ++seed) {
            MemoryLoad load;
            load.anon = [per_s](double at_s) { return (64 + per_s * at_s) * kMiB; };
            SimulatedMemory subject(seed, load);
            const auto proposal = tune_memory(subject);
            REQUIRE(proposal);
            refused += proposal->answer == Answer::Refused ? 1 : 0;
            CHECK(subject.writes.empty());
            const Evidence& growth = proposal->evidence.back();
            CHECK(growth.name == "growth");
            CHECK(growth.value == flyball::test::Approx(per_s * kMiB).margin(0.02 * kMiB));
        }
        INFO(per_s << " MiB/s: " << refused);
        CHECK(refused == kSeeds);
    }
}

TEST_CASE("tune memory: a working set that is filling is no leak, and no limit is found before it is full")
{
    int leaks = 0, limits_below = 0;
    for (const double fills_in_s : {20.0, 40.0, 80.0}) {
        for (std::uint64_t seed = 1; seed <= std::uint64_t{kSeeds}; ++seed) {
            MemoryLoad load;
            load.anon = [fills_in_s](double at_s) { return (64 + 256 * (1 - std::exp(-at_s / fills_in_s))) * kMiB; };
            SimulatedMemory subject(seed, load);
            const auto proposal = tune_memory(subject);
            REQUIRE(proposal);
            INFO(fills_in_s << " s: " << proposal->summary);
            leaks += proposal->answer == Answer::Refused ? 1 : 0;
            const Value* const max = find(*proposal, "memory.max");
            limits_below += max != nullptr && max->estimate < 300 * kMiB ? 1 : 0;
        }
    }
    CHECK(leaks == 0);
    CHECK(limits_below == 0);
}

TEST_CASE("tune memory: without experiments there is a memory.max from the peak, and nothing is touched")
{
    MemoryLoad load;
    load.anon = [](double at_s) { return (60 + 4 * std::sin(at_s)) * kMiB; };
    SimulatedMemory subject(7, load);
    subject.experiments = false;
    const auto proposal = tune_memory(subject);
    REQUIRE(proposal);
    CHECK(proposal->answer == Answer::Limit);
    CHECK(subject.writes.empty());
    CHECK_FALSE(proposal->experimented);
    REQUIRE(proposal->values.size() == 1);
    const Value& max = proposal->values.front();
    CHECK(max.file == "memory.max");
    // The peak of 66 MiB, and the 8 MiB that it grows by within four seconds.
    CHECK(max.estimate >= 74 * kMiB);
    CHECK(max.estimate <= 77 * kMiB);
    CHECK(max.method.find("1/31") != std::string::npos);
    CHECK(proposal->refused.at(0).what == "memory.high");
    CHECK(proposal->summary.ends_with(", no memory.high"));
}

TEST_CASE("tune memory: a limit that is hit already hides what it needs")
{
    MemoryLoad load;
    load.dead = 100 * kMiB;
    load.stream_per_s = kMiB;
    SimulatedMemory subject(7, load);
    REQUIRE(subject.set("memory.high", "62914560"));
    const auto proposal = tune_memory(subject);
    REQUIRE(proposal);
    CHECK(proposal->answer == Answer::Inconclusive);
    CHECK(proposal->summary.find("memory.high was hit") == 0);
    CHECK(subject.writes.size() == 1);
}

TEST_CASE("tune memory: a memory.high that is just enough already stays as it is")
{
    MemoryLoad load;
    load.anon = [](double) { return 48.0 * kMiB; };
    SimulatedMemory subject(7, load);
    const std::string just_enough = "52428800";  // 50 MiB
    REQUIRE(subject.set("memory.high", just_enough));
    const auto proposal = tune_memory(subject);
    REQUIRE(proposal);
    CHECK(proposal->answer == Answer::Limit);
    CHECK(find(*proposal, "memory.high") == nullptr);
    CHECK(proposal->summary.ends_with(", memory.high as it is"));
    CHECK(proposal->refused.at(0).why == "what it needs is about the limit that it has");
    CHECK(subject.limit("memory.high") == just_enough);
}

TEST_CASE("tune memory: a guard that ends it gives no value, and nothing stays")
{
    MemoryLoad load;
    load.dead = 100 * kMiB;
    load.scan = 60 * kMiB;
    for (const double at_s : {30.0, 90.0, 220.0}) {
        SimulatedMemory subject(7, load);
        subject.stops_at_s = at_s;
        const auto proposal = tune_memory(subject);
        REQUIRE(proposal);
        CHECK(proposal->answer == Answer::Aborted);
        CHECK(proposal->summary == "the health command failed");
        CHECK(proposal->values.empty());
        CHECK(subject.limits() == subject.original());
    }
}

TEST_CASE("tune memory: a command that ends leaves what was learnt until then")
{
    MemoryLoad load;
    load.dead = 100 * kMiB;
    load.scan = 60 * kMiB;
    for (const double ends_at_s : {70.0, 220.0}) {
        SimulatedMemory subject(7, load);
        subject.ends_at_s = ends_at_s;
        const auto proposal = tune_memory(subject);
        REQUIRE(proposal);
        CHECK(proposal->answer == Answer::Limit);
        CHECK(find(*proposal, "memory.high") == nullptr);
        REQUIRE(find(*proposal, "memory.max"));
        CHECK(find(*proposal, "memory.max")->estimate >= 178 * kMiB);
        CHECK(subject.limits() == subject.original());
    }
    SimulatedMemory brief(7, load);
    MemoryOptions options;
    options.profile_ns = 100'000'000;
    CHECK(tune_memory(brief, options));
}

TEST_CASE("tune memory: a start that needs more is left room for, and what does later is told")
{
    MemoryLoad load;
    for (const double start_s : {1.5, 8.0}) {
        load.anon = [start_s](double at_s) { return (at_s < start_s ? 10 + 80 * at_s / start_s : 60) * kMiB; };
        const Tally t = tally([&](auto) { return load; }, 88 * kMiB);
        CHECK(t.highs == kSeeds);
        CHECK(t.too_high == 0);
    }
    SimulatedMemory subject(7, load);
    const auto proposal = tune_memory(subject);
    REQUIRE(proposal);
    CHECK(find(*proposal, "memory.max")->estimate >= 92 * kMiB);
    CHECK(find(*proposal, "memory.max")->estimate <= 96 * kMiB);
    CHECK(find(*proposal, "memory.high")->method.find("it would hardly start again; 6") != std::string::npos);
    CHECK(proposal->notes.back().find("before it had settled it kept 9") == 0);
}

TEST_CASE("tune memory: a peak of old is what the start kept, unless something was reclaimed that may have been it")
{
    MemoryLoad load;
    load.anon = [](double at_s) { return (at_s < 10 ? 90 : 60) * kMiB; };
    const auto high_after_a_start = [&](std::uint64_t reclaimed_pages) {
        SimulatedMemory subject(7, load);
        REQUIRE(subject.run(20'000'000'000));
        subject.stolen_pages = reclaimed_pages;
        const auto proposal = tune_memory(subject);
        REQUIRE(proposal);
        return find(*proposal, "memory.high")->estimate;
    };
    CHECK(high_after_a_start(0) >= 90 * kMiB);
    CHECK(high_after_a_start(1) <= 70 * kMiB);
}

TEST_CASE("tune memory: a scan that its past keeps in memory is not taken for a smaller one")
{
    MemoryLoad load;
    load.dead = 40 * kMiB;
    load.scan = 60 * kMiB;
    load.cycle_s = 1;
    // Of 80 % that has to be kept, thrashing leaves 67 %; with most of it still there it would be 90 %.
    load.miss_cost = 0.5;
    load.active_list = true;
    const Tally t = tally([&](auto) { return load; }, 78 * kMiB, 0.02);
    CHECK(t.highs == kSeeds);
    CHECK(t.too_low == 0);
    CHECK(t.too_high == 0);
}
