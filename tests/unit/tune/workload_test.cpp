// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/workload.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"

#include <fmt/format.h>

#include <random>
#include <string>
#include <vector>

using namespace flyball;
using namespace flyball::tune;
using flyball::test::ContainsSubstring;
using flyball::test::kSecond;

namespace {

WorkloadMeter begun(std::uint64_t at_ns = 0)
{
    WorkloadMeter meter;
    (void)meter.take(at_ns);
    return meter;
}

}  // namespace

TEST_CASE("workload: each line of the contract", "[tune][workload]")
{
    WorkloadMeter meter = begun();
    meter.feed_metrics(
        "done 3\ndone 0.5\nop 1.25ms\nop 830us\nop 12000ns\nop 2s\nop 0ms\nop 0.001\nop 4 ms\nop 7\xc2\xb5s\n"
        "fail 2\n\n  \nvalue cold_start_ms 812\nvalue t -1.5\nvalue t 2e3\n\tdone\t1 \n",
        kSecond);
    const Performance told = meter.take(2 * kSecond);
    CHECK(told.done == 3 + 0.5 + 8 + 1);
    CHECK(told.rate == Approx(12.5 / 2));
    CHECK(told.failed == 2);
    CHECK(told.reports == 12);
    CHECK(told.latency_ns.count() == 8);
    CHECK(told.latency_ns.sum64() == 1'250'000 + 830'000 + 12'000 + 2 * kSecond + 0 + 1'000'000 + 4'000'000 + 7'000);
    CHECK(told.latency_ns.max() == 2 * kSecond);
    CHECK(told.values.at("cold_start_ms") == std::vector<double>{812});
    CHECK(told.values.at("t") == std::vector<double>{-1.5, 2000});
    CHECK(meter.understood() == 15);
    CHECK(meter.not_understood() == 0);
    CHECK(meter.first_not_understood().empty());
}

TEST_CASE("workload: pieces may be cut anywhere", "[tune][workload]")
{
    std::mt19937 random(5);
    std::string text;
    std::uint64_t sum = 0, wrong = 0;
    for (int i = 1; i <= 2000; ++i) {
        switch (random() % 4) {
        case 0:
            text += fmt::format("doen {}\n", i);
            ++wrong;
            break;
        case 1:
            text += fmt::format("done {}\r\n", i);
            sum += static_cast<std::uint64_t>(i);
            break;
        default:
            text += fmt::format("done {}\n", i);
            sum += static_cast<std::uint64_t>(i);
            break;
        }
    }
    for (const std::size_t most : {1U, 2U, 7U, 64U, 100'000U}) {
        WorkloadMeter meter = begun();
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t piece = 1 + random() % most;
            meter.feed_metrics(std::string_view(text).substr(at, piece), at);
            at += piece;
        }
        INFO("pieces of at most " << most);
        CHECK(meter.take(kSecond).done == static_cast<double>(sum));
        CHECK(meter.not_understood() == wrong);
        CHECK(meter.understood() == 2000 - wrong);
    }
}

TEST_CASE("workload: lines that are wrong are counted, and the first is kept", "[tune][workload]")
{
    for (const char* line :
         {"done",     "done x",  "done -1", "done nan", "done inf", "done 1e999", "done 1 2",    "Done 1",
          "done1",    "op",      "op fast", "op -1ms",  "op 1h1",   "op 1e30s",   "op 1 2 ms",   "rate -0.5",
          "rate 5/s", "fail -1", "value",   "value x",  "value 1",  "value x y",  "value x 1 2", "5"}) {
        WorkloadMeter meter = begun();
        meter.feed_metrics(fmt::format("{}\ndone 1\nalso wrong\n", line), 1);
        INFO(line);
        CHECK(meter.not_understood() == 2);
        CHECK(meter.first_not_understood() == line);
        CHECK(meter.take(kSecond).done == 1);
    }
    WorkloadMeter meter = begun();
    meter.feed_metrics("\x1b[31m" + std::string(100, 'x') + "\n", 1);
    CHECK(meter.first_not_understood() == "?[31m" + std::string(75, 'x'));
}

TEST_CASE("workload: a line may have 4096 bytes with its newline", "[tune][workload]")
{
    const auto line_of = [](std::size_t bytes) { return "done 1" + std::string(bytes - 6, ' '); };
    for (const std::size_t piece : {1U, 1000U, 100'000U}) {
        WorkloadMeter meter = begun();
        const std::string text = line_of(4095) + "\n" + line_of(4095) + "\r\n" + line_of(4096) + "\n" + line_of(4096) +
                                 "\r\n" + line_of(70'000) + "\ndone 1\n";
        for (std::size_t at = 0; at < text.size(); at += piece)
            meter.feed_metrics(std::string_view(text).substr(at, piece), 1);
        CHECK(meter.take(kSecond).done == 3);
        CHECK(meter.not_understood() == 3);
        CHECK(meter.first_not_understood() == "done 1" + std::string(74, ' '));
    }
}

TEST_CASE("workload: a line counts where its newline arrives", "[tune][workload]")
{
    WorkloadMeter meter = begun(kSecond);
    meter.feed_metrics("done 2\ndone 1", 2 * kSecond);
    CHECK(meter.take(3 * kSecond).rate == Approx(1));
    meter.feed_metrics("0\n", 4 * kSecond);
    CHECK(meter.take(5 * kSecond).rate == Approx(5));
}

TEST_CASE("workload: nothing told is not zero, unless it told before", "[tune][workload]")
{
    WorkloadMeter meter = begun();
    CHECK_FALSE(meter.take(kSecond).rate);
    meter.feed_metrics("value x 1\nwrong\n", kSecond);
    CHECK_FALSE(meter.take(2 * kSecond).rate);
    meter.feed_metrics("rate 8\n", 3 * kSecond);
    CHECK(meter.take(4 * kSecond).rate == Approx(8));
    CHECK_FALSE(meter.take(5 * kSecond).rate);
    meter.feed_metrics("fail 1\n", 6 * kSecond);
    const Performance failing = meter.take(7 * kSecond);
    CHECK(failing.rate == Approx(0));
    CHECK(failing.failed == 1);
    CHECK(failing.reports == 1);
    const Performance still = meter.take(8 * kSecond);
    CHECK(still.rate == Approx(0));
    CHECK(still.reports == 0);
    CHECK_FALSE(meter.take(8 * kSecond).rate);  // no time
}

TEST_CASE("workload: a rate counts for the time since the line before", "[tune][workload]")
{
    WorkloadMeter meter = begun(10 * kSecond);
    meter.feed_metrics("rate 100\n", 11 * kSecond);  // 1 s
    meter.feed_metrics("rate 10\n", 14 * kSecond);   // 3 s; the rest until 20 is not told
    Performance told = meter.take(20 * kSecond);
    CHECK(told.done == Approx(130));
    CHECK(told.rate == Approx(130.0 / 4));
    // The next covers the time from the beginning of its stretch.
    meter.feed_metrics("rate 50\n", 22 * kSecond);
    told = meter.take(23 * kSecond);
    CHECK(told.done == Approx(100));
    CHECK(told.rate == Approx(50));
    // Several that arrive together share their time.
    meter.feed_metrics("rate 10\nrate 20\n", 25 * kSecond);
    meter.feed_metrics("rate 30\n", 25 * kSecond);
    meter.feed_metrics("rate 100\n", 27 * kSecond);
    told = meter.take(27 * kSecond);
    CHECK(told.rate == Approx((20.0 * 2 + 100 * 2) / 4));
    // One that arrives as a stretch begins tells of the time before.
    meter.feed_metrics("rate 7\n", 27 * kSecond);
    CHECK_FALSE(meter.take(28 * kSecond).rate);
    // What is counted wins over what is told as a rate.
    meter.feed_metrics("rate 7\ndone 4\n", 29 * kSecond);
    told = meter.take(30 * kSecond);
    CHECK(told.rate == Approx(2));
    CHECK(told.done == 4);
}

TEST_CASE("workload: patterns of output", "[tune][workload]")
{
    WorkloadMeter meter;
    REQUIRE(meter.add_pattern("rate:throughput: ([0-9.]+) req/s"));
    REQUIRE(meter.add_pattern("^\\[.*\\] wrote ([0-9]+)/s"));
    (void)meter.take(0);
    meter.feed_output("starting\nthroughput: 20", kSecond);
    meter.feed_output("0.5 req/s (10%)\r\n", 2 * kSecond);
    meter.feed_output("[1] wrote 4/s\nthroughput: 1.2.3 req/s\n", 3 * kSecond);
    const Performance told = meter.take(4 * kSecond);
    CHECK(told.rate == Approx(204.5));  // they add up
    CHECK(told.done == Approx(200.5 * 2 + 4 * 3));
    CHECK(meter.understood() == 2);
    CHECK(meter.not_understood() == 1);
    CHECK(meter.first_not_understood() == "throughput: 1.2.3 req/s");

    WorkloadMeter jobs;
    REQUIRE(jobs.add_pattern("op:took ([0-9.]+ *m?s)"));
    REQUIRE(jobs.add_pattern("done:finished ([0-9]+)"));
    (void)jobs.take(0);
    jobs.feed_output("took 1.5 ms\ntook 2ms\nfinished 4\n" + std::string(10'000, 'y') + "\ntook 3s and finished 2\n",
                     1);
    const Performance told_jobs = jobs.take(kSecond);
    CHECK(told_jobs.done == 3 + 6);
    CHECK(told_jobs.latency_ns.sum64() == 3'003'500'000);
    CHECK(jobs.not_understood() == 0);
}

TEST_CASE("workload: a pattern takes no exponential time", "[tune][workload]")
{
    WorkloadMeter meter;
    REQUIRE(meter.add_pattern("rate:((a|a)*)*b([0-9]+)"));
    std::string line(4000, 'a');
    line.push_back('\n');
    meter.feed_output(line, 1);
    CHECK(meter.understood() == 0);
}

TEST_CASE("workload: patterns that are refused", "[tune][workload]")
{
    WorkloadMeter meter;
    for (const char* pattern : {"", "rate:", "done:no group", "rate:([0-9]+", "rate:(\\d+)", "rate:[", "(?:x)(y)"}) {
        const auto added = meter.add_pattern(pattern);
        INFO(pattern);
        REQUIRE_FALSE(added);
        CHECK(added.error().kind == ErrorKind::Usage);
        CHECK_THAT(added.error().what, ContainsSubstring(std::string("'") + pattern + "'"));
        CHECK_FALSE(added.error().hint.empty());
    }
    CHECK(meter.add_pattern("rate:(\\\\d[0-9]+)"));  // a backslash and a d
}

TEST_CASE("workload: values are bounded, and what is left out is said", "[tune][workload]")
{
    WorkloadMeter meter = begun();
    std::string text;
    for (std::size_t i = 0; i < kMostValueNames + 3; ++i)
        text += fmt::format("value n{} 1\n", i);
    for (std::size_t i = 0; i < kMostValues; ++i)
        text += "value n0 2\n";
    meter.feed_metrics(text, 1);
    const Performance told = meter.take(kSecond);
    CHECK(told.values.size() == kMostValueNames);
    CHECK(told.values.at("n0").size() == kMostValues);
    CHECK(told.values_left_out == 3 + 1);
}
