// SPDX-License-Identifier: Apache-2.0
// The kernel's log as it was on 6.1 (one record for all of memory.stat), 6.12 (a line each) and a 6.18 with cgroup v1.
#include "flyball/oom/kernel_log.hpp"
#include "support/catch.hpp"

#include <string>

using namespace flyball;
using namespace flyball::oom;

namespace {

constexpr std::uint64_t kPage = 4096;

std::optional<LogReport> feed(LogParser& parser, std::initializer_list<const char*> records)
{
    std::optional<LogReport> last;
    for (const char* record : records) {
        CHECK_FALSE(last);  // nothing before the last line
        last = parser.feed(record, 7);
    }
    return last;
}

}  // namespace

TEST_CASE("kernel log: a kill as 6.12 reports it")
{
    LogParser parser(kPage);
    const auto found = feed(
        parser,
        {"4,351,6086605,-;tail invoked oom-killer: gfp_mask=0x100cca(GFP_HIGHUSER_MOVABLE), order=2, oom_score_adj=0",
         "4,356,6089413,-; dump_stack_lvl+0x5d/0x80",
         "6,383,6095446,-;memory: usage 16376kB, limit 16384kB, failcnt 1246",
         "6,384,6095500,-;swap: usage 12kB, limit 0kB, failcnt 0", "6,385,6095531,-;Memory cgroup stats for /x:y,z:",
         "6,386,6097084,-;anon 16441344", "6,387,6097084,-;file 8192", "6,388,6097084,-;kernel 303104",
         "6,395,6097246,-;shmem 4096", "6,396,6097246,-;zswap 0", "6,398,6097247,-;pgfault 5",
         "6,446,6097700,-;Tasks state (memory values in pages):",
         "6,447,6097715,-;[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents "
         "oom_score_adj name",
         "6,448,6097720,-;[    185]     0   185     4667     4331     4000      300        31    77824        3        "
         " "
         "-1000 a name (x)",
         "6,451,6098096,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,"
         "oom_memcg=/x:y,z,task_memcg=/x:y,z/w,task=tail,pid=185,uid=0"});
    REQUIRE(found);
    const fb_oom_report& report = found->report;
    CHECK(std::string(report.path) == "/x:y,z");
    CHECK(std::string(report.trigger_comm) == "tail");
    CHECK(report.order == 2);
    CHECK(report.victim_tid == 185);
    CHECK(report.flags == 0);
    CHECK(report.usage_bytes == 16376 * 1024);
    CHECK(report.limit_bytes == 16384 * 1024);
    CHECK(report.swap_bytes == 12 * 1024);
    CHECK(report.swap_limit_bytes == 0);
    CHECK(report.kinds[FB_MK_ANON] == 16441344);
    CHECK(report.kinds[FB_MK_SHMEM] == 4096);
    CHECK(report.kinds[FB_MK_ZSWAP] == 0);
    CHECK(report.kinds[FB_MK_SOCK] == ~0ULL);  // not told is not zero
    REQUIRE(found->members.size() == 1);
    const fb_oom_member& member = found->members[0];
    CHECK(member.tgid == 185);
    CHECK(std::string(member.comm) == "a name (x)");
    CHECK(member.oom_score_adj == -1000);
    CHECK(member.rss_bytes == 4331 * kPage);
    CHECK(member.anon_bytes == 4000 * kPage);
    CHECK(member.swap_bytes == 3 * kPage);
}

TEST_CASE("kernel log: 6.1 has memory.stat in one record and no parts of rss; nobody to kill")
{
    LogParser parser(kPage);
    const auto found =
        feed(parser,
             {"4,1,1,-;python3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=-1000",
              "6,2,1,-;memory: usage 65536kB, limit 65536kB, failcnt 9",
              "6,3,1,-;swap: usage 0kB, limit 9007199254740988kB, failcnt 0", "6,4,1,-;Memory cgroup stats for /job:",
              "6,5,1,-;anon 16420864\\x0afile 53248\\x0akernel 303104\\x0akernel_stack 32768\\x0ashmem 45056",
              "6,6,1,-;[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
              "6,7,1,-;[    137]     0   137     4667     4331    77824        0         -1000 python3",
              "4,8,1,-;Out of memory and no killable processes..."});
    REQUIRE(found);
    CHECK(found->report.flags == FB_OR_NOBODY);
    CHECK(std::string(found->report.path) == "/job");
    CHECK(found->report.swap_limit_bytes == ~0ULL);  // none
    CHECK(found->report.kinds[FB_MK_KERNEL_STACK] == 32768);
    CHECK(found->report.kinds[FB_MK_SHMEM] == 45056);
    REQUIRE(found->members.size() == 1);
    CHECK(found->members[0].rss_bytes == 4331 * kPage);
    CHECK(found->members[0].anon_bytes == ~0ULL);
}

TEST_CASE("kernel log: cgroup v1")
{
    LogParser parser(kPage);
    const auto found =
        feed(parser, {"4,1,1,-;a invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
                      "6,2,1,-;memory: usage 20480kB, limit 20480kB, failcnt 36",
                      "6,3,1,-;memory+swap: usage 20480kB, limit 9007199254740988kB, failcnt 0",
                      "6,4,1,-;kmem: usage 196kB, limit 9007199254740988kB, failcnt 0",
                      "6,5,1,-;Memory cgroup stats for /flyball/run-28326-0:", "6,6,1,-;cache 1", "6,7,1,-;rss 2",
                      "6,8,1,-;shmem 3", "6,9,1,-;total_cache 4096", "6,10,1,-;total_rss 20770816",
                      "6,11,1,-;total_shmem 8192", "6,12,1,-;total_swap 12288",
                      "6,13,1,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
                      "oom_memcg=/flyball/run-28326-0,task_memcg=/flyball/run-28326-0,task=a,pid=28334,uid=0"});
    REQUIRE(found);
    CHECK(found->report.kinds[FB_MK_ANON] == 20770816);
    CHECK(found->report.kinds[FB_MK_FILE] == 4096);
    CHECK(found->report.kinds[FB_MK_SHMEM] == 8192);
    CHECK(found->report.kinds[FB_MK_KERNEL] == 196 * 1024);
    CHECK(found->report.swap_bytes == 12288);
}

TEST_CASE("kernel log: what is no report, half of one, or of the whole machine")
{
    LogParser parser(kPage);
    CHECK_FALSE(parser.feed("", 1));
    CHECK_FALSE(parser.feed("no prefix", 1));
    CHECK_FALSE(
        parser.feed("6,1,1,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/x,task_memcg=/x,task=a,pid=1,uid=0", 1));
    CHECK_FALSE(parser.feed("4,1,1,-;a invoked oom-killer: gfp_mask=0xcc0, order=0, oom_score_adj=0", 1));
    parser.lost();
    CHECK_FALSE(
        parser.feed("6,1,1,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/x,task_memcg=/x,task=a,pid=1,uid=0", 1));
    CHECK_FALSE(parser.feed("4,1,1,-;b invoked oom-killer: gfp_mask=0xcc0, order=-1, oom_score_adj=0", 1));
    const auto global = parser.feed(
        "6,2,1,-;oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/x,"
        "task=a,pid=12,uid=0",
        1);
    REQUIRE(global);
    CHECK(global->report.flags == FB_OR_GLOBAL);
    CHECK(global->report.victim_tid == 12);
}
