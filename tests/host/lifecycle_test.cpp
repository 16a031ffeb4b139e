// SPDX-License-Identifier: Apache-2.0
// Cgroups that come and go keep their names, and do not fill the memory.
#include "support/recorder.hpp"

using namespace flyball::test;

namespace {

Words churn_words(const TestCgroup& cgroup, std::uint64_t how_many, const char* parallel)
{
    Words words{"cgroup-churn", std::to_string(how_many), "--life-ms", "20", "--parallel", parallel};
    for (const std::string& directory : cgroup.dirs()) {
        // Neither of these has a number of its own to report.
        if (directory.find("/cpuacct/") == std::string::npos)
            words.insert(words.end(), {"--parent", directory});
    }
    return words;
}

std::uint64_t unnamed(const Report& report)
{
    std::uint64_t count = 0;
    for (const std::string& path : report.paths())
        count += path.starts_with("?");
    return count;
}

// On v2 a cgroup with children and controllers may hold no process.
TestCgroup parent_cgroup(const std::string& name)
{
    TestCgroup cgroup(name);
    cgroup.child("unused").remove();
    return cgroup;
}

}  // namespace

TEST_CASE("a cgroup that lived for 20 ms, or went away, has its name and its numbers", "[kernel][lifecycle]")
{
    require_root();
    const TestCgroup parent = parent_cgroup("short");
    TestCgroup removed("removed");
    const std::string removed_path = removed.path(), path = parent.path() + "/churn-0";
    Recorder recorder;
    Load(churn_words(parent, 1, "1")).truth();
    run_load(removed, {"spin", "0.2"});
    removed.remove();
    const Report report = recorder.stop();

    REQUIRE(report.has(path));
    CHECK(report.life(path) == "created and removed");
    CHECK(report.stats(path, "cpu.slice").sum > kMs);
    CHECK(report.stats(path, "pids.exits").count == 1);
    REQUIRE(report.has(removed_path));
    CHECK(report.life(removed_path) == "removed");
    CHECK(report.stats(removed_path, "cpu.slice").sum > 20 * kMs);
    CHECK(unnamed(report) == 0);
}

// What a kernel tells of one such cgroup is the test's above; of many it is our memory that is tried.
TEST_CASE("thousands of short cgroups all have names, and memory stays bounded", "[kernel][lifecycle][any_kernel]")
{
    require_root();
    const bool few = quick() || in_lab();
    const std::uint64_t how_many = few ? 200 : 2000;
    const TestCgroup parent = parent_cgroup("churn");

    Recorder recorder;
    const std::uint64_t before = recorder.peak_rss();
    const auto truth = Load(churn_words(parent, how_many, few ? "4" : "16")).truth(patience(40));
    const std::uint64_t grown = recorder.peak_rss() - before;
    const Report report = recorder.stop();

    REQUIRE(truth.at("cgroups") == how_many);
    std::uint64_t named = 0, with_exit = 0;
    for (const std::string& path : report.paths()) {
        if (!path.starts_with(parent.path() + "/churn-"))
            continue;
        ++named;
        with_exit += report.stats(path, "pids.exits").count == 1;
    }
    CHECK(unnamed(report) == 0);
    CHECK(named == how_many);
    CHECK(with_exit == how_many);
    INFO("peak RSS grew by " << grown << " bytes: " << grown / how_many << " a cgroup");
    CHECK(grown <= 8 * kMiB + how_many * 16 * 1024);
    CHECK(report.losses().dropped == 0);
}
