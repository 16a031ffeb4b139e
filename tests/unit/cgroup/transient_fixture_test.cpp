// What of transient cgroups needs no kernel: names, refusals, sweeping. The rest is in tests/host.
#include "fixture.hpp"
#include "flyball/base/fd.hpp"
#include "flyball/cgroup/transient.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

using namespace flyball;
using namespace flyball::cgroup;
using flyball::test::ContainsSubstring;
using flyball::test::FakeRoot;

namespace {
pid_t dead_pid()
{
    const pid_t pid = ::fork();
    if (pid == 0)
        ::_exit(0);
    ::waitpid(pid, nullptr, 0);
    return pid;
}
}  // namespace

TEST_CASE("a transient cgroup is made in each hierarchy and removed with its parent", "[cgroup][transient]")
{
    const FakeRoot root;
    root.hybrid();
    const auto layout = detect(root.path());
    REQUIRE(layout);
    const std::string own = root.path() + "/sys/fs/cgroup/memory/flyball";
    {
        auto made = TransientCgroup::create(*layout, {}, {.any_file_system = true});
        REQUIRE(made);
        CHECK_THAT(made->path(), ContainsSubstring(fmt::format("/flyball/run-{}-", ::getpid())));
        CHECK(made->ids().size() == 5);
        for (const char* name : {"memory", "pids", "blkio", "cpu,cpuacct", "unified"})
            CHECK(std::filesystem::is_directory(root.path() + "/sys/fs/cgroup/" + name + made->path()));
        auto second = TransientCgroup::create(*layout, {}, {.any_file_system = true});
        REQUIRE(second);
        CHECK(second->path() != made->path());
        CHECK(second->destroy());
        CHECK(std::filesystem::is_directory(own));
        std::filesystem::remove_all(root.path() + "/sys/fs/cgroup/pids" + made->path());  // removed under us
        CHECK(made->kill_all());
        CHECK(made->destroy());
        CHECK(made->destroy());
    }
    CHECK_FALSE(std::filesystem::exists(own));
}

TEST_CASE("leftovers of dead flyballs are swept, those of living ones and strangers are not", "[cgroup][transient]")
{
    const FakeRoot root;
    root.hybrid();
    const auto layout = detect(root.path());
    REQUIRE(layout);
    const std::string own = root.path() + "/sys/fs/cgroup/memory/flyball/";
    const std::string dead = fmt::format("run-{}-0", dead_pid());
    const std::string busy = fmt::format("run-{}-1", dead_pid());
    root.dir("/sys/fs/cgroup/memory/flyball/" + dead + "/below");
    root.dir(fmt::format("/sys/fs/cgroup/memory/flyball/run-{}-9", ::getppid()));
    root.dir("/sys/fs/cgroup/memory/flyball/run-notes");
    root.file("/sys/fs/cgroup/memory/flyball/" + busy + "/below/cgroup.procs", fmt::format("{}\n", ::getpid()));
    root.dir("/sys/fs/cgroup/memory/run-" + dead);
    CHECK(sweep_leftovers(*layout) == 1);
    CHECK_FALSE(std::filesystem::exists(own + dead));
    CHECK(std::filesystem::exists(own + busy + "/below"));
    CHECK(std::filesystem::exists(own + fmt::format("run-{}-9", ::getppid())));
    CHECK(std::filesystem::exists(own + "run-notes"));
    CHECK(std::filesystem::exists(root.path() + "/sys/fs/cgroup/memory/run-" + dead));
}

TEST_CASE("a leftover whose pid is in use again is swept, one that is locked is not", "[cgroup][transient]")
{
    const FakeRoot root;
    root.hybrid();
    const auto layout = detect(root.path());
    REQUIRE(layout);
    const std::string own = root.path() + "/sys/fs/cgroup/memory/flyball/";
    const std::string reused = fmt::format("run-{}-1", ::getppid());
    const std::string elsewhere = fmt::format("run-{}-2", dead_pid());  // its owner is in another PID namespace
    for (const std::string& name : {reused, elsewhere}) {
        root.dir("/sys/fs/cgroup/memory/flyball/" + name);
        std::filesystem::last_write_time(own + name,
                                         std::filesystem::file_time_type::clock::now() - std::chrono::minutes(1));
    }
    const UniqueFd lock(::open((own + elsewhere).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    REQUIRE(::flock(lock.get(), LOCK_EX | LOCK_NB) == 0);
    CHECK(sweep_leftovers(*layout) == 1);
    CHECK_FALSE(std::filesystem::exists(own + reused));
    CHECK(std::filesystem::exists(own + elsewhere));
}

TEST_CASE("what cannot be limited is refused before anything is made", "[cgroup][transient]")
{
    const FakeRoot root;
    root.hybrid();
    const auto layout = detect(root.path());
    REQUIRE(layout);
    const auto high = TransientCgroup::create(*layout, {.memory_high = 1 << 20}, {.any_file_system = true});
    REQUIRE_FALSE(high);
    CHECK(high.error().kind == ErrorKind::Unavailable);
    CHECK_THAT(high.error().what, ContainsSubstring("memory.high"));
    CHECK_FALSE(high.error().hint.empty());
    const auto bad = TransientCgroup::create(*layout, {.cpu_max = CpuMax{.quota_us = 1}}, {.any_file_system = true});
    REQUIRE_FALSE(bad);
    CHECK(bad.error().kind == ErrorKind::Usage);
    const auto fake = TransientCgroup::create(*layout);
    REQUIRE_FALSE(fake);
    CHECK(fake.error().kind == ErrorKind::Unavailable);
    // The fixture has no limit files: what was made by then is taken back.
    CHECK_FALSE(TransientCgroup::create(*layout, {.pids_max = 5}, {.any_file_system = true}));
    for (const char* name : {"memory", "pids", "blkio", "cpu,cpuacct", "unified"})
        CHECK_FALSE(std::filesystem::exists(root.path() + "/sys/fs/cgroup/" + name + "/flyball"));
}
