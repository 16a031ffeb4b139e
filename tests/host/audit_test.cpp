// SPDX-License-Identifier: Apache-2.0
// Our numbers against the kernel's under a mixed load: nothing may disagree, and something must have been compared.
#include "support/dio_target.hpp"
#include "support/recorder.hpp"

#include <map>

using namespace flyball::test;

TEST_CASE("the audit agrees under a mixed load", "[kernel][audit]")
{
    require_root();
    const std::string seconds = long_run() ? "30" : quick() ? "5" : "10";
    const TestCgroup quota("mix-quota"), rival("mix-rival"), memory("mix-memory"), tasks("mix-tasks"), disk("mix-disk");
    const DioTarget target(16 * kMiB);
    quota.cpu_max(20'000, 100'000);

    Recorder recorder;
    {
        Load spinner(quota, {"spin", seconds, "--threads", "2"});
        Load competitor(rival, {"duty", seconds, "--busy-us", "3000", "--period-us", "10000"});
        Load sleeper(rival, {"sleepwake", "2000", "--period-us", "1000"});
        Load forker(tasks, {"forks", "307"});
        run_load(disk, {"dio", target.path(), "--read", "--bs", "16384", "--count", "500"});
        run_load(disk, {"dio", target.path(), "--write", "--bs", "65536", "--count", "100"});
        run_load(memory, {"alloc", "24", "--touch", "--procs", "2", "--hold", "1"});
        forker.truth();
        sleeper.truth();
        competitor.truth(patience(60));
        spinner.truth(patience(60));
    }
    const Report report = recorder.stop();

    std::map<std::string, int> verdicts;
    for (const AuditRow& row : report.audit()) {
        ++verdicts[row.verdict];
        INFO(row.quantity << " of " << row.cgroup << ": ours " << row.ours.value_or(0) << ", kernel "
                          << row.kernel.value_or(0) << ": " << row.reason);
        // The host may take an emulated CPU away between the kernel's look at the clock and ours: of a wait of 1 s, 10
        // ms have been seen.
        if (in_lab() && (row.quantity == "cpu.run" || row.quantity == "cpu.run_delay") && row.ours && row.kernel)
            CHECK(percent_off(static_cast<double>(*row.ours), static_cast<double>(*row.kernel)) <= 5);
        else
            CHECK(row.verdict != "disagree");
    }
    CHECK(verdicts["agree"] > 5);
    const auto throttled = report.audit(quota.path(), "cpu.throttled");
    REQUIRE(throttled);
    CHECK(throttled->verdict == "agree");
    CHECK(throttled->kernel.value_or(0) > kMs);
}
