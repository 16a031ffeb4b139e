// SPDX-License-Identifier: Apache-2.0
// From records to verdicts, against a kernel that counts right, counts otherwise, or has lost its cgroup.
#include "flyball/oom/watcher.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"
#include "unit/profile/make.hpp"

#include <map>

using namespace flyball;
using namespace flyball::oom;
using namespace flyball::profile::test;
using flyball::test::kMs;

namespace {

const std::vector<profile::KnownCgroup> kKnown{{0, 10, "/job"}};

class FakeSurroundings final : public Surroundings {
public:
    std::map<std::string, MemoryEvents> events;
    std::vector<Living> left;

    std::optional<MemoryEvents> memory_events(const std::string& path) override
    {
        const auto found = events.find(path);
        return found == events.end() ? std::nullopt : std::optional(found->second);
    }
    std::vector<Living> living(const std::string&) override { return left; }
    std::optional<std::string> oom_group(const std::string&) override { return std::nullopt; }

    void count(std::uint64_t kills, std::uint64_t groups = 0)
    {
        MemoryEvents& job = events["/job"];
        for (auto* of : {&job.local, &job.hierarchical}) {
            (*of)["oom_kill"] += kills;
            (*of)["oom_group_kill"] += groups;
            (*of)["oom"] += 1;
        }
    }
};

profile::Meta meta()
{
    profile::Meta meta = v2_meta();
    for (const char* metric : {"oom.decision", "oom.group", "oom.members", "oom.freed"})
        meta.coverage.push_back(
            {.metric = metric, .available = true, .hook = "fentry/oom_kill_process", .note = "", .remedy = ""});
    return meta;
}

struct Run {
    FakeSurroundings around;
    std::optional<Watcher> watcher;
    std::uint64_t now_ns = 1000 * kMs;

    Run()
    {
        around.events["/job"].local["oom_kill"] = 7;  // of days before
        around.events["/job"].hierarchical["oom_kill"] = 7;
        watcher.emplace(meta(), kKnown, around);
    }
    // One kill of one process, all of it, and its verdict.
    std::vector<Judged> kill(std::uint32_t tgid, std::uint64_t counted = 1)
    {
        begin(tgid);
        around.count(counted);
        return end(tgid);
    }
    void begin(std::uint32_t tgid)
    {
        control(*watcher, decision(10, now_ns, tgid));
        control(*watcher, policy(0, 10, now_ns + 1, tgid));
        control(*watcher, oom_task(FB_EV_OOM_SIGKILL, 10, now_ns + 2, tgid));
        control(*watcher, oom_task(FB_EV_OOM_VICTIM, 10, now_ns + 3, tgid));
    }
    std::vector<Judged> end(std::uint32_t tgid)
    {
        control(*watcher, oom_task(FB_EV_OOM_EXIT, 10, now_ns + kMs, tgid));
        control(*watcher, oom_task(FB_EV_OOM_FREED, 10, now_ns + kMs + 1, tgid));
        now_ns += 1000 * kMs;
        CHECK(watcher->advance(now_ns).empty());  // it is asked about now, and told at the next round
        return watcher->advance(now_ns += 50 * kMs);
    }
};

void remove_job(Watcher& watcher, std::uint64_t kills)
{
    fb_cgroup removed{};
    removed.hdr = header(FB_EV_CGROUP, FB_P_CGROUP, 10, 1);
    removed.hdr.size = sizeof removed;
    removed.op = FB_CG_RMDIR;
    removed.last.valid = FB_CV_MEMORY;
    removed.last.memory_events[3] = removed.last.memory_events[4] = kills;
    control(watcher, removed);
}

}  // namespace

TEST_CASE("watcher: a verdict for each kill, numbered, cross-checked from where the run began")
{
    Run run;
    for (std::uint32_t i = 0; i < 3; ++i) {
        const auto judged = run.kill(20 + i);
        REQUIRE(judged.size() == 1);
        INFO(judged[0].verdict.summary);
        CHECK(judged[0].number == i + 1);
        CHECK(judged[0].verdict.outcome == Outcome::Pass);
    }
    CHECK(run.watcher->idle());
}

TEST_CASE("watcher: a kill that the kernel counted and nobody saw is told once")
{
    Run run;
    const auto judged = run.kill(20, 2);
    REQUIRE(judged.size() == 1);
    CHECK(judged[0].verdict.outcome == Outcome::Inconclusive);
    CHECK(run.kill(21).at(0).verdict.outcome == Outcome::Pass);
}

TEST_CASE("watcher: a kill that the kernel did not count")
{
    Run run;
    CHECK(run.kill(20, 0).at(0).verdict.outcome == Outcome::Inconclusive);
    CHECK(run.kill(21).at(0).verdict.outcome == Outcome::Pass);
}

