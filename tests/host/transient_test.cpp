// Real cgroups on this machine, below its flyball/ directories only.
#include "flyball/base/file.hpp"
#include "flyball/cgroup/counters.hpp"
#include "flyball/cgroup/transient.hpp"
#include "flyball/cgroup/tree.hpp"
#include "flyball/process/child.hpp"
#include "support/catch.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

using namespace flyball;
using namespace flyball::cgroup;
using namespace flyball::process;
using flyball::test::ContainsSubstring;

namespace {

Layout host_layout()
{
    if (::geteuid() != 0)
        FB_SKIP("needs root");
    auto layout = detect();
    if (!layout)
        FB_SKIP("no cgroup hierarchy is mounted");
    for (const Mount& mount : layout->mounts)
        if (::access(mount.path.c_str(), W_OK) != 0)
            FB_SKIP("cgroups are read-only here");
    return *std::move(layout);
}

// What of ours there is below each mount point: none of it may be left when a test is done. Others make and remove
// cgroups meanwhile, so what is theirs is not looked at.
std::set<std::string> footprint(const Layout& layout)
{
    std::set<std::string> found;
    const std::string ours = fmt::format("run-{}-", ::getpid());
    for (const Mount& mount : layout.mounts) {
        std::error_code none;  // no flyball/ there
        for (std::filesystem::directory_iterator at(mount.path + "/flyball", none), end; !none && at != end;
             at.increment(none))
            if (at->path().filename().string().starts_with(ours))
                found.insert(at->path());
        if (mount.unified)
            found.insert("control: " + read_file(mount.path + "/cgroup.subtree_control").value_or("?"));
    }
    return found;
}

// As the process itself sees it: hierarchy -> path.
std::map<int, std::string> membership(pid_t pid)
{
    std::map<int, std::string> paths;
    for (const SelfLine& line : parse_self_cgroup(read_file(fmt::format("/proc/{}/cgroup", pid)).value_or("")))
        paths[line.hierarchy] = line.path;
    return paths;
}

}  // namespace

TEST_CASE("a command runs in a cgroup of its own in every hierarchy, and leaves nothing behind", "[host][transient]")
{
    const Layout layout = host_layout();
    const auto before = footprint(layout);
    {
        auto made = TransientCgroup::create(layout);
        REQUIRE(made);
        CHECK(footprint(layout).size() == before.size() + made->ids().size());
        auto child = Child::spawn({"sh", "-c", "sleep 100 & sleep 100"}, made->place());
        REQUIRE(child);
        const auto paths = membership(child->pid());
        for (const auto& [hierarchy, id] : made->ids()) {
            INFO(hierarchy);
            CHECK(paths.at(hierarchy) == made->path());
            CHECK(id_of(*layout.hierarchy(hierarchy), made->path()) == id);
        }
        REQUIRE(child->release());
        CHECK_FALSE(read_counters(layout, made->path()).empty());
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        REQUIRE(made->kill_all());
        CHECK(child->wait_ms(5000).value()->signal == SIGKILL);
        CHECK(made->destroy());
    }
    CHECK(footprint(layout) == before);
}

