// SPDX-License-Identifier: Apache-2.0
// Limits by their v2 names, on machines that have other files.
#include "../../../src/live/limit_files.hpp"
#include "../cgroup/fixture.hpp"
#include "support/catch.hpp"

using namespace flyball;
using flyball::live::LimitFiles;
using flyball::test::FakeRoot;

TEST_CASE("limit files: cgroup v2 has them as they are called")
{
    FakeRoot root;
    root.unified();
    root.file("/sys/fs/cgroup/a/cpu.max", "20000 100000\n");
    root.file("/sys/fs/cgroup/a/io.weight", "default 100\n");
    const auto layout = cgroup::detect(root.path());
    REQUIRE(layout);
    const LimitFiles files(*layout, "/a");
    CHECK(files.read("cpu.max") == "20000 100000");
    CHECK(files.read("io.weight") == "default 100");
    CHECK_FALSE(files.read("cpu.max.burst"));
    const auto writes = files.writes("cpu.max", "30000 100000");
    REQUIRE(writes);
    REQUIRE(writes->size() == 1);
    CHECK(writes->front().directory == root.path() + "/sys/fs/cgroup/a");
    CHECK(writes->front().file == "cpu.max");
}

TEST_CASE("limit files: on v1 cpu.max is two files, and memory.high none")
{
    FakeRoot root;
    root.hybrid();
    const auto layout = cgroup::detect(root.path());
    REQUIRE(layout);
    const auto directory = layout->controller("cpu")->directory("/a");
    REQUIRE(directory);
    const std::string below = directory->substr(root.path().size());
    root.file(below + "/cpu.cfs_quota_us", "-1\n");
    root.file(below + "/cpu.cfs_period_us", "50000\n");
    root.file(below + "/cpu.cfs_burst_us", "0\n");
    const LimitFiles files(*layout, "/a");
    CHECK(files.read("cpu.max") == "max 50000");
    CHECK(files.read("cpu.max.burst") == "0");
    CHECK_FALSE(files.read("memory.high"));
    const auto writes = files.writes("cpu.max", "20000 100000");
    REQUIRE(writes);
    REQUIRE(writes->size() == 2);
    CHECK((*writes)[0].file == "cpu.cfs_period_us");
    CHECK((*writes)[0].value == "100000");
    CHECK((*writes)[1].value == "20000");
    CHECK(files.writes("cpu.max", "max")->back().value == "-1");
    CHECK(files.writes("memory.high", "1000000").error().kind == ErrorKind::Unavailable);
}