TEST_CASE("watcher: what is counted and not yet assembled is no disagreement")
{
    Run run;
    run.begin(20);
    run.around.count(1);
    // The next one has begun when the files are read.
    fb_oom_kill next = decision(10, run.now_ns + 900 * kMs, 21);
    control(*run.watcher, oom_task(FB_EV_OOM_EXIT, 10, run.now_ns + kMs, 20));
    control(*run.watcher, oom_task(FB_EV_OOM_FREED, 10, run.now_ns + kMs, 20));
    run.around.count(1);
    (void)run.watcher->advance(run.now_ns + 500 * kMs);
    control(*run.watcher, next);
    control(*run.watcher, oom_task(FB_EV_OOM_SIGKILL, 10, run.now_ns + 900 * kMs + 2, 21));
    control(*run.watcher, oom_task(FB_EV_OOM_VICTIM, 10, run.now_ns + 900 * kMs + 3, 21));
    const auto judged = run.watcher->advance(run.now_ns + 910 * kMs);
    REQUIRE(judged.size() == 1);
    INFO(judged[0].verdict.summary);
    CHECK(judged[0].verdict.outcome == Outcome::Pass);
    CHECK_FALSE(run.watcher->idle());
}

TEST_CASE("watcher: the cgroup is gone: what it had counted at its removal counts")
{
    for (const std::uint64_t last : {8U, 9U}) {
        Run run;
        run.begin(20);
        run.around.events.clear();
        remove_job(*run.watcher, last);
        const auto judged = run.end(20);
        REQUIRE(judged.size() == 1);
        INFO(judged[0].verdict.summary);
        CHECK(judged[0].verdict.outcome == (last == 8 ? Outcome::Pass : Outcome::Inconclusive));
    }
}

TEST_CASE("watcher: a loss concerns what is under way, not what comes after")
{
    Run run;
    run.watcher->on_loss_check(run.now_ns - 1, {"lost before"});
    run.begin(20);
    run.around.count(1);
    SECTION("before it")
    {
        CHECK(run.end(20).at(0).verdict.outcome == Outcome::Pass);
    }
    SECTION("meanwhile")
    {
        run.watcher->on_loss_check(run.now_ns + kMs, {"lost"});
        CHECK(run.end(20).at(0).verdict.outcome == Outcome::Inconclusive);
        CHECK(run.kill(21).at(0).verdict.outcome == Outcome::Pass);
    }
}

TEST_CASE("watcher: the end of the run gives what is left")
{
    Run run;
    run.begin(20);
    run.around.count(1);
    const auto judged = run.watcher->finish(run.now_ns + kMs);
    REQUIRE(judged.size() == 1);
    CHECK(judged[0].verdict.outcome == Outcome::Fail);  // marked, and not gone
}

TEST_CASE("watcher: cgroups that come and go by the thousand are forgotten, and a path that comes back starts anew")
{
    Run run;
    const auto life = [&](std::uint32_t op, std::uint64_t id, std::uint64_t kills) {
        fb_cgroup record = profile::test::cgroup(op, id, "/job/run");
        record.hdr.ts_ns = run.now_ns;
        record.last.valid = op == FB_CG_RMDIR ? FB_CV_MEMORY : 0;
        record.last.memory_events[3] = record.last.memory_events[4] = kills;
        control(*run.watcher, record);
    };
    std::size_t most = 0;
    for (std::uint64_t i = 0; i < 300; ++i) {
        const std::uint64_t id = 1000 + i;
        life(FB_CG_MKDIR, id, 0);
        const auto tgid = static_cast<std::uint32_t>(50'000 + i);
        control(*run.watcher, decision(id, run.now_ns, tgid));
        control(*run.watcher, policy(0, id, run.now_ns + 1, tgid));
        control(*run.watcher, oom_task(FB_EV_OOM_SIGKILL, id, run.now_ns + 2, tgid));
        control(*run.watcher, oom_task(FB_EV_OOM_VICTIM, id, run.now_ns + 3, tgid));
        control(*run.watcher, oom_task(FB_EV_OOM_EXIT, id, run.now_ns + 4, tgid));
        control(*run.watcher, oom_task(FB_EV_OOM_FREED, id, run.now_ns + 5, tgid));
        run.around.events["/job"].hierarchical["oom_kill"] += 1;
        run.now_ns += 500 * kMs;
        (void)run.watcher->advance(run.now_ns);
        life(FB_CG_RMDIR, id, 1);
        const auto judged = run.watcher->advance(run.now_ns += 50 * kMs);
        REQUIRE(judged.size() == 1);
        INFO(i << ": " << judged[0].verdict.summary);
        REQUIRE(judged[0].verdict.outcome == Outcome::Pass);
        // Now and then it stays away for some minutes.
        for (int quiet = 0; i % 10 == 9 && quiet < 20; ++quiet)
            (void)run.watcher->advance(run.now_ns += 10'000 * kMs);
        most = std::max(most, run.watcher->feed().known_cgroups());
    }
    CHECK(most < 60);
    // What was killed below it is not forgotten.
    control(*run.watcher, decision(10, run.now_ns, 20));
    control(*run.watcher, policy(0, 10, run.now_ns + 1, 20));
    control(*run.watcher, oom_task(FB_EV_OOM_SIGKILL, 10, run.now_ns + 2, 20));
    control(*run.watcher, oom_task(FB_EV_OOM_VICTIM, 10, run.now_ns + 3, 20));
    run.around.count(1);
    const auto judged = run.end(20);
    REQUIRE(judged.size() == 1);
    INFO(judged[0].verdict.summary);
    CHECK(judged[0].verdict.outcome == Outcome::Pass);
}
