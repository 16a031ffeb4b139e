// SPDX-License-Identifier: Apache-2.0
// Births, deaths and refusals of tasks: exact counts.
#include "support/recorder.hpp"

using namespace flyball::test;

TEST_CASE("births, deaths and the peak of tasks are exact", "[kernel][pids]")
{
    require_root();
    const TestCgroup processes("forks"), threads("threads"), kills("kills");
    Recorder recorder;
    const auto forked = run_load(processes, {"forks", "211"});
    const auto threaded = run_load(threads, {"forks", "31", "--threads", "--together"});
    {
        Load first(kills, {"sleepwake", "100000"}), second(kills, {"sleepwake", "100000"});
        first.wait_until_inside(kills);
        second.wait_until_inside(kills);
        first.process().signal(SIGKILL);
        second.process().signal(SIGTERM);
        CHECK(first.process().wait().status == 128 + SIGKILL);
        CHECK(second.process().wait().status == 128 + SIGTERM);
    }
    const Report report = recorder.stop();

    REQUIRE(forked.at("forks") == 211);
    CHECK(report.stats(processes.path(), "pids.forks").count == 211);
    CHECK(report.stats(processes.path(), "pids.exits").count == 211 + 1);  // and the load itself
    REQUIRE(threaded.at("forks") == 31);
    CHECK(report.stats(threads.path(), "pids.forks").count == 31);
    CHECK(report.stats(threads.path(), "pids.exits").count == 31 + 1);
    CHECK(report.stats(threads.path(), "pids.peak").max == threaded.at("peak"));
    // A process that was killed ended as well, and SIGKILL is no OOM kill.
    CHECK(report.stats(kills.path(), "pids.exits").count == 2);
    CHECK(report.stats(kills.path(), "pids.forks").count == 0);
    CHECK(report.ooms().empty());
}

TEST_CASE("refusals of pids.max and the peak below it are exact", "[kernel][pids]")
{
    require_root();
    const TestCgroup cgroup("pidsmax");
    cgroup.pids_max(20);
    Recorder recorder;
    const auto truth = run_load(cgroup, {"forkbomb-to-limit", "43"});
    const Report report = recorder.stop();
    REQUIRE(truth.at("forks") == 19);
    REQUIRE(truth.at("refused") == 43 - 19);
    CHECK(report.stats(cgroup.path(), "pids.peak").max == 20);
    CHECK(report.stats(cgroup.path(), "pids.forks").count == 19);
    const auto row = report.audit(cgroup.path(), "pids.refused");
    if (row && row->kernel)
        CHECK(*row->kernel == 43 - 19);
    CHECK(report.stats(cgroup.path(), "pids.refused").count == 43 - 19);  // skips where no hook sees it
}
