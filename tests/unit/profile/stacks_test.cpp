// SPDX-License-Identifier: Apache-2.0
// From samples to folded lines, through a recording and past it.
#include "flyball/profile/recording.hpp"
#include "flyball/profile/stack_collector.hpp"
#include "flyball/report/explain.hpp"
#include "make.hpp"
#include "support/catch.hpp"
#include "unit/cgroup/fixture.hpp"

#include <unistd.h>

#include <cstring>

using namespace flyball;
using namespace flyball::profile;
using namespace flyball::profile::test;
using flyball::test::ContainsSubstring;
using flyball::test::FakeRoot;

namespace {

fb_stack_sample sample(std::uint64_t cgroup_id, std::uint32_t tgid, const char* comm, std::uint32_t flags = 0)
{
    fb_stack_sample header{};
    header.cgroup_id = cgroup_id;
    header.tgid = header.tid = tgid;
    header.start_ns = header.exec_id = 1;
    header.flags = flags;
    std::strncpy(header.comm, comm, sizeof header.comm);
    return header;
}

using Addresses = std::vector<std::uint64_t>;

// Process 9 runs /opt/prog, which has no symbols here; the kernel has three functions.
void machine(const FakeRoot& root)
{
    root.file("/9/maps", "400000-500000 r-xp 00000000 00:01 77 /opt/prog\n");
    root.file("/kallsyms", "ffffffff81000000 T entry\nffffffff81000100 T do_read\nffffffff81000200 T copy\n");
}

std::string line_of(const Stacks& stacks, std::size_t i)
{
    std::string text = stacks.stacks.at(i).comm;
    for (const std::uint32_t frame : stacks.stacks[i].frames)
        text += ';' + stacks.frames.at(frame);
    return text + ' ' + std::to_string(stacks.stacks[i].samples);
}

Stacks some_stacks()
{
    Stacks stacks;
    stacks.hz = 99;
    stacks.cpus = 2;
    stacks.due = 20;
    stacks.idle = 5;
    stacks.attempted = 13;
    stacks.dropped = 1;
    stacks.delivered = 12;
    stacks.frames = {"main", "f(int; char)", std::string("\xff\n"), "do_read_[k]"};
    stacks.stacks = {{.cgroup_id = 2, .comm = "a b", .frames = {0, 1, 3}, .samples = 7},
                     {.cgroup_id = 3, .comm = "x", .frames = {2}, .samples = 4},
                     {.cgroup_id = 99, .comm = "y", .frames = {}, .samples = 1}};
    stacks.notes = {"a note"};
    return stacks;
}

std::vector<KnownCgroup> some_cgroups()
{
    return {{.hierarchy = kV2, .id = 1, .path = "/"},
            {.hierarchy = kV2, .id = 2, .path = "/a/web"},
            {.hierarchy = kV2, .id = 3, .path = "/b"}};
}

}  // namespace

TEST_CASE("stacks: outermost first, the kernel last, the same ones together", "[profile][stacks]")
{
    const FakeRoot root;
    machine(root);
    StackCollector collector{symbol::Places(root.path())};
    const Addresses user{0x400010, 0x400020}, kernel{0xffffffff81000204, 0xffffffff81000104};
    collector.on_sample(sample(2, 9, "prog"), user, kernel);
    collector.on_sample(sample(2, 9, "prog"), user, kernel);
    // Elsewhere in the same function.
    collector.on_sample(sample(2, 9, "prog"), user, Addresses{0xffffffff81000210, 0xffffffff81000110});
    collector.on_sample(sample(2, 9, "prog"), user, {});
    collector.on_sample(sample(2, 4, "kworker", FB_STACK_KERNEL_THREAD), {}, kernel);
    collector.on_sample(sample(2, 9, "prog"), {}, kernel);
    collector.on_sample(sample(3, 8, "gone"), user, {});
    const Stacks stacks = std::move(collector).finish(root.path());

    CHECK(stacks.delivered == 7);
    CHECK(stacks.counted() == 7);
    CHECK(stacks.no_user_stack == 1);
    CHECK(stacks.ended == 1);
    CHECK(stacks.notes.empty());
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < stacks.stacks.size(); ++i)
        lines.push_back(line_of(stacks, i));
    const std::vector<std::string> expected{
        "kworker;do_read_[k];copy_[k] 1",
        "prog;[prog+0x20];[prog+0x10] 1",
        "prog;[prog+0x20];[prog+0x10];do_read_[k];copy_[k] 3",
        "prog;[unknown user stack];do_read_[k];copy_[k] 1",
        "gone;[process ended before its map was read] 1",
    };
    std::ranges::sort(lines);
    auto sorted = expected;
    std::ranges::sort(sorted);
    CHECK(lines == sorted);
}

