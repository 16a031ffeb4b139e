// SPDX-License-Identifier: Apache-2.0
// How often `flyball compare` finds a difference where there is none: A/A comparisons of made-up runs with a fixed
// seed; and how often it calls a change of known size one. The tables of docs/compare.md. bench_compare_aa
// [COMPARISONS]
#include "../unit/compare/make_sides.hpp"
#include "flyball/compare/comparison.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace flyball;
using compare::Row;
using compare::Side;
using compare::Verdict;

constexpr std::size_t kSlices = 20, kSamples = 200;

struct Tally {
    int different = 0, regressions = 0;
    void add(const Side& a, const Side& b)
    {
        const auto is_difference = [](const Row& row) {
            return row.verdict != Verdict::Same && row.verdict != Verdict::Inconclusive;
        };
        const auto any = compare::compare(a, b, {.threshold = 0}), gate = compare::compare(a, b, {});
        different += any && std::ranges::any_of(any->rows, is_difference) ? 1 : 0;
        regressions += gate && gate->regressed() ? 1 : 0;
    }
};

void print(const char* what, const std::string& how, const Tally& tally, int trials)
{
    const auto percent = [&](int count) { return 100.0 * count / trials; };
    fmt::print("| {} | {} | {:.1f} % | {:.1f} % |\n", what, how, percent(tally.different), percent(tally.regressions));
}

void simulate_runs(int trials)
{
    fmt::print("| noise of the runs | runs a side | a difference of any size | a regression beyond 10 % "
               "|\n|---|---|---|---|\n");
    std::mt19937_64 random(20260101);
    for (const test::Noise noise : test::kNoises) {
        for (const std::size_t runs : {5, 10, 20, 100}) {
            Tally tally;
            for (int trial = 0; trial < trials; ++trial)
                tally.add(test::noisy_side(noise, runs, 4, random), test::noisy_side(noise, runs, 4, random));
            print(test::name_of(noise), fmt::format("{}", runs), tally, trials);
        }
    }
}

// One metric with noise of 5 %, B changed by so much: how often it is a regression beyond 10 %, and how often a change.
void simulate_changes(int trials)
{
    fmt::print("\n| true change | runs a side | a change | a regression beyond 10 % | wider since alike "
               "|\n|---|---|---|---|---|\n");
    std::mt19937_64 random(20260103);
    std::normal_distribution<double> normal(0, 1);
    const auto side = [&](double level, std::size_t runs) {
        Side made{.name = "side"};
        for (std::size_t i = 0; i < runs; ++i) {
            compare::Run run{.source = "made up"};
            run.values[{"", "latency"}] = {level * (1 + 0.05 * normal(random)), compare::Unit::Number,
                                           compare::Good::Lower, true};
            made.runs.push_back(std::move(run));
        }
        return made;
    };
    for (const double change : {0.0, 0.03, 0.08, 0.12, 0.15, 0.2}) {
        for (const std::size_t runs : {5, 10, 20}) {
            int changes = 0, regressions = 0, wider = 0;
            for (int trial = 0; trial < trials; ++trial) {
                const auto result = compare::compare(side(100, runs), side(100 * (1 + change), runs), {});
                const Row& row = result->rows.front();
                changes += row.verdict == Verdict::Worse || row.verdict == Verdict::Better ? 1 : 0;
                regressions += result->regressed() ? 1 : 0;
                wider += row.reason.find("alike") != std::string::npos ? 1 : 0;
            }
            const auto percent = [&](int count) { return 100.0 * count / trials; };
            fmt::print("| {:g} % | {} | {:.1f} % | {:.1f} % | {:.1f} % |\n", change * 100, runs, percent(changes),
                       percent(regressions), percent(wider));
        }
    }
}

compare::Run run_of(const profile::Histogram& hist)
{
    using compare::Good;
    using compare::Unit;
    compare::Run run{.source = "made up"};
    run.values[{"/a", "cpu.wait.mean"}] = {hist.mean(), Unit::Nanoseconds, Good::Lower, true};
    run.values[{"/a", "cpu.wait.p50"}] = {static_cast<double>(hist.quantile(0.5)), Unit::Nanoseconds, Good::Lower,
                                          true};
    run.values[{"/a", "cpu.wait.p99"}] = {static_cast<double>(hist.quantile(0.99)), Unit::Nanoseconds, Good::Lower,
                                          true};
    return run;
}

// A single recording: slices with a level each, alike by r; the whole recording has a level of its own, too.
Side recording(double r, double between_runs, std::mt19937_64& random)
{
    std::normal_distribution<double> normal(0, 1);
    std::lognormal_distribution<double> sample(0, 1);
    const double level = 1e6 * std::exp(between_runs * normal(random));
    double state = normal(random);
    std::vector<profile::Histogram> slices(kSlices);
    for (profile::Histogram& slice : slices) {
        for (std::size_t i = 0; i < kSamples; ++i)
            slice.add(static_cast<std::uint64_t>(level * std::exp(0.1 * state) * sample(random)));
        state = r * state + std::sqrt(1 - r * r) * normal(random);
    }
    Side side{.name = "A"};
    for (std::size_t left_out = 0; left_out <= kSlices; ++left_out) {
        profile::Histogram sum;
        for (std::size_t i = 0; i < kSlices; ++i) {
            if (i != left_out)
                sum.merge(slices[i]);
        }
        (left_out == kSlices ? side.runs : side.without_slice).push_back(run_of(sum));
    }
    return side;
}

void simulate_slices(int trials)
{
    fmt::print("\n| one recording against one: slices alike by | one run differs from the next by | a difference of "
               "any size | a regression beyond "
               "10 % |\n|---|---|---|---|\n");
    std::mt19937_64 random(20260102);
    for (const double between : {0.0, 0.05, 0.2}) {
        for (const double r : {0.0, 0.5, 0.8}) {
            Tally tally;
            for (int trial = 0; trial < trials; ++trial)
                tally.add(recording(r, between, random), recording(r, between, random));
            print(fmt::format("r = {}", r).c_str(), fmt::format("{:g} %", between * 100), tally, trials);
        }
    }
}

}  // namespace

int main(int argc, char** argv)
{
    const int trials = argc > 1 ? std::max(1, std::atoi(argv[1])) : 300;
    fmt::print("{} comparisons a line.\n\n", trials);
    simulate_runs(trials);
    simulate_changes(trials);
    simulate_slices(trials);
    return 0;
}
