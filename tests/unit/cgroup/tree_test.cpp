#include "fixture.hpp"
#include "flyball/cgroup/tree.hpp"

#include <sys/stat.h>

using namespace flyball;
using namespace flyball::cgroup;
using flyball::test::ContainsSubstring;
using flyball::test::FakeRoot;
using Paths = std::vector<std::string>;

TEST_CASE("a walk gives every directory's path and inode, parents first", "[cgroup][tree]")
{
    const FakeRoot root;
    root.unified();
    root.dir("/sys/fs/cgroup/b/c");
    root.dir("/sys/fs/cgroup/a");
    const auto layout = detect(root.path());
    REQUIRE(layout);
    const auto nodes = walk_all(*layout);
    REQUIRE(nodes);
    Paths paths;
    for (const Node& node : *nodes) {
        paths.push_back(node.path);
        struct stat status{};
        REQUIRE(::stat((root.path() + "/sys/fs/cgroup" + node.path).c_str(), &status) == 0);
        CHECK(node.id == status.st_ino);
        CHECK(node.hierarchy == 0);
    }
    CHECK(paths == Paths{"/", "/a", "/b", "/b/c"});
    CHECK(id_of(*layout->unified(), "/b/c") == (*nodes)[3].id);
    CHECK_FALSE(id_of(*layout->unified(), "/gone"));
    CHECK_FALSE(id_of(*layout->unified(), "/cgroup.controllers"));
}

TEST_CASE("a hybrid walk visits each hierarchy, and no symbolic link", "[cgroup][tree]")
{
    const FakeRoot root;
    root.hybrid();
    root.dir("/sys/fs/cgroup/memory/job");
    root.dir("/sys/fs/cgroup/pids/job");
    std::filesystem::create_directory_symlink(root.path(), root.path() + "/sys/fs/cgroup/pids/loop");
    const auto layout = detect(root.path());
    REQUIRE(layout);
    const auto nodes = walk_all(*layout);
    REQUIRE(nodes);
    std::map<int, Paths> by_hierarchy;
    for (const Node& node : *nodes)
        by_hierarchy[node.hierarchy].push_back(node.path);
    CHECK(by_hierarchy ==
          std::map<int, Paths>{{0, {"/"}}, {1, {"/"}}, {4, {"/", "/job"}}, {7, {"/"}}, {8, {"/", "/job"}}});
    CHECK(resolve(*layout, "job") == Paths{"/job"});
    CHECK(resolve(*layout, root.path() + "/sys/fs/cgroup/pids/job/") == Paths{"/job"});
    CHECK(resolve(*layout, root.path() + "/sys/fs/cgroup/cpu,cpuacct") == Paths{"/"});
}

TEST_CASE("a mount point that is not there is an error", "[cgroup][tree]")
{
    const auto nodes = walk({.path = "/nonexistent"});
    REQUIRE_FALSE(nodes);
    CHECK_THAT(nodes.error().what, ContainsSubstring("/nonexistent"));
}

TEST_CASE("what a user means by -c", "[cgroup][tree]")
{
    const Layout layout{.mounts = {{.hierarchy = 0, .unified = true, .controllers = {"cpu"}, .path = "/sys/fs/cgroup"}},
                        .hierarchy_of = {},
                        .self = {},
                        .notes = {}};
    const Paths paths{"/",
                      "/system.slice",
                      "/system.slice/ssh.service",
                      "/system.slice/cron.service",
                      "/user.slice",
                      "/user.slice/user-0.slice",
                      "/user.slice/user-0.slice/ssh.service",
                      "/odd[1]"};
    struct Row {
        const char* pattern;
        Paths found;
    };
    const std::vector<Row> rows{
        {"/", {"/"}},
        {"/sys/fs/cgroup", {"/"}},
        {"/sys/fs/cgroup/system.slice", {"/system.slice"}},
        {"/system.slice/ssh.service", {"/system.slice/ssh.service"}},
        {"system.slice/ssh.service/", {"/system.slice/ssh.service"}},
        {"//system.slice", {"/system.slice"}},
        {"ssh.service", {"/system.slice/ssh.service", "/user.slice/user-0.slice/ssh.service"}},
        {"/system.slice/*", {"/system.slice/cron.service", "/system.slice/ssh.service"}},
        {"/user.slice/**", {"/user.slice/user-0.slice", "/user.slice/user-0.slice/ssh.service"}},
        {"/sys/fs/cgroup/user.slice/*", {"/user.slice/user-0.slice"}},
        {"*.service",
         {"/system.slice/cron.service", "/system.slice/ssh.service", "/user.slice/user-0.slice/ssh.service"}},
        {"odd[1]", {"/odd[1]"}},
    };
    for (const Row& row : rows) {
        INFO(row.pattern);
        CHECK(resolve_among(layout, paths, row.pattern) == row.found);
    }
    for (const char* pattern :
         {"", "  ", "nothing", "/nothing", "/system.slice/x*", "..", "/system.slice/../system.slice"}) {
        INFO(pattern);
        const auto found = resolve_among(layout, paths, pattern);
        REQUIRE_FALSE(found);
        CHECK(found.error().kind == ErrorKind::Usage);
    }
    CHECK_THAT(resolve_among(layout, paths, "shs.service").error().hint,
               ContainsSubstring("/system.slice/ssh.service"));
    CHECK_THAT(resolve_among(layout, paths, "cron").error().hint,
               ContainsSubstring("did you mean /system.slice/cron.service?"));
    CHECK_THAT(resolve_among(layout, paths, "nothing").error().what,
               ContainsSubstring("as the path /nothing and as a cgroup's own name"));
}
