// SPDX-License-Identifier: Apache-2.0
// Verdicts, and how often they are wrong.
#include "flyball/compare/comparison.hpp"
#include "flyball/compare/load.hpp"
#include "support/catch.hpp"
#include "unit/compare/make_sides.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

using namespace flyball;
using namespace flyball::compare;
using flyball::test::side_of;

namespace {

const std::string kReplay = std::string(FLYBALL_SOURCE_DIR) + "/tests/replay/";

Row only_row(const Comparison& comparison)
{
    REQUIRE(comparison.rows.size() == 1);
    return comparison.rows.front();
}

Row verdict_of(const std::vector<double>& a, const std::vector<double>& b, const Options& options = {},
               const std::string& name = "latency_ms")
{
    const auto comparison = compare::compare(side_of(name, a), side_of(name, b), options);
    REQUIRE(comparison);
    return only_row(*comparison);
}

ThresholdRule rule(std::string_view text)
{
    const auto parsed = parse_threshold(text);
    REQUIRE(parsed);
    return *parsed;
}

const std::vector<double> kTen{100, 101, 99, 102, 98, 100.5, 99.5, 101.5, 98.5, 100.2};

std::vector<double> times(double factor)
{
    std::vector<double> values = kTen;
    for (double& value : values)
        value *= factor;
    return values;
}

}  // namespace

TEST_CASE("verdicts: by direction and threshold", "[compare]")
{
    CHECK(verdict_of(kTen, times(1.2)).verdict == Verdict::Worse);
    CHECK(verdict_of(kTen, times(1.2)).regression);
    CHECK(verdict_of(kTen, times(0.8)).verdict == Verdict::Better);
    CHECK_FALSE(verdict_of(kTen, times(0.8)).regression);
    CHECK(verdict_of(kTen, times(0.8), {}, "throughput").verdict == Verdict::Worse);
    CHECK(verdict_of(kTen, times(1.2), {}, "throughput").verdict == Verdict::Better);
    CHECK(verdict_of(kTen, times(1.05)).verdict == Verdict::Same);  // surely changed, surely within 10 %
    CHECK(verdict_of(kTen, times(1.05), {.thresholds = {rule("latency_ms=2%")}}).verdict == Verdict::Worse);
    CHECK(verdict_of(kTen, times(1.05), {.thresholds = {rule("latency_ms=2")}}).verdict == Verdict::Worse);  // 5 ms
    CHECK(verdict_of(kTen, times(1.05), {.thresholds = {rule("latency_ms=8")}}).verdict == Verdict::Same);
    CHECK(verdict_of(kTen, times(1.2), {.higher = {"lat*"}}).verdict == Verdict::Better);
    const Row row = verdict_of(kTen, times(1.2));
    CHECK(*row.change == Approx(0.2).margin(0.005));
    CHECK(row.change_interval->contains(0.2));
    CHECK(row.difference == Approx(20).margin(0.5));
}

TEST_CASE("verdicts: which way is good is not known", "[compare]")
{
    const Row row = verdict_of(kTen, times(1.5), {}, "value");
    CHECK(row.verdict == Verdict::Changed);
    CHECK_FALSE(row.regression);
    CHECK(verdict_of(kTen, times(0.5), {.thresholds = {rule("value=10%")}}, "value").regression);
    CHECK_FALSE(verdict_of(kTen, times(0.5), {.thresholds = {rule("10%")}}, "value").regression);
}

TEST_CASE("verdicts: too few runs are said", "[compare]")
{
    const std::vector<double> low{1, 2, 3}, high{10, 11, 12};
    const Row row = verdict_of(low, high);
    CHECK(row.verdict == Verdict::Inconclusive);
    CHECK(row.reason == "n too small: 3 against 3 can never be significant at 95 %: at least 4 and 4");
    CHECK(*row.p == Approx(0.1));
    CHECK_FALSE(row.interval);
    const Row one = verdict_of({1}, {10});
    CHECK(one.verdict == Verdict::Inconclusive);
    CHECK(one.reason.starts_with("one run against one"));
    CHECK_FALSE(one.p);
    CHECK(verdict_of({1}, high).reason.starts_with("n too small: 1 against 3"));
}

TEST_CASE("verdicts: many metrics need more runs", "[compare]")
{
    Side a = side_of("m0_ms", {1, 2, 3, 4}), b = side_of("m0_ms", {11, 12, 13, 14});
    for (int metric = 1; metric < 12; ++metric) {
        test::add_metric(a, "m" + std::to_string(metric) + "_ms", {1, 2, 3, 4});
        test::add_metric(b, "m" + std::to_string(metric) + "_ms", {11, 12, 13, 14});
    }
    const auto comparison = compare::compare(a, b, {});
    REQUIRE(comparison);
    CHECK(comparison->tested == 12);
    CHECK(comparison->runs_needed == 6);  // 2 / C(12, 6) = 0.0022 <= 0.05 / 12 < 2 / C(10, 5)
    CHECK(comparison->rows.front().verdict == Verdict::Inconclusive);
    CHECK(comparison->rows.front().reason.find("with 12 metrics: at least 6 and 6") != std::string::npos);
    const auto one = compare::compare(a, b, {.metrics = {"m3_ms"}});
    CHECK(only_row(*one).verdict == Verdict::Worse);
    CHECK(one->regressed());
}

