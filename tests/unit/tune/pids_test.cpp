// SPDX-License-Identifier: Apache-2.0
// pids.max from counts of tasks that are known.
#include "flyball/tune/pids.hpp"
#include "simulated_subject.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"

#include <random>

using namespace flyball;
using namespace flyball::tune;
using flyball::test::kSecond;

namespace {

Window window(std::uint64_t seconds, const std::vector<TaskCount>& counts)
{
    Window all;
    all.begin_ns = 0;
    all.end_ns = seconds * kSecond;
    all.trace.tasks = counts;
    return all;
}

// So many tasks with noise of so many, a change every 100 ms.
std::vector<TaskCount> pool(std::uint32_t tasks, std::uint32_t spread, std::uint64_t seconds,
                            double growth_a_second = 0)
{
    std::mt19937 random(1);
    std::uniform_int_distribution<std::uint32_t> more(0, spread);
    std::vector<TaskCount> counts;
    for (std::uint64_t i = 0; i < seconds * 10; ++i)
        counts.push_back(
            {i * kSecond / 10,
             tasks + more(random) + static_cast<std::uint32_t>(growth_a_second * static_cast<double>(i) / 10)});
    return counts;
}

Proposal proposed(const Window& seen, test::SimulatedSubject::Limits limits = {{"pids.max", "max"}})
{
    test::SimulatedSubject subject(1, std::move(limits));
    return propose_pids(seen, subject, {});
}

}  // namespace

TEST_CASE("tune pids: 70 to 85 per cent at the peak")
{
    for (const std::uint32_t tasks : {1U, 4U, 30U, 1000U}) {
        const Proposal proposal = proposed(window(60, pool(tasks, 0, 60)));
        REQUIRE(proposal.answer == Answer::Limit);
        const double share = tasks / proposal.values[0].estimate;
        INFO(tasks);
        // Whole tasks: of a few of them a share of 70 % may not exist.
        CHECK(share <= 0.85);
        CHECK((share >= 0.70 || proposal.values[0].estimate <= tasks + 1));
        CHECK(proposal.values[0].interval->low == tasks);
        CHECK(proposal.values[0].confidence == Approx(60.0 / 61));
    }
}

TEST_CASE("tune pids: the peak is the kernel's, where that is higher")
{
    Window seen = window(60, pool(10, 2, 60));
    seen.after.counters.pids_peak = 31;
    const Proposal proposal = proposed(seen);
    CHECK(proposal.values[0].estimate == 40);
    CHECK_FALSE(proposal.notes.empty());
}

TEST_CASE("tune pids: a leak is refused, noise is none")
{
    const Proposal leak = proposed(window(60, pool(20, 6, 60, 1.0)));
    CHECK(leak.answer == Answer::Refused);
    CHECK(leak.values.empty());
    CHECK(proposed(window(60, pool(20, 15, 60))).answer == Answer::Limit);
    // Five more in an hour of a hundred are no leak.
    CHECK(proposed(window(600, pool(100, 3, 600, 0.008))).answer == Answer::Limit);
}

TEST_CASE("tune pids: a limit that refuses forks hides what is needed")
{
    Window seen = window(60, pool(10, 2, 60));
    seen.trace.refused_forks = 1;
    CHECK(proposed(seen).answer == Answer::Inconclusive);
    Window counted = window(60, pool(10, 2, 60));
    counted.before.counters.pids_max_events = 3;
    counted.after.counters.pids_max_events = 5;
    CHECK(proposed(counted).answer == Answer::Inconclusive);
}

TEST_CASE("tune pids: too short a look, or nobody there, is no answer")
{
    CHECK(proposed(window(3, pool(10, 2, 3))).answer == Answer::Inconclusive);
    CHECK(proposed(window(60, {{0, 0}})).answer == Answer::Inconclusive);
}

TEST_CASE("fork envelope: the most growth within a time, against all pairs")
{
    std::mt19937 random(3);
    std::uniform_int_distribution<std::uint32_t> tasks(0, 50);
    std::uniform_int_distribution<std::uint64_t> gap(1, kSecond / 2);
    for (int trial = 0; trial < 50; ++trial) {
        std::vector<TaskCount> counts;
        std::uint64_t at = 0;
        for (int i = 0; i < 80; ++i)
            counts.push_back({at += gap(random), tasks(random)});
        std::uint32_t most = 0;
        for (std::size_t i = 0; i < counts.size(); ++i)
            for (std::size_t j = i + 1; j < counts.size(); ++j)
                if (counts[j].at_ns - counts[i].at_ns <= kSecond && counts[j].tasks > counts[i].tasks)
                    most = std::max(most, counts[j].tasks - counts[i].tasks);
        CHECK(fork_envelope(counts, kSecond) == most);
    }
}
