// SPDX-License-Identifier: Apache-2.0
// A ring of one page and a reader that is stopped: events are folded in the kernel, and no count is lost.
#include "support/dio_target.hpp"
#include "support/recorder.hpp"

using namespace flyball::test;

TEST_CASE("an overloaded recorder folds and loses no count", "[kernel][overload]")
{
    require_root();
    const TestCgroup cgroup("overload");
    const TestCgroup noise("overload-noise");

    Recorder recorder({"--ring-size", "4096"});
    Load wakes(noise, {"sleepwake", "3000", "--period-us", "200"});
    Load forks(cgroup, {"forks", "499"});
    sleep_ms(50);
    recorder.process().signal(SIGSTOP);
    sleep_ms(in_lab() ? 600 : 300);
    recorder.process().signal(SIGCONT);
    const auto fork_truth = forks.truth();
    const auto wake_truth = wakes.truth();
    const Report report = recorder.stop();

    const Losses losses = report.losses();
    INFO("attempted " << losses.attempted << ", delivered " << losses.delivered << ", folded " << losses.folded
                      << ", dropped " << losses.dropped);
    CHECK(losses.attempted > 1000);
    CHECK(losses.attempted == losses.delivered + losses.folded + losses.dropped);
    CHECK(losses.dropped == 0);
    CHECK(losses.gaps == 0);
    CHECK(losses.folded > 0);
    CHECK(report.stats(cgroup.path(), "pids.forks").count == fork_truth.at("forks"));
    CHECK(report.stats(cgroup.path(), "pids.exits").count == fork_truth.at("forks").get<std::uint64_t>() + 1);
    // A timer that fires before its task has left the CPU wakes nobody: up to 1 % of such short sleeps are none.
    const std::uint64_t sleeps = wake_truth.at("wakeups");
    CHECK(report.stats(noise.path(), "cpu.wakeups").count >= sleeps - sleeps / 50);
}

TEST_CASE("an overloaded recorder counts direct I/O exactly", "[kernel][overload]")
{
    require_root();
    const DioTarget target(8 * kMiB);
    const TestCgroup cgroup("overload-io");
    Recorder recorder({"--ring-size", "4096"});
    Load reads(cgroup, {"dio", target.path(), "--read", "--bs", "4096", "--count", "2003"});
    recorder.process().signal(SIGSTOP);
    sleep_ms(300);
    recorder.process().signal(SIGCONT);
    const auto truth = reads.truth();
    const Report report = recorder.stop();
    CHECK(report.losses().folded > 0);
    CHECK(report.losses().dropped == 0);
    CHECK(report.stats(cgroup.path(), "io.size.read").count == truth.at("reads"));
    CHECK(report.stats(cgroup.path(), "io.size.read").sum == truth.at("bytes"));
}
