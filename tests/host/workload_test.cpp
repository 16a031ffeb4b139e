// SPDX-License-Identifier: Apache-2.0
// The loads whose least sufficient limit is known: what they say they did, held against their own arithmetic, against
// what they told meanwhile, and against the kernel's counters.
#include "flyball/base/clock.hpp"
#include "flyball/cgroup/workload_channel.hpp"
#include "flyball/tune/workload.hpp"
#include "support/load.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <filesystem>

using namespace flyball::test;
using flyball::cgroup::WorkloadPipe;
using flyball::process::Child;
using flyball::process::SpawnOptions;
using flyball::tune::Performance;

namespace {

struct Told {
    nlohmann::json truth;
    Performance performance;
    std::uint64_t not_understood = 0;

    [[nodiscard]] std::uint64_t at(const char* name) const { return truth.at(name).get<std::uint64_t>(); }
};

// Runs a verb as flyball does, listening to it. stop_after_ms: when SIGTERM comes; -1: not.
Told listen(Words words, int stop_after_ms = -1)
{
    words.insert(words.begin(), workload_binary());
    const auto metrics = WorkloadPipe::make(), output = WorkloadPipe::make();
    REQUIRE(metrics);
    REQUIRE(output);
    SpawnOptions options;
    metrics->give_metrics(options);
    output->give_output(options);
    auto child = Child::spawn(words, {}, options);
    REQUIRE(child);
    flyball::tune::WorkloadMeter meter;
    (void)meter.take(flyball::monotonic_ns());
    REQUIRE(child->release());
    const std::uint64_t begin = flyball::monotonic_ns();
    std::string bytes, out;
    bool ended = false;
    while (!ended) {
        ended = child->wait_ms(10).value().has_value();
        const std::uint64_t now = flyball::monotonic_ns();
        if (stop_after_ms >= 0 && now - begin > static_cast<std::uint64_t>(stop_after_ms) * 1'000'000) {
            REQUIRE(child->send_signal(SIGTERM));
            stop_after_ms = -1;
        }
        while (metrics->read(bytes).value()) {
        }
        meter.feed_metrics(bytes, now);
        bytes.clear();
        (void)output->read(out).value();
    }
    REQUIRE(child->wait_ms(0).value()->shell_code() == 0);
    return {nlohmann::json::parse(out), meter.take(flyball::monotonic_ns()), meter.not_understood()};
}

void check_told_jobs(const Told& told, const char* jobs)
{
    CHECK(told.not_understood == 0);
    CHECK(told.at("untold") == 0);
    CHECK(told.performance.done == static_cast<double>(told.at(jobs)));
    CHECK(told.performance.latency_ns.count() == told.at(jobs));
    CHECK(told.performance.latency_ns.max() == told.at("latency_max_ns"));
}

void check_cpu(const Told& told, std::uint64_t jobs)
{
    INFO(told.truth.dump());
    CHECK(told.at("cpu_ns") >= told.at("needed_ns"));
    // Sleeping, waking and telling cost CPU time as well: much of it where the CPU is emulated.
    CHECK(told.at("cpu_ns") <= told.at("needed_ns") * 11 / 10 + jobs * (in_lab() ? 2'000'000 : 100'000));
}

std::uint64_t memory_peak(const TestCgroup& cgroup)
{
    const bool unified = CgroupTree::instance().unified("memory");
    const std::string text = cgroup.read("memory", unified ? "memory.peak" : "memory.max_usage_in_bytes");
    if (text.empty())
        FB_SKIP("no memory.peak (before v5.19)");
    return std::stoull(text);
}

std::uint64_t pids_current(const TestCgroup& cgroup)
{
    return std::stoull(cgroup.read("pids", "pids.current"));
}

}  // namespace

TEST_CASE("bursts: so many jobs of so much CPU time", "[workload]")
{
    const Told even = listen({"bursts", "1", "--busy-us", "2000", "--period-us", "20000", "--threads", "2"});
    CHECK(even.at("jobs") + even.at("unserved") == 2 * 50);
    CHECK(even.at("needed_ns") == even.at("jobs") * 2'000'000);
    CHECK(even.at("latency_p50_ns") >= 2'000'000);
    check_cpu(even, even.at("jobs"));
    check_told_jobs(even, "jobs");

    const Told random = listen({"bursts", "1", "--busy-us", "100", "--period-us", "5000", "--poisson", "--seed", "7"});
    const std::uint64_t arrivals = random.at("jobs") + random.at("unserved");
    CHECK(arrivals > 200 - 70);  // five standard deviations
    CHECK(arrivals < 200 + 70);
    CHECK(arrivals == [] {
        const Told again =
            listen({"bursts", "1", "--busy-us", "100", "--period-us", "5000", "--poisson", "--seed", "7"});
        return again.at("jobs") + again.at("unserved");
    }());
    check_told_jobs(random, "jobs");
}

TEST_CASE("serve: no more than its capacity, and the queue is told", "[workload]")
{
    const Told over = listen({"serve", "1", "--busy-us", "20000", "--workers", "1", "--rate", "100"});
    CHECK(over.at("served") + over.at("unserved") == 100);
    CHECK(over.at("served") <= 51);
    CHECK(over.at("served") >= 1);
    CHECK(over.at("latency_max_ns") > 200'000'000);
    check_cpu(over, over.at("served"));
    check_told_jobs(over, "served");
    const Told under = listen({"serve", "1", "--busy-us", "1000", "--workers", "2", "--rate", "50", "--poisson"});
    check_cpu(under, under.at("served"));
    check_told_jobs(under, "served");
}

TEST_CASE("workset: so many MiB, touched in turn", "[workload]")
{
    const Told told = listen({"workset", "1", "--anon", "8", "--extra", "4", "--think-us", "2000"});
    CHECK(told.at("bytes") == 8 * kMiB);
    CHECK(told.at("touched_mib") >= 8);
    CHECK(told.at("touched_mib") <= 501);  // the pauses alone take 2 ms a MiB
    CHECK(told.performance.done == Approx(static_cast<double>(told.at("touched_mib")) / 8));
    CHECK(told.not_understood == 0);

    require_root();
    const TestCgroup cgroup("workset");
    const auto truth = run_load(cgroup, {"workset", "0.3", "--anon", "32", "--extra", "24"});
    CHECK(truth.at("peak_bytes") == 56 * kMiB);
    CHECK(memory_peak(cgroup) >= 56 * kMiB);
    CHECK(memory_peak(cgroup) <= 59 * kMiB);
}

TEST_CASE("scan: the page cache of a file", "[workload]")
{
    const Scratch file("scan", "/var/tmp");
    const Told told = listen({"scan", "1", "--file", file.path(), "--mib", "4", "--dead", "2", "--think-us", "1000"});
    CHECK(std::filesystem::file_size(file.path()) == 6 * kMiB);
    CHECK(told.at("read_mib") >= 4);
    CHECK(told.at("read_mib") <= 1001);
    CHECK(told.at("passes") == told.at("read_mib") / 4);
    CHECK(told.performance.done == Approx(static_cast<double>(told.at("read_mib"))));
    CHECK(told.not_understood == 0);
}

TEST_CASE("leak: grows by so much a second", "[workload]")
{
    const Told told = listen({"leak", "1", "--mib-per-s", "20", "--start", "4"});
    CHECK(told.at("start_bytes") == 4 * kMiB);
    CHECK(told.at("bytes") == 24 * kMiB);
    CHECK(told.at("wall_ns") >= 990'000'000);
    CHECK(told.performance.done == Approx(20));
    require_root();
    const TestCgroup cgroup("leak");
    (void)run_load(cgroup, {"leak", "0.5", "--mib-per-s", "40", "--start", "10"});
    CHECK(memory_peak(cgroup) >= 30 * kMiB);
    CHECK(memory_peak(cgroup) <= 33 * kMiB);
}

TEST_CASE("pool: so many tasks, and spikes", "[workload]")
{
    const Told told = listen({"pool", "1.2", "--tasks", "5", "--spike", "3", "--spike-every", "0.5"});
    CHECK(told.at("tasks") == 5);
    CHECK(told.at("peak") == 1 + 5 + 3);
    CHECK(told.at("made") == 5 + told.at("spikes") * 3);
    CHECK(told.performance.done == static_cast<double>(told.at("made")));
    CHECK(told.performance.failed == 0);

    require_root();
    for (const bool threads : {false, true}) {
        const TestCgroup cgroup(threads ? "pool-threads" : "pool");
        Words words{"pool", "2", "--tasks", "7", "--spike", "4", "--spike-every", "1"};
        if (threads)
            words.emplace_back("--threads");
        Load load(cgroup, words);
        load.wait_until_inside(cgroup);
        for (int i = 0; i < 500 && pids_current(cgroup) < 1 + 7; ++i)
            sleep_ms(5);
        CHECK(pids_current(cgroup) == 1 + 7);
        CHECK(load.truth().at("refused") == 0);

        cgroup.pids_max(1 + 7 + 4);
        CHECK(run_load(cgroup, words).at("refused") == 0);
        cgroup.pids_max(1 + 7 + 3);
        CHECK(run_load(cgroup, words).at("refused").get<std::uint64_t>() >= 1);
    }
}

TEST_CASE("iostream: operations at a rate, and at a depth", "[workload]")
{
    const Scratch file("iostream", "/var/tmp");
    const Told even = listen({"iostream", "1", "--file", file.path(), "--bs", "4096", "--rate", "50", "--mib", "4"});
    CHECK(even.at("reads") + even.at("unserved") == 50);
    CHECK(even.at("bytes") == even.at("reads") * 4096);
    check_told_jobs(even, "reads");
    const Told deep = listen(
        {"iostream", "1", "--file", file.path(), "--bs", "8192", "--depth", "2", "--mib", "4", "--write", "--random"});
    CHECK(deep.at("writes") >= 2);
    CHECK(deep.at("bytes") == deep.at("writes") * 8192);
    // Two at a time, all the time.
    CHECK(static_cast<double>(deep.at("latency_mean_ns") * deep.at("writes")) <=
          2.02 * static_cast<double>(deep.at("wall_ns")));
    check_told_jobs(deep, "writes");
}

TEST_CASE("a load that is asked to stop prints its truth", "[workload]")
{
    const Scratch file("stopped", "/var/tmp");
    const std::vector<Words> loads{
        {"bursts", "60", "--busy-us", "1000", "--period-us", "20000", "--threads", "2"},
        {"serve", "60", "--busy-us", "100000", "--workers", "2", "--rate", "0.01"},
        {"workset", "60", "--anon", "1", "--think-us", "30000000"},
        {"scan", "60", "--file", file.path(), "--mib", "1"},
        {"leak", "60", "--mib-per-s", "0.5"},
        {"pool", "60", "--tasks", "2", "--spike", "1", "--spike-every", "30"},
        {"iostream", "60", "--file", file.path(), "--bs", "4096", "--depth", "1", "--mib", "1"}};
    for (const Words& words : loads) {
        const Told told = listen(words, 400);
        INFO(told.truth.dump());
        CHECK(told.truth.at("verb") == words.front());
        CHECK(told.at("wall_ns") < 20'000'000'000);
        CHECK(told.not_understood == 0);
    }
}

TEST_CASE("a load to which nobody listens does not wait", "[workload]")
{
    const auto output = WorkloadPipe::make();
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    const flyball::UniqueFd unread(ends[0]), write_end(ends[1]);
    REQUIRE(fcntl(write_end.get(), F_SETPIPE_SZ, 4096) == 4096);
    SpawnOptions options{.environment = {"FLYBALL_METRICS_FD=9"}, .descriptors = {{.fd = write_end.get(), .as = 9}}};
    output->give_output(options);
    auto child = Child::spawn({workload_binary(), "bursts", "1", "--busy-us", "1", "--period-us", "100"}, {}, options);
    REQUIRE(child);
    REQUIRE(child->release());
    const auto status = child->wait_ms(30'000).value();
    REQUIRE(status);
    CHECK(status->shell_code() == 0);
    std::string out;
    REQUIRE(output->read(out).value());
    const auto truth = nlohmann::json::parse(out);
    CHECK(truth.at("jobs").get<std::uint64_t>() * std::string("op 1234ns\n").size() >
          4096);  // else it was not put to the test
    CHECK(truth.at("wall_ns").get<std::uint64_t>() < 5'000'000'000);
    int told = 0;
    REQUIRE(ioctl(unread.get(), FIONREAD, &told) == 0);
    CHECK(told > 0);
}