TEST_CASE("limits are in force", "[host][transient]")
{
    const Layout layout = host_layout();
    if (layout.controller("cpu") == nullptr || layout.controller("pids") == nullptr ||
        layout.controller("memory") == nullptr)
        FB_SKIP("needs the cpu, memory and pids controllers");
    const auto before = footprint(layout);
    {
        auto made = TransientCgroup::create(layout, {.cpu_max = CpuMax{.quota_us = 10'000, .period_us = 100'000},
                                                     .memory_max = (64U << 20) + 1,
                                                     .pids_max = 3});
        INFO((made ? std::string() : made.error().what));
        REQUIRE(made);
        // Forks beyond pids.max first (dash says so and ends the subshell), then burns until it is killed.
        auto child = Child::spawn(
            {"sh", "-c", "(sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait) 2>/dev/null; while :; do :; done"},
            made->place());
        REQUIRE(child);
        REQUIRE(child->release());
        const auto satisfied = [&] {
            const Counters now = read_counters(layout, made->path());
            return now.nr_throttled.value_or(0) > 3 && now.pids_max_events.value_or(0) > 0;
        };
        for (int i = 0; i < 200 && !satisfied(); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        const Counters counters = read_counters(layout, made->path());
        REQUIRE(counters.nr_throttled);
        CHECK(*counters.nr_throttled > 0);
        CHECK(counters.throttled_ns.value_or(0) > 1'000'000);
        CHECK(counters.usage_ns.value_or(0) > 1'000'000);
        CHECK(counters.pids_max_events.value_or(0) > 0);
        CHECK(counters.memory_peak_bytes.value_or(0) > 0);
    }
    CHECK(footprint(layout) == before);
}

TEST_CASE("an out-of-memory command is killed inside, and counted", "[host][transient]")
{
    const Layout layout = host_layout();
    if (layout.controller("memory") == nullptr)
        FB_SKIP("needs the memory controller");
    auto made = TransientCgroup::create(layout, {.memory_max = 16U << 20});
    REQUIRE(made);
    // tail keeps a line without an end in memory.
    auto child = Child::spawn({"tail", "/dev/zero"}, made->place());
    REQUIRE(child);
    REQUIRE(child->release());
    const auto status = child->wait_ms(30'000);
    REQUIRE(status);
    REQUIRE(*status);
    CHECK((*status)->signal == SIGKILL);
    const Counters counters = read_counters(layout, made->path());
    const char* key = layout.controller("memory")->unified ? "oom_kill" : "v1.oom_kill";
    CHECK(counters.memory_events.at(key) >= 1);
    CHECK(made->destroy());
}

TEST_CASE("processes that fork without end, and cgroups made below, go too", "[host][transient]")
{
    const Layout layout = host_layout();
    const auto before = footprint(layout);
    {
        auto made =
            TransientCgroup::create(layout, layout.controller("pids") != nullptr ? Limits{.pids_max = 60} : Limits{});
        REQUIRE(made);
        const Mount& mount = layout.mounts.front();
        REQUIRE(::mkdir((*mount.directory(made->path()) + "/below").c_str(), 0755) == 0);
        auto child = Child::spawn(
            {"sh", "-c", "f() { while :; do (sleep 0.01; :) & sleep 0.005; done; }; f & f & f & f"}, made->place());
        REQUIRE(child);
        REQUIRE(child->release());
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        CHECK(made->kill_all());
        CHECK(made->destroy());
        CHECK(child->wait_ms(5000).value()->signal == SIGKILL);
    }
    CHECK(footprint(layout) == before);
}

TEST_CASE("v1 without cgroup.kill: frozen, killed, thawed", "[host][transient]")
{
    Layout layout = host_layout();
    if (layout.mode() != Mode::Hybrid && layout.mode() != Mode::Legacy)
        FB_SKIP("needs v1 hierarchies");
    std::erase_if(layout.mounts, &Mount::unified);
    const auto before = footprint(layout);
    {
        auto made = TransientCgroup::create(layout);
        REQUIRE(made);
        CHECK(made->place().unified_fd == -1);
        auto child = Child::spawn({"sh", "-c", "f() { while :; do (sleep 0.01; :) & sleep 0.005; done; }; f & f"},
                                  made->place());
        REQUIRE(child);
        REQUIRE(child->release());
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        CHECK(made->destroy());
        CHECK(child->wait_ms(5000).value()->signal == SIGKILL);
    }
    CHECK(footprint(layout) == before);
}

TEST_CASE("a running process can be attached; one outside is not killed", "[host][transient]")
{
    const Layout layout = host_layout();
    auto outside = Child::spawn({"sleep", "100"}, {});
    auto inside = Child::spawn({"sleep", "100"}, {});
    REQUIRE(outside);
    REQUIRE(inside);
    REQUIRE(outside->release());
    REQUIRE(inside->release());
    auto made = TransientCgroup::create(layout);
    REQUIRE(made);
    REQUIRE(made->attach(inside->pid()));
    CHECK(made->kill_all());
    CHECK(inside->wait_ms(5000).value()->signal == SIGKILL);
    CHECK_FALSE(outside->wait_ms(50)->has_value());
    CHECK_FALSE(made->attach(inside->pid()));
}
