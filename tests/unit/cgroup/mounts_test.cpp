#include "fixture.hpp"
#include "flyball/cgroup/mounts.hpp"

using namespace flyball;
using namespace flyball::cgroup;
using flyball::test::ContainsSubstring;
using flyball::test::FakeRoot;

namespace {
Layout layout_of(std::string_view mountinfo, std::string_view cgroups, std::string_view self,
                 std::optional<std::string> controllers = std::nullopt)
{
    return make_layout(mountinfo, cgroups, self, [&](const std::string&) { return controllers; });
}
}  // namespace

TEST_CASE("v2 alone", "[cgroup][mounts]")
{
    const FakeRoot root;
    root.unified();
    const auto layout = detect(root.path());
    REQUIRE(layout);
    CHECK(layout->mode() == Mode::Unified);
    CHECK(layout->hierarchy_of == std::map<std::string, int>{{"cpu", 0}, {"io", 0}, {"memory", 0}, {"pids", 0}});
    CHECK(layout->unified()->path == root.path() + "/sys/fs/cgroup");
    CHECK(layout->controller("blkio") == layout->unified());
    CHECK(layout->controller("freezer") == nullptr);
    CHECK(layout->self.at(0) == "/user.slice/session-2.scope");
    CHECK(layout->notes.empty());
}

TEST_CASE("hybrid: each controller has its own hierarchy", "[cgroup][mounts]")
{
    const FakeRoot root;
    root.hybrid();
    const auto layout = detect(root.path());
    REQUIRE(layout);
    CHECK(layout->mode() == Mode::Hybrid);
    CHECK(layout->hierarchy_of == std::map<std::string, int>{{"cpu", 1}, {"io", 7}, {"memory", 4}, {"pids", 8}});
    CHECK(layout->controller("cpuacct") == layout->controller("cpu"));
    CHECK(layout->unified()->controllers.empty());
    CHECK(layout->hierarchy(4)->controllers == std::vector<std::string>{"memory"});
}

TEST_CASE("systemd's v1: named hierarchies, co-mounted controllers, options that are no controllers",
          "[cgroup][mounts]")
{
    const auto layout =
        layout_of("29 25 0:26 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/lib/x,name=systemd\n"
                  "30 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:10 master:3 - cgroup cgroup "
                  "rw,cpu,cpuacct\n",
                  "cpu\t3\t60\t1\ncpuacct\t3\t60\t1\nmemory\t9\t1\t1\n",
                  "3:cpu,cpuacct:/user.slice\n1:name=systemd:/init.scope\n");
    CHECK(layout.mode() == Mode::Legacy);
    REQUIRE(layout.mounts.size() == 2);
    CHECK(layout.mounts[0].name == "systemd");
    CHECK(layout.mounts[0].hierarchy == 1);
    CHECK(layout.mounts[0].controllers.empty());
    CHECK(layout.mounts[1].controllers == std::vector<std::string>{"cpu", "cpuacct"});
    CHECK(layout.controller("memory") == nullptr);
    REQUIRE(layout.notes.size() == 1);
    CHECK_THAT(layout.notes[0], ContainsSubstring("memory controller is in v1 hierarchy 9"));
}

TEST_CASE("escapes in mount points", "[cgroup][mounts]")
{
    const auto mounts = parse_mountinfo("30 23 0:26 /a\\134b /mnt/with\\040blank\\011tab rw - cgroup2 none rw\n");
    REQUIRE(mounts.size() == 1);
    CHECK(mounts[0].point == "/mnt/with blank\ttab");
    CHECK(mounts[0].root == "/a\\b");
}

TEST_CASE("a container's mount shows a part of the hierarchy: paths are translated", "[cgroup][mounts]")
{
    const auto layout = layout_of("30 23 0:26 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
                                  "memory\t4\t1\t1\n", "4:memory:/docker/abc\n");
    const Mount& mount = *layout.controller("memory");
    CHECK(mount.directory("/docker/abc") == "/sys/fs/cgroup/memory");
    CHECK(mount.directory("/docker/abc/x/") == "/sys/fs/cgroup/memory/x");
    CHECK_FALSE(mount.directory("/docker/abcd"));
    CHECK_FALSE(mount.directory("/"));
    CHECK_FALSE(mount.directory("relative"));
    CHECK(mount.hierarchy_path("/x") == "/docker/abc/x");
    CHECK(mount.hierarchy_path("") == "/docker/abc");
    CHECK(layout.notes.size() == 1);
}

TEST_CASE("a mount above our cgroup namespace is noted", "[cgroup][mounts]")
{
    const auto layout = layout_of("30 23 0:26 /../.. /sys/fs/cgroup rw - cgroup2 none rw\n", "", "0::/\n", "cpu\n");
    CHECK(layout.unified()->directory("/a") == "/sys/fs/cgroup/a");
    REQUIRE(layout.notes.size() == 1);
    CHECK_THAT(layout.notes[0], ContainsSubstring("above this process's cgroup namespace"));
}

TEST_CASE("of two mounts of a hierarchy the whole one is used, and a later one hides an earlier on its point",
          "[cgroup][mounts]")
{
    const auto twice =
        layout_of("30 23 0:26 /part /a rw - cgroup cgroup rw,memory\n31 23 0:26 / /b rw - cgroup cgroup rw,memory\n",
                  "memory 4 1 1\n", "");
    CHECK(twice.controller("memory")->path == "/b");
    const auto hidden =
        layout_of("30 23 0:26 / /a rw - cgroup cgroup rw,memory\n31 23 0:27 / /a rw - cgroup2 none rw\n", "", "0::/\n",
                  "memory\n");
    REQUIRE(hidden.mounts.size() == 1);
    CHECK(hidden.mounts[0].unified);
}

TEST_CASE("garbage and truncated texts give less, never more", "[cgroup][mounts]")
{
    for (const char* text :
         {"", "\n", "x", "30 23 0:26 / /a rw -", "30 23 0:26 / /a rw - cgroup2", "30 23 0:26 / /a - cgroup2 none rw",
          "- - - - - - - - -", "30 23 0:26 x y rw - cgroup2 none rw", "30 23 0:26 / /a rw - ext4 none rw"}) {
        INFO(text);
        CHECK(parse_mountinfo(text).empty());
    }
    CHECK(parse_mountinfo("30 23 0:26 / /a\\04 rw - cgroup2 none rw")[0].point == "/a\\04");
    CHECK(parse_proc_cgroups("#subsys\ncpu\nmemory x 1 1\npids 99999999999999999999 1 1\nio 3 1 1").size() == 1);
    CHECK(parse_self_cgroup("0:\n:::\nx::/\n0::relative\n3:cpu:/a:b (deleted)\n").size() == 1);
    CHECK(parse_self_cgroup("3:cpu:/a:b\n")[0].path == "/a:b");
}

TEST_CASE("no cgroup mounted at all is Unavailable", "[cgroup][mounts]")
{
    const FakeRoot root;
    root.file("/proc/self/mountinfo", "30 23 0:26 / / rw - ext4 /dev/vda rw\n");
    const auto layout = detect(root.path());
    REQUIRE_FALSE(layout);
    CHECK(layout.error().kind == ErrorKind::Unavailable);
    CHECK_FALSE(detect(root.path() + "/nowhere"));
}
