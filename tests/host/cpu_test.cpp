// SPDX-License-Identifier: Apache-2.0
// CPU time, waits and cpu.max against loads of known share.
#include "support/recorder.hpp"

using namespace flyball::test;

namespace {

// Of a spinner's wall time. It always wants to run, so that what is neither its slices nor its waits is throttled.
// Interrupts and hypervisor steal lengthen its slices but not its CPU time, which is what a quota counts: on a
// disturbed machine it is throttled for less.
constexpr double kPoints = 3;

std::uint64_t ran(const Report& report, const TestCgroup& cgroup)
{
    return report.stats(cgroup.path(), "cpu.slice").sum;
}
std::uint64_t waited(const Report& report, const TestCgroup& cgroup)
{
    return report.stats(cgroup.path(), "cpu.wait").sum;
}

// Starting and ending, which the load's own clock leaves out, takes an emulated machine some periods more.
void check_whole(std::uint64_t total, std::uint64_t own)
{
    CHECK(share(total, own) >= 100 - kPoints);
    CHECK(share(total, own + (in_lab() ? 400 : 100) * kMs) <= 100 + kPoints);
}

void check_agrees(const Report& report, const std::string& path, const char* quantity)
{
    const auto row = report.audit(path, quantity);
    INFO("audit row " << quantity << " of " << path);
    REQUIRE(row);
    INFO("ours " << row->ours.value_or(0) << ", kernel " << row->kernel.value_or(0) << ": " << row->reason);
    CHECK(row->verdict == "agree");
    CHECK(row->ours.value_or(0) > 0);
}

}  // namespace

TEST_CASE("a spinner at 20 ms of 100 ms is throttled 80 % of the time", "[kernel][cpu]")
{
    require_root();
    const TestCgroup cgroup("quota");
    cgroup.cpu_max(20'000, 100'000);

    Recorder recorder;
    const auto truth = run_load(cgroup, {"--pin", "0", "spin", "4"});
    const std::uint64_t kernel = cgroup.throttled_ns();
    const Report report = recorder.stop();

    const std::uint64_t wall = truth.at("wall_ns");
    const Stats throttled = report.stats(cgroup.path(), "cpu.throttle.own");
    const std::uint64_t active = ran(report, cgroup) + waited(report, cgroup);
    INFO("wall " << wall << ", throttled " << throttled.sum << " in " << throttled.count << ", kernel " << kernel
                 << ", ran and waited " << active);
    CHECK(share(throttled.sum, wall) <= 80 + kPoints);
    check_whole(throttled.sum + active, wall);
    CHECK(share(truth.at("cpu_ns"), wall) <= 20 + kPoints);
    CHECK(percent_off(static_cast<double>(throttled.sum), static_cast<double>(kernel)) <= 4);
    check_agrees(report, cgroup.path(), "cpu.throttled");

    const std::uint64_t held = report.held_by(cgroup.path()).at(cgroup.path());
    INFO("held " << held);
    CHECK(percent_off(static_cast<double>(held), static_cast<double>(throttled.sum)) <= 5);
}

TEST_CASE("what is held by an ancestor's quota names the ancestor", "[kernel][cpu]")
{
    require_root();
    const TestCgroup parent("inherit");
    const TestCgroup child = parent.child("leaf");
    parent.cpu_max(20'000, 100'000);

    Recorder recorder;
    const auto truth = run_load(child, {"--pin", "0", "spin", "3"});
    const Report report = recorder.stop();

    const auto holders = report.held_by(child.path());
    const std::uint64_t wall = truth.at("wall_ns");
    REQUIRE(holders.contains(parent.path()));
    CHECK(holders.size() == 1);  // nobody else, and not "?"
    const std::uint64_t held = holders.at(parent.path());
    const std::uint64_t active = ran(report, child) + waited(report, child);
    INFO("wall " << wall << ", held " << held << ", ran and waited " << active);
    CHECK(share(held, wall) <= 80 + kPoints);
    check_whole(held + active, wall);
    // The limit is the parent's own; the child has none.
    const std::uint64_t throttled = report.stats(parent.path(), "cpu.throttle.own").sum;
    check_whole(throttled + active, wall);
    CHECK(report.stats(child.path(), "cpu.throttle.own").count == 0);
}

TEST_CASE("two spinners of weights 100 and 300 on one CPU wait 75 % and 25 %", "[kernel][cpu]")
{
    require_root();
    const TestCgroup light("light"), heavy("heavy");
    light.cpu_weight(100);
    heavy.cpu_weight(300);

    Recorder recorder;
    Load first(light, {"--pin", "0", "spin", "4"}), second(heavy, {"--pin", "0", "spin", "4"});
    const auto light_truth = first.truth(), heavy_truth = second.truth();
    const Report report = recorder.stop();

    // Others on that CPU take their part before these two share the rest.
    const std::uint64_t wall = light_truth.at("wall_ns");
    const std::uint64_t light_ran = ran(report, light), heavy_ran = ran(report, heavy);
    const double others = 100 - share(light_ran + heavy_ran, wall);
    INFO("light ran " << share(light_ran, wall) << " %, waited " << share(waited(report, light), wall)
                      << " %; heavy ran " << share(heavy_ran, wall) << " %, waited "
                      << share(waited(report, heavy), wall) << " %");
    CHECK(std::abs(share(light_ran, light_ran + heavy_ran) - 25) <= kPoints);
    CHECK(std::abs(share(waited(report, light), wall) - (75 + others / 4)) <= kPoints);
    CHECK(std::abs(share(waited(report, heavy), wall) - (25 + others * 3 / 4)) <= kPoints);
    // Every nanosecond of a task that always wants to run is spent running or waiting.
    for (const auto& [cgroup, truth] : {std::pair(&light, light_truth), std::pair(&heavy, heavy_truth)}) {
        check_whole(ran(report, *cgroup) + waited(report, *cgroup), truth.at("wall_ns"));
        // Of a load that ended within the window the audit has the slices, steal and all, and no counter of the
        // kernel's: so never less than the task's own clock. Without the steal: "two pinned spinners" in
        // ledger_test.cpp.
        const auto run = report.audit(cgroup->path(), "cpu.run");
        REQUIRE(run);
        REQUIRE(run->ours);
        CHECK(share(*run->ours, truth.at("cpu_ns")) >= 100 - kPoints);
        CHECK(ran(report, *cgroup) >= *run->ours);
    }
}

TEST_CASE("wake-ups and slices of a sleeper are counted one by one", "[kernel][cpu]")
{
    require_root();
    const TestCgroup cgroup("sleeper");
    Recorder recorder;
    const auto truth = run_load(cgroup, {"sleepwake", "503", "--period-us", "1000"});
    const Report report = recorder.stop();

    const std::uint64_t wakeups = truth.at("wakeups");
    REQUIRE(wakeups > 400);
    // A host may hide some: no program runs while a thread of its agent is current.
    const std::uint64_t seen = in_lab() ? wakeups : wakeups * 95 / 100;
    CHECK(report.stats(cgroup.path(), "cpu.wakeups").count >= seen);
    CHECK(report.stats(cgroup.path(), "cpu.wakeups").count <= wakeups + 10);
    CHECK(report.stats(cgroup.path(), "cpu.slice").count >= seen);
}