TEST_CASE("verdicts: the same number in every run, and zero", "[compare]")
{
    const Row row = verdict_of({0, 0, 0}, {0, 0, 0});
    CHECK(row.verdict == Verdict::Same);
    CHECK_FALSE(row.p);
    const Row risen = verdict_of({0, 0, 0, 0, 0}, {2, 3, 2, 4, 3});
    CHECK(risen.verdict == Verdict::Worse);
    CHECK_FALSE(risen.change);
    CHECK(verdict_of({-5, -5.1, -5.2, -4.9, -4.8}, {-1, -1.1, -1.2, -1.3, -0.9}).verdict == Verdict::Worse);
}

TEST_CASE("verdicts: runs in the order of their size say nothing", "[compare]")
{
    std::vector<double> rising(15), beyond(15);
    for (std::size_t i = 0; i < 15; ++i) {
        rising[i] = static_cast<double>(i);
        beyond[i] = static_cast<double>(100 + i);
    }
    const Row row = verdict_of(rising, beyond);
    CHECK(row.verdict == Verdict::Inconclusive);
    CHECK(row.reason.find("alike") != std::string::npos);
}

TEST_CASE("thresholds: their forms", "[compare]")
{
    CHECK(rule("10%").threshold.value == Approx(0.1));
    CHECK(rule("10%").pattern.empty());
    CHECK(rule("cpu.wait.p99=200us").threshold.value == 200'000);
    CHECK_FALSE(rule("cpu.wait.p99=200us").threshold.relative);
    CHECK(rule("/a=b:cpu.*=5%").pattern == "/a=b:cpu.*");
    CHECK(rule("oom.kills=0").threshold.named);
    for (const char* text : {"", "10", "5ms", "x=", "=5%", "x=-5%", "x=abc", "nan%", "%", "x=%"}) {
        INFO(text);
        CHECK_FALSE(parse_threshold(text));
    }
}

TEST_CASE("nothing to compare is an error", "[compare]")
{
    CHECK(compare::compare(side_of("x", {}), side_of("x", {1}), {}).error().what == "A (A) has no run");
    const auto none = compare::compare(side_of("x", {1}), side_of("y", {1}), {});
    CHECK(none.error().what == "A and B have no metric in common (A has x, B has y)");
    CHECK(none.error().kind == ErrorKind::Usage);
    CHECK(compare::compare(side_of("x", {1}), side_of("x", {1}), {.metrics = {"z"}}).error().what ==
          "no metric that A and B have in common was chosen");
}

TEST_CASE("A/A: wrong verdicts are as rare as promised", "[compare]")
{
    std::mt19937_64 random(1);
    for (const test::Noise noise : test::kNoises) {
        for (const std::size_t runs : {5U, 20U}) {
            int wrong = 0;
            constexpr int kTrials = 200;
            for (int trial = 0; trial < kTrials; ++trial) {
                const Side a = test::noisy_side(noise, runs, 4, random), b = test::noisy_side(noise, runs, 4, random);
                const auto comparison = compare::compare(a, b, {.threshold = 0});
                REQUIRE(comparison);
                wrong += std::ranges::any_of(comparison->rows, [](const Row& row) {
                    return row.verdict != Verdict::Same && row.verdict != Verdict::Inconclusive;
                });
            }
            INFO(test::name_of(noise) << ", " << runs << " runs: " << wrong << " of " << kTrials);
            // 5 % of 200 is 10, with a deviation of 3. Runs that are alike are noticed by their autocorrelation, which
            // few of them do not show: docs/compare.md has the figures.
            if (!test::is_dependent(noise))
                CHECK(wrong <= 19);
            else if (runs == 20)
                CHECK(wrong <= 70);
        }
    }
}

TEST_CASE("A/B: a real difference is found", "[compare]")
{
    std::mt19937_64 random(2);
    int found = 0;
    for (int trial = 0; trial < 100; ++trial) {
        const Side a = test::noisy_side(test::Noise::Normal, 8, 4, random);
        Side b = test::noisy_side(test::Noise::Normal, 8, 4, random);
        for (Run& run : b.runs)
            run.values.at({"", "m0_ms"}).value *= 1.2;
        found += compare::compare(a, b, {})->rows.front().regression ? 1 : 0;
    }
    CHECK(found >= 90);  // 20 % in a noise of 5 %
}

TEST_CASE("two recordings: before and after a change whose effect is known", "[compare]")
{
    const auto before = load_side("before", std::vector{kReplay + "shop-before.fbr"}, {});
    const auto after = load_side("after", std::vector{kReplay + "shop-after.fbr"}, {});
    REQUIRE(before);
    REQUIRE(after);
    const auto row_in = [](const Comparison& comparison, std::string_view cgroup, std::string_view name) {
        const auto found = std::ranges::find_if(
            comparison.rows, [&](const Row& r) { return r.key.cgroup == cgroup && r.key.name == name; });
        REQUIRE(found != comparison.rows.end());
        return *found;
    };
    const auto forth = compare::compare(*before, *after, {}), back = compare::compare(*after, *before, {});
    REQUIRE(forth);
    REQUIRE(back);
    CHECK(forth->basis == Basis::Slices);
    const std::string checkout = "/prod.slice/checkout.service";
    CHECK(row_in(*forth, checkout, "cpu.held_ratio").verdict == Verdict::Better);
    CHECK(row_in(*back, checkout, "cpu.held_ratio").verdict == Verdict::Worse);
    CHECK(back->regressed());
    // The numbers of `flyball report`.
    CHECK(row_in(*forth, checkout, "cpu.held_ratio").a == Approx(0.362).margin(0.0005));
    // A recording against itself has no difference anywhere.
    const auto itself = compare::compare(*before, *before, {.all = true});
    REQUIRE(itself);
    for (const Row& row : itself->rows) {
        INFO(row.key.cgroup << " " << row.key.name);
        CHECK(row.difference == 0);
        CHECK((row.verdict == Verdict::Same || row.verdict == Verdict::Inconclusive));
    }
    for (const DistributionRow& row : itself->distributions) {
        CHECK(row.ks == 0);
        CHECK(row.moved == 0);
    }
}

namespace {

Side with_histograms(const std::vector<profile::Histogram>& runs)
{
    Side side{.name = "A"};
    for (const profile::Histogram& hist : runs) {
        Run run;
        run.distributions[{"/a", "cpu.wait"}] = hist;
        run.values[{"/a", "cpu.wait.p99"}] = {static_cast<double>(hist.quantile(0.99)), Unit::Nanoseconds, Good::Lower,
                                              true};
        side.runs.push_back(std::move(run));
    }
    return side;
}

}  // namespace

TEST_CASE("distributions: distances by hand", "[compare]")
{
    profile::Histogram a, b;
    a.add(1, 2);
    a.add(2, 1);
    b.add(1, 1);
    b.add(2, 1);
    b.add(12, 1);
    const auto comparison = compare::compare(with_histograms({a}), with_histograms({b}), {});
    REQUIRE(comparison);
    REQUIRE(comparison->distributions.size() == 1);
    const DistributionRow& row = comparison->distributions.front();
    CHECK(row.ks == Approx(1.0 / 3));
    CHECK(row.moved == Approx(11.0 / 3));  // 1 -> 2 and 2 -> 12, of three
    CHECK(row.n_a == 3);
    double share = 0;
    for (const Bin& bin : row.bins)
        share += bin.b;
    CHECK(share == Approx(1));
    // Rows: the same distances without buckets.
    const std::vector<double> low(20, 1.0), high(20, 3.5);
    const auto raw = compare::compare(side_of("x", low), side_of("x", high), {});
    REQUIRE(raw->distributions.size() == 1);
    CHECK(raw->distributions.front().ks == 1);
    CHECK(raw->distributions.front().moved == Approx(2.5));
}

TEST_CASE("distributions: intervals of quantiles cover although samples of a run are alike", "[compare]")
{
    std::mt19937_64 random(31);
    std::normal_distribution<double> normal(0, 1);
    const auto side = [&](double median) {
        std::vector<profile::Histogram> runs(10);
        for (profile::Histogram& run : runs) {
            const double level = median * std::exp(0.2 * normal(random));
            for (int i = 0; i < 200; ++i)
                run.add(static_cast<std::uint64_t>(level * std::exp(normal(random))));
        }
        return with_histograms(runs);
    };
    int covered = 0, of_a = 0;
    constexpr int kTrials = 200;
    for (int trial = 0; trial < kTrials; ++trial) {
        const auto comparison = compare::compare(side(1e6), side(1.5e6), {});
        const QuantileRow& median = comparison->distributions.front().quantiles.front();
        REQUIRE(median.q == 0.5);
        REQUIRE(median.difference);
        covered += median.difference->contains(0.5e6) ? 1 : 0;
        of_a += median.of_a->contains(1e6) ? 1 : 0;
    }
    INFO(covered << " and " << of_a << " of " << kTrials);
    CHECK(covered >= kTrials * 0.91);  // 95 %, less two deviations
    CHECK(of_a >= kTrials * 0.91);
}
