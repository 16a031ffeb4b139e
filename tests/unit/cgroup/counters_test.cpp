#include "fixture.hpp"
#include "flyball/cgroup/counters.hpp"

using namespace flyball::cgroup;
using flyball::test::FakeRoot;
using Keyed = std::map<std::string, std::uint64_t>;

TEST_CASE("flat keyed files", "[cgroup][counters]")
{
    // v2 cpu.stat, 6.1.
    const auto cpu = parse_flat_keyed("usage_usec 535274279\nuser_usec 475639375\nsystem_usec 59634903\nnr_periods "
                                      "12\nnr_throttled 3\nthrottled_usec 4501\nnr_bursts 0\nburst_usec 0\n");
    CHECK(cpu.at("usage_usec") == 535274279);
    CHECK(cpu.at("throttled_usec") == 4501);
    // v2 memory.events, 6.12 and before oom_group_kill (5.17).
    CHECK(parse_flat_keyed("low 0\nhigh 12\nmax 7\noom 1\noom_kill 4\noom_group_kill 1\n") ==
          Keyed{{"high", 12}, {"low", 0}, {"max", 7}, {"oom", 1}, {"oom_group_kill", 1}, {"oom_kill", 4}});
    // v1 memory.oom_control.
    CHECK(parse_flat_keyed("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n").at("oom_kill") == 3);
    CHECK(parse_flat_keyed("max 18446744073709551615\n").at("max") == ~0ULL);
    for (const char* text :
         {"", "\n\n", "max", "max ", "max x", "max -1", "max 1 2", "max 18446744073709551616", " \t "}) {
        INFO(text);
        CHECK(parse_flat_keyed(text).empty());
    }
    CHECK(parse_flat_keyed("high 12\nma") == Keyed{{"high", 12}});
}

TEST_CASE("single numbers", "[cgroup][counters]")
{
    CHECK(parse_single("4096\n") == 4096U);
    for (const char* text : {"", "max\n", "-1\n", "1 2\n", "0x1"})
        CHECK_FALSE(parse_single(text));
}

TEST_CASE("io.stat of several kernels", "[cgroup][counters]")
{
    const auto check = [](const char* text, IoSums expected) {
        INFO(text);
        const IoSums sums = parse_io_stat(text);
        CHECK(sums.rbytes == expected.rbytes);
        CHECK(sums.wbytes == expected.wbytes);
        CHECK(sums.rios == expected.rios);
        CHECK(sums.wios == expected.wios);
    };
    check("", {});
    check("8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0\n8:0 rbytes=90430464 "
          "wbytes=299008000 rios=8950 wios=1252 dbytes=50331648 dios=3021\n",
          {1459200 + 90430464, 314773504 + 299008000, 192 + 8950, 353 + 1252});
    // 5.10: devices without statistics stay on the line of the next one.
    check("253:0 253:16 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n", {4096, 0, 1, 0});
    // iocost's and iolatency's fields come along.
    check("8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6 cost.usage=48 cost.wait=0 use_delay=0 "
          "delay_nsec=0 depth=max\n",
          {1, 2, 3, 4});
    check("8:0 rbytes=10 wby", {10, 0, 0, 0});
    check("rbytes= wbytes=x rios=-1 wios=99999999999999999999 =\n", {});
    check("8:0 rbytes=18446744073709551615\n8:16 rbytes=5\n", {~0ULL, 0, 0, 0});
}

TEST_CASE("v1 blkio.throttle files", "[cgroup][counters]")
{
    const auto sums = parse_blkio_throttle(
        "8:16 Read 4096\n8:16 Write 8192\n8:16 Sync 12288\n8:16 Async 0\n8:16 Discard 0\n8:16 Total 12288\n"
        "8:0 Read 1\n8:0 Write 2\n8:0 Total 3\nTotal 12291\n");
    CHECK(sums.read == 4097);
    CHECK(sums.write == 8194);
    const auto none = parse_blkio_throttle("Total 0\n");
    CHECK(none.read == 0);
    CHECK(parse_blkio_throttle("8:0 Read\nRead 5\n8:0 Read x\n8:0 Read 5 6\n8:0 Wri").read == 0);
}

