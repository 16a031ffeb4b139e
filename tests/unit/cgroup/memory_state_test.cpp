// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/cgroup/memory_state.hpp"

using namespace flyball::cgroup;
using flyball::test::FakeRoot;

namespace {

// In the order of 6.12, without the fields that nobody asks for.
constexpr const char* kUnifiedStat =
    "anon 1077248\nfile 8388608\nkernel 790528\nkernel_stack 32768\npagetables 98304\nsock 4096\nshmem 12288\n"
    "file_mapped 2097152\nfile_dirty 8192\nfile_writeback 16384\ninactive_anon 1050000\nactive_anon 39536\n"
    "inactive_file 6000000\nactive_file 2376320\nunevictable 20480\nslab_reclaimable 300000\nslab_unreclaimable "
    "200000\n"
    "slab 500000\nworkingset_refault_anon 3\nworkingset_refault_file 44\nworkingset_activate_anon 1\n"
    "workingset_activate_file 22\npgscan 1000\npgsteal 900\npgscan_direct 990\npgsteal_direct 890\npgmajfault 12\n";

}  // namespace

TEST_CASE("memory.stat of cgroup v2", "[cgroup][memory_state]")
{
    MemoryState state;
    parse_memory_stat(kUnifiedStat, true, state);
    CHECK(state.anon == 1077248U);
    CHECK(state.file == 8388608U);
    CHECK(state.kernel == 790528U);
    CHECK(state.sock == 4096U);
    CHECK(state.shmem == 12288U);
    CHECK(state.unevictable == 20480U);
    CHECK(state.slab_reclaimable == 300000U);
    CHECK(state.slab_unreclaimable == 200000U);
    CHECK(state.inactive_anon == 1050000U);
    CHECK(state.active_anon == 39536U);
    CHECK(state.inactive_file == 6000000U);
    CHECK(state.active_file == 2376320U);
    CHECK(state.file_dirty == 8192U);
    CHECK(state.file_writeback == 16384U);
    CHECK(state.refault_anon == 3U);
    CHECK(state.refault_file == 44U);
    CHECK(state.activate_anon == 1U);
    CHECK(state.activate_file == 22U);
    CHECK(state.pgscan == 1000U);
    CHECK(state.pgsteal == 900U);
    CHECK(state.pgmajfault == 12U);
    CHECK_FALSE(state.current);
}

TEST_CASE("memory.stat of cgroup v1 is the hierarchy's", "[cgroup][memory_state]")
{
    MemoryState state;
    parse_memory_stat(
        "cache 1\nrss 2\nshmem 3\nworkingset_refault_file 4\nhierarchical_memory_limit 9223372036854771712\n"
        "total_cache 8388608\ntotal_rss 1077248\ntotal_shmem 12288\ntotal_mapped_file 5\ntotal_dirty 8192\n"
        "total_writeback 16384\ntotal_workingset_refault_anon 3\ntotal_workingset_refault_file 44\n"
        "total_swap 65536\ntotal_pgmajfault 12\ntotal_inactive_anon 1050000\ntotal_active_file 2376320\n"
        "total_unevictable 20480\n",
        false, state);
    CHECK(state.anon == 1077248U);
    CHECK(state.file == 8388608U);
    CHECK(state.shmem == 12288U);
    CHECK(state.file_dirty == 8192U);
    CHECK(state.file_writeback == 16384U);
    CHECK(state.refault_file == 44U);
    CHECK(state.swap_current == 65536U);
    CHECK(state.inactive_anon == 1050000U);
    CHECK(state.active_file == 2376320U);
    CHECK(state.unevictable == 20480U);
    // v1 has none of these there.
    CHECK_FALSE(state.kernel);
    CHECK_FALSE(state.slab_unreclaimable);
    CHECK_FALSE(state.pgscan);
    CHECK_FALSE(state.swap_max);
}

TEST_CASE("memory state: what is missing is no zero", "[cgroup][memory_state]")
{
    MemoryState state;
    parse_memory_stat("anon x\nfile\nsock 1 2\nshmem 18446744073709551616\nano", true, state);
    CHECK(state == MemoryState{});
    CHECK(read_memory_state({}, "/a") == MemoryState{});
}

TEST_CASE("memory state of a machine with v2", "[cgroup][memory_state]")
{
    const FakeRoot root;
    root.unified();
    const std::string at = "/sys/fs/cgroup/a/";
    root.file(at + "memory.stat", kUnifiedStat);
    root.file(at + "memory.current", "10256384\n");
    root.file(at + "memory.peak", "20971520\n");
    root.file(at + "memory.swap.current", "0\n");
    root.file(at + "memory.swap.max", "max\n");
    const auto layout = detect(root.path());
    REQUIRE(layout);
    MemoryState state = read_memory_state(*layout, "/a");
    CHECK(state.current == 10256384U);
    CHECK(state.peak == 20971520U);
    CHECK(state.swap_current == 0U);
    CHECK(state.swap_max == kUnlimited);
    CHECK(state.anon == 1077248U);
    root.file(at + "memory.swap.max", "1048576\n");
    CHECK(read_memory_state(*layout, "/a").swap_max == 1048576U);
    CHECK(read_memory_state(*layout, "/gone") == MemoryState{});
}

TEST_CASE("memory state of a machine with v1", "[cgroup][memory_state]")
{
    const FakeRoot root;
    root.hybrid();
    const std::string at = "/sys/fs/cgroup/memory/a/";
    root.file(at + "memory.stat", "rss 1\ntotal_rss 4096\ntotal_cache 8192\ntotal_swap 12288\n");
    root.file(at + "memory.usage_in_bytes", "20480\n");
    root.file(at + "memory.max_usage_in_bytes", "40960\n");
    root.file(at + "memory.kmem.usage_in_bytes", "8192\n");
    root.file(at + "memory.kmem.tcp.usage_in_bytes", "0\n");
    root.file("/sys/fs/cgroup/unified/a/memory.current", "1\n");
    const auto layout = detect(root.path());
    REQUIRE(layout);
    const MemoryState state = read_memory_state(*layout, "/a");
    CHECK(state.current == 20480U);
    CHECK(state.peak == 40960U);
    CHECK(state.anon == 4096U);
    CHECK(state.file == 8192U);
    CHECK(state.kernel == 8192U);
    CHECK(state.sock == 0U);
    CHECK(state.swap_current == 12288U);
    CHECK_FALSE(state.swap_max);
}
