// SPDX-License-Identifier: Apache-2.0
// Coverage by simulation: an interval that promises 95 % holds in 95 % of many trials, also when one looks all the
// time.
#include "flyball/stats/statistics.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

using namespace flyball::stats;

TEST_CASE("quantile interval: covers as it promises, whatever the distribution")
{
    std::mt19937_64 random(7);
    std::lognormal_distribution<double> draw(0, 1.5);
    for (const double q : {0.5, 0.9, 0.99}) {
        const double truth = std::exp(1.5 * (q == 0.5 ? 0 : q == 0.9 ? 1.2815515655 : 2.3263478740));
        const std::size_t n = least_samples(q, 0.95) + 40;
        int covered = 0;
        constexpr int kTrials = 2000;
        for (int trial = 0; trial < kTrials; ++trial) {
            std::vector<double> samples(n);
            for (double& sample : samples)
                sample = draw(random);
            std::ranges::sort(samples);
            covered += quantile_interval(samples, q, 0.95)->contains(truth) ? 1 : 0;
        }
        INFO("q " << q << ", n " << n << ": " << covered << " of " << kTrials);
        CHECK(covered >= kTrials * 0.94);
    }
}

TEST_CASE("quantile interval: too few samples say nothing")
{
    // P(all of n below the median) = 2^-n: six for a tail of 2.5 %.
    CHECK(least_samples(0.5, 0.95) == 6);
    CHECK(least_samples(0.99, 0.95) == 368);
    std::vector<double> samples(367, 1.0);
    CHECK_FALSE(quantile_interval(samples, 0.99, 0.95));
    samples.push_back(1.0);
    CHECK(quantile_interval(samples, 0.99, 0.95));
    CHECK_FALSE(quantile_interval({}, 0.5, 0.95));
    const std::vector<double> ten{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    CHECK(quantile_interval(ten, 0.5, 0.95)->low == 2);  // the tables have ranks 2 and 9 for ten
    CHECK(quantile_interval(ten, 0.5, 0.95)->high == 9);
}

TEST_CASE("no event in n trials still leaves room for some")
{
    CHECK(upper_bound_of_none(3, 0.95) == Approx(0.632).margin(0.001));
    CHECK(upper_bound_of_none(59, 0.95) == Approx(0.0495).margin(0.0005));
    CHECK(upper_bound_of_none(300, 0.95) == Approx(0.00994).margin(0.0001));
    CHECK(upper_bound_of_none(0, 0.95) == 1);
}

TEST_CASE("confidence sequence: one may look after every sample")
{
    std::mt19937_64 random(11);
    std::normal_distribution<double> draw(3, 2);
    int ever_outside = 0, classic_outside = 0;
    constexpr int kTrials = 1000, kSamples = 200;
    for (int trial = 0; trial < kTrials; ++trial) {
        ConfidenceSequence sequence(0.05);
        bool outside = false, classic = false;
        double sum = 0, squares = 0;
        for (int n = 1; n <= kSamples; ++n) {
            const double sample = draw(random);
            sequence.add(sample);
            sum += sample;
            squares += sample * sample;
            if (const auto interval = sequence.interval())
                outside |= !interval->contains(3);
            // What an ordinary interval does when it is looked at all the time.
            const double mean = sum / n, deviation = std::sqrt(std::max(squares / n - mean * mean, 0.0));
            classic |= n >= 8 && std::abs(mean - 3) > 1.96 * deviation / std::sqrt(n);
        }
        ever_outside += outside ? 1 : 0;
        classic_outside += classic ? 1 : 0;
    }
    INFO(ever_outside << " of " << kTrials << ", an ordinary one " << classic_outside);
    CHECK(ever_outside <= kTrials * 0.06);
    CHECK(classic_outside > kTrials * 0.2);
}

TEST_CASE("non-inferiority: equal is accepted, half is rejected, in few pairs; too noisy is neither")
{
    std::mt19937_64 random(13);
    const auto ask = [&](double factor, double noise, std::size_t& pairs) {
        std::lognormal_distribution<double> draw(0, noise);
        NonInferiority test(0.8, 0.05, 60);
        while (!test.exhausted() && test.answer() == NonInferiority::Answer::Undecided)
            test.add_pair(draw(random), factor * draw(random));
        pairs = test.pairs();
        return test.answer();
    };
    std::size_t pairs = 0, accepted = 0, wrongly = 0;
    constexpr std::size_t kTrials = 500;
    for (std::size_t i = 0; i < kTrials; ++i) {
        accepted += ask(1.0, 0.05, pairs) == NonInferiority::Answer::Accepted ? 1U : 0U;
        wrongly += ask(0.8, 0.05, pairs) == NonInferiority::Answer::Accepted ? 1U : 0U;
    }
    CHECK(accepted == kTrials);
    CHECK(wrongly <= kTrials / 20);
    CHECK(ask(0.5, 0.05, pairs) == NonInferiority::Answer::Rejected);
    CHECK(pairs <= 12);
    CHECK(ask(0.85, 1.0, pairs) == NonInferiority::Answer::Undecided);
    CHECK(pairs == 60);
    NonInferiority few(0.8, 0.05, 60);
    for (int i = 0; i < 3; ++i)
        few.add_pair(1, 1);
    CHECK(few.answer() == NonInferiority::Answer::Undecided);
    CHECK_FALSE(few.ratio());
    few.add_pair(0, 1);  // no rate
    CHECK(few.pairs() == 3);
}
