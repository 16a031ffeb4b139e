// SPDX-License-Identifier: Apache-2.0
// The search against simulated systems whose breaking point is known.
#include "flyball/load/breaking_point.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <functional>
#include <random>
#include <vector>

using namespace flyball::load;

namespace {

using System = std::function<Verdict(const Trial&)>;

SearchResult search(const SearchOptions& options, const System& system, std::vector<Trial>* trials = nullptr)
{
    BreakingPoint planner(options);
    while (const auto trial = planner.next()) {
        if (trials != nullptr)
            trials->push_back(*trial);
        REQUIRE(trial->level >= options.low);
        REQUIRE(trial->level <= options.high);
        planner.report(system(*trial));
    }
    return planner.result();
}

System cliff(double at)
{
    return [at](const Trial& trial) { return trial.level <= at ? Verdict::Met : Verdict::Broken; };
}

}  // namespace

TEST_CASE("a cliff is found wherever it is, within the width, with both sides confirmed", "[load]")
{
    for (const double at : {100.1, 150.0, 199.0, 200.0, 201.0, 1234.5, 99'999.0}) {
        const SearchResult result = search({.low = 100, .high = 100'000}, cliff(at));
        INFO("at " << at << ": " << result.held.value_or(0) << " to " << result.broken.value_or(0));
        REQUIRE(result.end == SearchEnd::Found);
        CHECK(*result.held <= at);
        CHECK(*result.broken > at);
        CHECK(*result.broken <= *result.held * 1.05 + 1e-6);
        CHECK(result.held_votes.held >= 3);
        CHECK(result.broken_votes.broken >= 3);
        CHECK(result.trials < 50);
    }
}

TEST_CASE("an M/M/1 queue's p99 objective breaks where the formula says", "[load]")
{
    // The time in an M/M/1 system is exponential with rate mu - lambda: p99 = ln 100 / (mu - lambda).
    const double mu = 1000, bound = 0.050, exact = mu - std::log(100.0) / bound;
    std::mt19937_64 random(3);
    const System queue = [&](const Trial& trial) {
        if (trial.level >= mu)
            return Verdict::Broken;
        // The p99 of 1000 samples of it.
        std::exponential_distribution<double> draw(mu - trial.level);
        std::vector<double> samples(1000);
        for (double& sample : samples)
            sample = draw(random);
        std::ranges::nth_element(samples, samples.begin() + 989);
        return samples[989] < bound ? Verdict::Met : Verdict::Broken;
    };
    for (int run = 0; run < 20; ++run) {
        const SearchResult result = search({.low = 50, .high = 10'000}, queue);
        REQUIRE((result.end == SearchEnd::Found || result.end == SearchEnd::Unsettled));
        CHECK(*result.held == Approx(exact).epsilon(0.06));
        CHECK(*result.broken == Approx(exact).epsilon(0.06));
    }
}

TEST_CASE("noise that breaks one window in ten does not move it", "[load]")
{
    std::mt19937_64 random(5);
    std::bernoulli_distribution hit(0.1);
    int found = 0;
    constexpr int kRuns = 200;
    for (int run = 0; run < kRuns; ++run) {
        const SearchResult result = search({.low = 100, .high = 100'000}, [&](const Trial& trial) {
            return trial.level > 3000 || hit(random) ? Verdict::Broken : Verdict::Met;
        });
        found += result.end == SearchEnd::Found && *result.held <= 3000 && *result.held > 3000 / 1.05 / 1.05 ? 1 : 0;
    }
    // A search that believed single windows would be right in about 0.9^10: a third of the runs.
    INFO(found << " of " << kRuns);
    CHECK(found >= kRuns * 0.85);
}

TEST_CASE("a system that stays broken until it is drained is not blamed for it", "[load]")
{
    // Overload leaves a backlog that breaks what follows, but for a drain.
    bool backlog = false;
    std::size_t drained = 0;
    const SearchResult result = search({.low = 100, .high = 100'000}, [&](const Trial& trial) {
        if (trial.after_break) {
            backlog = false;
            ++drained;
        }
        const bool broken = backlog || trial.level > 2500;
        backlog = backlog || broken;
        return broken ? Verdict::Broken : Verdict::Met;
    });
    REQUIRE(result.end == SearchEnd::Found);
    CHECK(*result.held <= 2500);
    CHECK(*result.broken > 2500);
    CHECK(drained >= 5);
}

TEST_CASE("an overload that shows only after some windows is caught by the confirmation", "[load]")
{
    // At 1000 and below for ever; up to 1500 two windows at the same level hold, then no more.
    double last = 0;
    int here = 0;
    const SearchResult result = search({.low = 100, .high = 100'000}, [&](const Trial& trial) {
        here = trial.level == last ? here + 1 : 1;
        last = trial.level;
        return trial.level <= 1000 || (trial.level <= 1500 && here <= 2) ? Verdict::Met : Verdict::Broken;
    });
    INFO(result.held.value_or(0) << " to " << result.broken.value_or(0));
    REQUIRE((result.end == SearchEnd::Found || result.end == SearchEnd::Unsettled));
    if (result.end == SearchEnd::Found) {
        CHECK(*result.held <= 1000);
        CHECK(result.held_votes.held >= 3);
    }
}

TEST_CASE("all levels hold, or none does", "[load]")
{
    const SearchResult held = search({.low = 100, .high = 1000}, cliff(5000));
    CHECK(held.end == SearchEnd::HeldAll);
    CHECK(held.held == 1000);
    CHECK(held.held_votes.held == 3);
    CHECK_FALSE(held.broken);
    const SearchResult broken = search({.low = 100, .high = 1000}, cliff(50));
    CHECK(broken.end == SearchEnd::BrokeAll);
    CHECK(broken.broken == 100);
    CHECK(broken.broken_votes.broken == 3);
    CHECK_FALSE(broken.held);
}

TEST_CASE("whole numbers stay whole, down to neighbours", "[load]")
{
    for (double at = 1; at < 64; ++at) {
        std::vector<Trial> trials;
        const SearchResult result = search({.low = 1, .high = 64, .whole = true, .width = 0.01}, cliff(at), &trials);
        for (const Trial& trial : trials)
            CHECK(trial.level == std::round(trial.level));
        REQUIRE(result.end == SearchEnd::Found);
        CHECK(*result.held == at);
        CHECK(*result.broken == at + 1);
    }
}

TEST_CASE("a coin ends, unsettled or not; what cannot be judged ends at once", "[load]")
{
    std::mt19937_64 random(9);
    std::bernoulli_distribution coin(0.5);
    for (int run = 0; run < 200; ++run) {
        const SearchResult result = search({.low = 1, .high = 1e6},
                                           [&](const Trial&) { return coin(random) ? Verdict::Met : Verdict::Broken; });
        CHECK(result.trials <= 100);
        CHECK(result.end != SearchEnd::Running);
    }
    const SearchResult unknown = search({.low = 1, .high = 10}, [](const Trial&) { return Verdict::Unknown; });
    CHECK(unknown.end == SearchEnd::Unknown);
    CHECK(unknown.trials == 1);
}
