// SPDX-License-Identifier: Apache-2.0
#include "flyball/profile/subtree.hpp"
#include "make.hpp"
#include "support/catch.hpp"

using namespace flyball::profile;
using namespace flyball::profile::test;

namespace {

bool selects(const std::string& pattern, std::string_view path)
{
    return filter_selects(std::vector<std::string>{pattern}, path);
}

}  // namespace

TEST_CASE("filter: no patterns select everything")
{
    CHECK(filter_selects({}, "/a"));
    CHECK(filter_selects({}, "(none)"));
}

TEST_CASE("filter: table")
{
    struct Case {
        const char* pattern;
        const char* path;
        bool selected;
    };
    const Case cases[] = {
        {"/a", "/a", true},
        {"/a", "/a/b/c", true},
        {"/a", "/ab", false},
        {"/a", "/b/a", false},
        {"/a/", "/a/b", true},
        {"a", "/a", true},
        {"a", "/b/a/c", true},
        {"a/b", "/a/b/c", true},
        {"a/b", "/c/a/b", false},
        {"/a/*", "/a", false},
        {"/a/*", "/a/b", true},
        {"/a/*", "/a/b/c", true},
        {"/*/b", "/a/b", true},
        {"/*/b", "/a/c/b", false},
        {"/sys/fs/cgroup/a", "/a/b", true},
        {"/sys/fs/cgroup/a/", "/a", true},
        {"/sys/fs/cgroup", "/a", true},
        {"/sys/fs/cgroup/memory/a", "/a", true},
        {"/sys/fs/cgroup/cpu,cpuacct/a", "/a/b", true},
        {"/sys/fs/cgroupfoo", "/a", false},
        {"x.service", "/system.slice/x.service", true},
        {"x.service", "/system.slice/xx.service", false},
        {"*.service", "/system.slice/x.service/sub", true},
        {"?.service", "/system.slice/xy.service", false},
        {"dev-disk\\x2did", "/s/dev-disk\\x2did", true},
        {"[b]", "/[b]", true},
        {"/", "/a", true},
        {"/", "(none)", true},
        {"/a", "(none)", false},
        {"*", "(none)", false},
        {"(none)", "(none)", true},
        {"?0:17", "?0:17", true},
        {"", "/a", false},
        {"/a", "/", false},
    };
    for (const Case& c : cases) {
        CAPTURE(c.pattern, c.path);
        CHECK(selects(c.pattern, c.path) == c.selected);
    }
}

TEST_CASE("subtree: sums as the kernel's hierarchical counters do")
{
    Accumulator accumulator(v2_meta(), {{0, 10, "/a"}, {0, 11, "/a/b"}, {0, 12, "/ab"}, {0, 13, "/x/y/z"}});
    send(accumulator,
         {wait(10, 1), wait(11, 2), wait(12, 4), wait(13, 8), wait(99, 16), wait(0, 32), fork(11, 3), fork(10, 2)});
    const Snapshot s = std::move(accumulator).finish({});
    CHECK(subtree(s, "/a", FB_M_CPU_WAIT).sum64() == 3);
    CHECK(subtree(s, "/x", FB_M_CPU_WAIT).sum64() == 8);  // no data of its own
    CHECK(subtree(s, "/", FB_M_CPU_WAIT).sum64() == 31);
    CHECK(subtree(s, "/nowhere", FB_M_CPU_WAIT).empty());
    CHECK(subtree_count(s, "/a", FB_M_FORKS) == Count{2, 2, 1});
    CHECK(subtree_count(s, "/", FB_M_PIDS_PEAK).max == 3);

    const auto sums = subtrees(s, FB_M_CPU_WAIT);
    CHECK(sums.size() == 9);  // / /a /a/b /ab /x /x/y /x/y/z (none) ?0:99
    for (const auto& [path, sum] : sums) {
        CAPTURE(path);
        CHECK(sum == subtree(s, path, FB_M_CPU_WAIT));
    }
    for (const auto& [path, sum] : subtree_counts(s, FB_M_FORKS))
        CHECK(sum == subtree_count(s, path, FB_M_FORKS));
}
