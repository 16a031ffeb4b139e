// SPDX-License-Identifier: Apache-2.0
// A recording says the same as the live report, always.
#include "support/recorder.hpp"

using namespace flyball::test;

namespace {

std::string report_of(const std::string& file, Words options)
{
    Words words{"report", file};
    words.insert(words.end(), options.begin(), options.end());
    const Outcome outcome = run_flyball(words);
    INFO("flyball report: " << outcome.err);
    REQUIRE(outcome.status == 0);
    REQUIRE(outcome.out.size() > 100);
    return outcome.out;
}

}  // namespace

TEST_CASE("a recording gives the live report again, byte for byte", "[kernel][recording][user_space]")
{
    require_root();
    const TestCgroup cgroup("recorded");
    const Scratch file("recording");
    std::string live;
    {
        Recorder recorder({"-o", file.path()});
        run_load(cgroup, {"forks", "53"});
        run_load(cgroup, {"spin", "0.5"});
        live = recorder.stop_text();
    }
    const std::string first = report_of(file.path(), {"-j"});
    CHECK(first == report_of(file.path(), {"-j"}));
    CHECK(first == live);
    CHECK(report_of(file.path(), {}) == report_of(file.path(), {}));
    CHECK(Report(first).stats(cgroup.path(), "pids.forks").count == 53);

    const Report filtered(report_of(file.path(), {"-j", "-c", cgroup.path()}));
    for (const std::string& path : filtered.paths())
        CHECK(path.starts_with(cgroup.path()));
    CHECK(filtered.stats(cgroup.path(), "pids.forks").count == 53);
}

TEST_CASE("a recorder that was killed leaves a recording to salvage", "[kernel][recording][user_space]")
{
    require_root();
    const TestCgroup cgroup("salvaged");
    const Scratch file("killed");
    {
        Recorder recorder({"-o", file.path()});
        run_load(cgroup, {"forks", "53"});
        sleep_ms(in_lab() ? 3000 : 1500);  // for what is buffered to reach the file
        recorder.process().signal(SIGKILL);
        recorder.process().wait();
    }
    const Outcome refused = run_flyball({"report", file.path()});
    CHECK(refused.status != 0);
    CHECK(refused.err.find("salvage") != std::string::npos);
    const Report report(report_of(file.path(), {"-j", "--salvage"}));
    CHECK(report.stats(cgroup.path(), "pids.forks").count == 53);
}

TEST_CASE("record -- CMD runs it in a fresh cgroup, within its limits", "[kernel][recording][any_kernel]")
{
    require_root();
    const Outcome outcome =
        run_flyball({"record", "-j", "--cpu-max", "20ms/100ms", "--", workload_binary(), "spin", "2"});
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    const auto open = outcome.out.find("{\"verb\"");  // the command's own output may be on the same stdout
    const auto close = open == std::string::npos ? 0 : outcome.out.find('\n', open) + 1;
    const Report report(outcome.out.substr(close));
    const auto truth = nlohmann::json::parse(outcome.out.substr(open, close - open));
    std::uint64_t throttled = 0, active = 0;
    for (const std::string& path : report.paths()) {
        if (path.find("/run-") == std::string::npos)
            continue;
        throttled += report.stats(path, "cpu.throttle.own").sum;
        active += report.stats(path, "cpu.slice").sum + report.stats(path, "cpu.wait").sum;
    }
    const double wall = truth.at("wall_ns");
    INFO("wall " << wall << ", throttled " << throttled << ", ran and waited " << active);
    // Whatever else runs on this machine: a spinner that is neither on a CPU nor waiting for one is throttled, and its
    // CPU time keeps within the limit. Starting up, before it spins, takes it some periods more.
    CHECK(throttled > 0);
    CHECK(static_cast<double>(throttled + active) >= 0.95 * wall);
    CHECK(static_cast<double>(throttled) <= 0.83 * wall + (in_lab() ? 1'000.0 : 200.0) * kMs);
    CHECK(truth.at("cpu_ns").get<double>() <= 0.23 * wall);
}