TEST_CASE("stacks: what is too deep or too many is marked and counted", "[profile][stacks]")
{
    const FakeRoot root;
    machine(root);
    StackCollector collector{symbol::Places(root.path()), {.frames = 130}};
    collector.on_sample(sample(2, 9, "prog"), Addresses(FB_STACK_FRAMES, 0x400010), {});
    collector.on_sample(sample(2, 9, "prog"), Addresses{0x400010, 0x400020}, {});
    collector.on_sample(sample(2, 9, "prog"), Addresses{0x400010, 0x400030}, {});
    const Stacks stacks = std::move(collector).finish(root.path());
    CHECK(stacks.cut == 1);
    CHECK(stacks.not_kept == 2);
    CHECK(stacks.counted() == 3);
    REQUIRE(stacks.stacks.size() == 2);
    CHECK_THAT(line_of(stacks, 0) + line_of(stacks, 1), ContainsSubstring("prog;[stack not kept] 2"));
    CHECK_THAT(line_of(stacks, 0) + line_of(stacks, 1), ContainsSubstring("prog;[outer frames not kept];[prog"));
}

TEST_CASE("stacks: a kernel that keeps less of them cuts them earlier", "[profile][stacks]")
{
    const FakeRoot root;
    machine(root);
    StackCollector collector{symbol::Places(root.path()), {.depth = 2}};
    collector.on_sample(sample(2, 9, "prog"), Addresses{0x400010}, Addresses{0xffffffff81000204});
    collector.on_sample(sample(2, 9, "prog"), Addresses{0x400010, 0x400020}, {});
    collector.on_sample(sample(2, 9, "prog"), Addresses{0x400010}, Addresses{0xffffffff81000204, 0xffffffff81000104});
    const Stacks stacks = std::move(collector).finish(root.path());
    CHECK(stacks.cut == 2);
    CHECK(std::ranges::count(stacks.frames, "[outer frames not kept]") == 1);
    CHECK(std::ranges::count(stacks.frames, "[outer frames not kept]_[k]") == 1);
}

TEST_CASE("stacks: every tick has a place in the account", "[profile][stacks]")
{
    Stacks stacks = some_stacks();
    CHECK(stacks.balances());
    CHECK(stacks.late() == 2);
    stacks.idle = 9;  // a clock that is early by a tick
    CHECK(stacks.late() == 0);
    ++stacks.dropped;
    CHECK_FALSE(stacks.balances());
    stacks = some_stacks();
    --stacks.stacks[0].samples;
    CHECK_FALSE(stacks.balances());
}

TEST_CASE("stacks: through a recording and into folded lines", "[profile][stacks]")
{
    const FakeRoot root;
    const std::string path = root.path() + "/stacks.fbr";
    const auto known = some_cgroups();
    auto writer = RecordingWriter::create(path, v2_meta(), known);
    REQUIRE(writer);
    Closing closing;
    closing.end_ns = 2 * kSecond;
    closing.stacks = some_stacks();
    REQUIRE(writer->close(closing));

    const auto snapshot = replay(path);
    REQUIRE(snapshot);
    REQUIRE(snapshot->stacks);
    CHECK(*snapshot->stacks == some_stacks());
    const std::string folded = report::render_folded_stacks(*snapshot, {});
    CHECK_THAT(folded, ContainsSubstring("a;web;a b;main;f(int: char);do_read_[k] 7\n"));
    CHECK_THAT(folded, ContainsSubstring("b;x;\\xff\\x0a 4\n"));
    CHECK_THAT(folded, ContainsSubstring("?0:99;y 1\n"));
    CHECK(std::ranges::count(folded, '\n') == 3);
    CHECK(report::render_folded_stacks(*snapshot, {"/b"}) == "b;x;\\xff\\x0a 4\n");

    closing.stacks.reset();
    auto without = RecordingWriter::create(path, v2_meta(), known);
    REQUIRE(without);
    REQUIRE(without->close(closing));
    const auto plain = replay(path);
    REQUIRE(plain);
    CHECK_FALSE(plain->stacks);
    CHECK(report::render_folded_stacks(*plain, {}).empty());
}