TEST_CASE("pressure files", "[cgroup][counters]")
{
    const auto both = parse_pressure("some avg10=0.05 avg60=0.04 avg300=0.00 total=6368240\nfull avg10=0.05 "
                                     "avg60=0.04 avg300=0.00 total=6227973\n");
    CHECK(both.some_us == 6368240U);
    CHECK(both.full_us == 6227973U);
    // cpu.pressure before 5.13 has no full line, irq.pressure no some line.
    CHECK_FALSE(parse_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n").full_us);
    CHECK_FALSE(parse_pressure("full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n").some_us);
    for (const char* text : {"", "some", "some total=", "some avg10=0.00 tot", "none total=1", "total=5"}) {
        INFO(text);
        const auto nothing = parse_pressure(text);
        CHECK_FALSE(nothing.some_us);
        CHECK_FALSE(nothing.full_us);
    }
}

TEST_CASE("counters of a v2 cgroup", "[cgroup][counters]")
{
    const FakeRoot root;
    root.unified();
    const std::string job = "/sys/fs/cgroup/job/";
    root.file(job + "cpu.stat", "usage_usec 1000\nnr_periods 10\nnr_throttled 4\nthrottled_usec 2500\n");
    root.file(job + "cpu.stat.local", "throttled_usec 3000\n");
    root.file(job + "cpu.max", "20000 100000\n");
    root.file(job + "cpu.max.burst", "5000\n");
    root.file(job + "memory.events", "low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\n");
    root.file(job + "memory.events.local", "max 1\n");
    root.file(job + "memory.peak", "65536\n");
    root.file(job + "pids.peak", "7\n");
    root.file(job + "pids.events", "max 2\n");
    root.file(job + "io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n");
    root.file(job + "cpu.pressure",
              "some avg10=0.00 avg60=0.00 avg300=0.00 total=11\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=12\n");
    const auto layout = detect(root.path());
    REQUIRE(layout);
    const Counters read = read_counters(*layout, "/job");
    CHECK(read.at_ns > 0);
    CHECK(read.usage_ns == 1'000'000U);
    CHECK(read.nr_periods == 10U);
    CHECK(read.nr_throttled == 4U);
    CHECK(read.throttled_ns == 2'500'000U);
    CHECK(read.throttled_local_ns == 3'000'000U);
    CHECK(read.cpu_quota_ns == 20'000'000U);
    CHECK(read.cpu_period_ns == 100'000'000U);
    CHECK(read.cpu_burst_ns == 5'000'000U);
    CHECK(read.memory_events == Keyed{{"high", 1}, {"low", 0}, {"max", 2}, {"oom", 3}, {"oom_kill", 4}});
    CHECK(read.memory_events_local == Keyed{{"max", 1}});
    CHECK(read.memory_peak_bytes == 65536U);
    CHECK(read.pids_peak == 7U);
    CHECK(read.pids_max_events == 2U);
    CHECK(read.io_rbytes == 1U);
    CHECK(read.io_wbytes == 2U);
    CHECK(read.io_rios == 3U);
    CHECK(read.io_wios == 4U);
    CHECK(read.pressure_us == Keyed{{"cpu.full", 12}, {"cpu.some", 11}});
    CHECK_FALSE(read.empty());
}

TEST_CASE("a CPU limit that is not set is a period without a quota", "[cgroup][counters]")
{
    const FakeRoot root;
    root.unified();
    root.file("/sys/fs/cgroup/free/cpu.max", "max 50000\n");
    root.file("/sys/fs/cgroup/odd/cpu.max", "fast\n");
    const auto layout = detect(root.path());
    REQUIRE(layout);
    const Counters free = read_counters(*layout, "/free");
    CHECK_FALSE(free.cpu_quota_ns);
    CHECK(free.cpu_period_ns == 50'000'000U);
    CHECK_FALSE(free.cpu_burst_ns);  // before 5.14 there is no such file
    CHECK_FALSE(free.empty());
    CHECK(read_counters(*layout, "/odd").empty());

    const FakeRoot old;
    old.hybrid();
    const std::string at = "/sys/fs/cgroup/cpu,cpuacct/";
    for (const auto& [group, quota] : {std::pair("free", "-1\n"), std::pair("job", "30000\n")}) {
        old.file(at + group + "/cpu.cfs_quota_us", quota);
        old.file(at + group + "/cpu.cfs_period_us", "100000\n");
        old.file(at + group + "/cpu.cfs_burst_us", "0\n");
    }
    const auto v1 = detect(old.path());
    REQUIRE(v1);
    const Counters unset = read_counters(*v1, "/free"), set = read_counters(*v1, "/job");
    CHECK_FALSE(unset.cpu_quota_ns);
    CHECK(unset.cpu_period_ns == 100'000'000U);
    CHECK(set.cpu_quota_ns == 30'000'000U);
    CHECK(set.cpu_burst_ns == 0U);
}

TEST_CASE("what is absent is nullopt, never zero", "[cgroup][counters]")
{
    const FakeRoot root;
    root.unified();
    root.dir("/sys/fs/cgroup/bare");
    root.file("/sys/fs/cgroup/odd/cpu.stat", "usage_usec 18446744073709551615\nnr_periods\n");
    const auto layout = detect(root.path());
    REQUIRE(layout);
    CHECK(read_counters(*layout, "/bare").empty());
    CHECK(read_counters(*layout, "/gone").empty());
    const Counters odd = read_counters(*layout, "/odd");
    CHECK_FALSE(odd.usage_ns);  // does not fit as ns
    CHECK_FALSE(odd.nr_periods);
    CHECK(read_counters({}, "/").empty());
}

TEST_CASE("counters of a hybrid machine come from v1, under v1's names", "[cgroup][counters]")
{
    const FakeRoot root;
    root.hybrid();
    const std::string at = "/sys/fs/cgroup/";
    root.file(at + "cpu,cpuacct/job/cpu.stat",
              "nr_periods 5\nnr_throttled 2\nthrottled_time 123456789\nnr_bursts 0\nburst_time 0\n");
    root.file(at + "cpu,cpuacct/job/cpu.stat.local", "throttled_time 222\n");
    root.file(at + "cpu,cpuacct/job/cpuacct.usage", "987654321\n");
    root.file(at + "memory/job/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
    root.file(at + "memory/job/memory.failcnt", "17\n");
    root.file(at + "memory/job/memory.max_usage_in_bytes", "8192\n");
    root.file(at + "pids/job/pids.events", "max 1\n");
    root.file(at + "blkio/job/blkio.throttle.io_service_bytes_recursive", "8:0 Read 4096\n8:0 Write 0\nTotal 4096\n");
    root.file(at + "blkio/job/blkio.throttle.io_serviced_recursive", "8:0 Read 1\n8:0 Write 0\nTotal 1\n");
    const auto layout = detect(root.path());
    REQUIRE(layout);
    const Counters read = read_counters(*layout, "/job");
    CHECK(read.throttled_ns == 123456789U);
    CHECK(read.throttled_local_ns == 222U);
    CHECK(read.usage_ns == 987654321U);
    CHECK(read.memory_events == Keyed{{"v1.failcnt", 17}, {"v1.oom_kill", 3}});
    CHECK(read.memory_events_local.empty());
    CHECK(read.memory_peak_bytes == 8192U);
    CHECK(read.pids_max_events == 1U);
    CHECK_FALSE(read.pids_peak);
    CHECK(read.io_rbytes == 4096U);
    CHECK(read.io_rios == 1U);
    CHECK(read.pressure_us.empty());
}
