// SPDX-License-Identifier: Apache-2.0
// From records to verdicts, against a kernel that counts right, counts otherwise, or has lost its cgroup.
#include "flyball/oom/watcher.hpp"
#include "support/catch.hpp"
#include "support/units.hpp"
#include "unit/profile/make.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <span>
#include <vector>

using namespace flyball;
using namespace flyball::oom;
using namespace flyball::profile::test;
using flyball::test::kMs;

namespace {

const std::vector<profile::KnownCgroup> kKnown{{0, 10, "/job"}, {0, 11, "/writer"}};

class FakeSurroundings final : public Surroundings {
public:
    std::map<std::uint64_t, fb_memcg> memcgs;
    std::vector<fb_oom_member> left;
    std::vector<fb_oom_grew> grew;
    std::optional<std::uint64_t> group;
    std::uint64_t now_ns = 0;
    bool readable = true;

    std::optional<std::vector<fb_memcg>> counted() override
    {
        std::vector<fb_memcg> all;
        for (auto& [id, memcg] : memcgs) {
            memcg.hdr = header(FB_EV_MEMCG, FB_P_NONE, id, now_ns);
            memcg.hdr.size = sizeof memcg;
            all.push_back(memcg);
        }
        return readable ? std::optional(all) : std::nullopt;
    }
    std::optional<std::vector<fb_oom_member>> living(std::uint64_t id, const std::string&) override
    {
        return memcgs.contains(id) ? left : std::vector<fb_oom_member>{};
    }
    std::optional<std::uint64_t> oom_group(std::uint64_t, const std::string&, const std::string&) override
    {
        return group;
    }
    std::optional<fb_oom_report> memory(std::uint64_t, const std::string&) override { return std::nullopt; }
    std::uint64_t sample(std::uint64_t now) override { return now + 1000 * kMs; }
    std::vector<fb_oom_grew> grown(const GrowthAsked&) override { return grew; }

    void count(std::uint64_t kills, std::uint64_t groups = 0, std::uint64_t id = 10)
    {
        memcgs[id].oom_kill += kills;
        memcgs[id].oom_group_kill += groups;
        memcgs[id].oom += 1;
    }
};

fb_oom_member left_over(std::uint32_t tgid, std::uint64_t cgroup)
{
    fb_oom_member member{};
    member.hdr = header(FB_EV_OOM_MEMBER, FB_P_NONE, cgroup, 1);
    member.hdr.size = sizeof member;
    member.kind = FB_OM_LEFT;
    member.tid = member.tgid = tgid;
    member.rss_bytes = member.anon_bytes = member.file_bytes = member.shmem_bytes = member.swap_bytes = ~0ULL;
    return member;
}

profile::Meta meta()
{
    profile::Meta meta = v2_meta();
    for (const char* metric : {"oom.decision", "oom.group", "oom.members", "oom.freed", "oom.counters"})
        meta.coverage.push_back(
            {.metric = metric, .available = true, .hook = "fentry/oom_kill_process", .note = "", .remedy = ""});
    return meta;
}

struct Run {
    FakeSurroundings around;
    std::vector<std::vector<std::byte>> recorded;  // what a recording of it has
    std::optional<Watcher> watcher;
    std::uint64_t now_ns = 1000 * kMs;

    Run()
    {
        around.memcgs[10].oom_kill = 7;  // of days before
        around.now_ns = 1;
        watcher.emplace(meta(), kKnown, around, [this](std::span<const std::byte> record) { play(record); });
        watcher->begin(1);
    }
    void play(std::span<const std::byte> record)
    {
        recorded.emplace_back(record.begin(), record.end());
        watcher->on_control(record);
    }
    template <class Record>
    void play(const Record& record)
    {
        play(bytes_of(record));
    }
    [[nodiscard]] std::vector<Judged> advance(std::uint64_t at_ns)
    {
        around.now_ns = at_ns;
        return watcher->advance(at_ns);
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
        play(decision(10, now_ns, tgid));
        play(policy(0, 10, now_ns + 1, tgid));
        play(oom_task(FB_EV_OOM_SIGKILL, 10, now_ns + 2, tgid));
        play(oom_task(FB_EV_OOM_VICTIM, 10, now_ns + 3, tgid));
    }
    std::vector<Judged> end(std::uint32_t tgid)
    {
        play(oom_task(FB_EV_OOM_EXIT, 10, now_ns + kMs, tgid));
        play(oom_task(FB_EV_OOM_FREED, 10, now_ns + kMs + 1, tgid));
        now_ns += 1000 * kMs;
        CHECK(advance(now_ns).empty());  // it is asked about now, and told at the next round
        return advance(now_ns += 50 * kMs);
    }
};

void remove_job(Run& run, std::uint64_t kills)
{
    fb_cgroup removed{};
    removed.hdr = header(FB_EV_CGROUP, FB_P_CGROUP, 10, run.now_ns + kMs);
    removed.hdr.size = sizeof removed;
    removed.op = FB_CG_RMDIR;
    removed.last.valid = FB_CV_MEMORY;
    removed.last.memory_events[3] = removed.last.memory_events[4] = kills;
    run.play(removed);
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
    // The next one has begun when the counters are read.
    run.play(oom_task(FB_EV_OOM_EXIT, 10, run.now_ns + kMs, 20));
    run.play(oom_task(FB_EV_OOM_FREED, 10, run.now_ns + kMs, 20));
    run.around.count(1);
    (void)run.advance(run.now_ns + 500 * kMs);
    run.play(decision(10, run.now_ns + 499 * kMs, 21));
    run.play(oom_task(FB_EV_OOM_SIGKILL, 10, run.now_ns + 500 * kMs + 2, 21));
    run.play(oom_task(FB_EV_OOM_VICTIM, 10, run.now_ns + 500 * kMs + 3, 21));
    const auto judged = run.advance(run.now_ns + 510 * kMs);
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
        run.around.memcgs.clear();
        remove_job(run, last);
        const auto judged = run.end(20);
        REQUIRE(judged.size() == 1);
        INFO(judged[0].verdict.summary);
        CHECK(judged[0].verdict.outcome == (last == 8 ? Outcome::Pass : Outcome::Inconclusive));
    }
}

// A unit with Restart=always is back within a tenth of a second, in a cgroup of the same path.
TEST_CASE("watcher: a path that is made again is another cgroup")
{
    Run run;
    for (std::uint64_t life = 0; life < 4; ++life) {
        const std::uint64_t id = 100 + life;
        run.play(profile::test::cgroup(FB_CG_MKDIR, id, "/unit"));
        const auto tgid = static_cast<std::uint32_t>(50 + life);
        run.play(decision(id, run.now_ns, tgid));
        run.play(policy(id, id, run.now_ns + 1, tgid));
        run.play(oom_task(FB_EV_OOM_SIGKILL, id, run.now_ns + 2, tgid));
        run.play(oom_task(FB_EV_OOM_VICTIM, id, run.now_ns + 3, tgid));
        run.play(oom_task(FB_EV_OOM_EXIT, id, run.now_ns + kMs, tgid));
        run.play(oom_task(FB_EV_OOM_FREED, id, run.now_ns + kMs, tgid));
        fb_cgroup gone = profile::test::cgroup(FB_CG_RMDIR, id, "/unit");
        gone.hdr.ts_ns = run.now_ns + 2 * kMs;
        gone.last.valid = FB_CV_MEMORY;
        gone.last.memory_events[3] = gone.last.memory_events[5] = 1;
        gone.last.memory_events[4] = 2;
        run.play(gone);
        // The next life has its processes, and counters of its own, when it is looked at.
        run.around.memcgs.erase(id);
        run.around.memcgs[id + 1] = {};
        run.around.left = {left_over(60 + tgid, id + 1)};
        run.now_ns += 1000 * kMs;
        CHECK(run.advance(run.now_ns).empty());
        const auto judged = run.advance(run.now_ns += 50 * kMs);
        REQUIRE(judged.size() == 1);
        INFO(life << ": " << judged[0].verdict.summary);
        CHECK(judged[0].verdict.outcome == Outcome::Pass);
        CHECK(judged[0].verdict.survivors.empty());
        CHECK(judged[0].episode.domain_id == id);
    }
}

TEST_CASE("watcher: a recording gives the verdicts that were given live")
{
    Run run;
    std::vector<Judged> live;
    const auto pass_time = [&](int seconds) {
        for (int i = 0; i < seconds * 4; ++i) {
            for (Judged& judged : run.advance(run.now_ns += 250 * kMs))
                live.push_back(std::move(judged));
        }
    };
    // Kills far from each other, one that nobody saw, and memory that was out without one, over three readings.
    for (const std::uint64_t counted : {1U, 2U, 1U}) {
        const auto judged = run.kill(static_cast<std::uint32_t>(20 + live.size()), counted);
        live.insert(live.end(), judged.begin(), judged.end());
        pass_time(50);
    }
    REQUIRE(live.size() >= 3);
    CHECK(live[1].verdict.outcome == Outcome::Inconclusive);
    for (int i = 0; i < 3; ++i) {
        run.around.memcgs[10].oom += 4;
        pass_time(1);
    }
    pass_time(50);
    CHECK(live.back().episode.kind == profile::OomEpisode::Kind::NotKilled);
    Watcher replayed(meta(), kKnown);
    std::vector<Judged> again;
    for (const auto& record : run.recorded) {
        replayed.on_control(record);
        fb_hdr hdr{};
        std::memcpy(&hdr, record.data(), sizeof hdr);
        for (Judged& judged : replayed.advance(hdr.ts_ns))
            again.push_back(std::move(judged));
    }
    for (Judged& judged : replayed.finish(run.now_ns))
        again.push_back(std::move(judged));
    CHECK(again.size() == live.size());
    CHECK(again == live);
}

TEST_CASE("watcher: a loss concerns what is under way, not what comes after")
{
    Run run;
    const auto lose = [&](std::uint64_t at_ns) {
        fb_loss loss{};
        loss.hdr = header(FB_EV_LOSS, FB_P_NONE, 0, at_ns);
        loss.hdr.size = sizeof loss;
        loss.dropped = 1;
        run.play(loss);
    };
    lose(run.now_ns - 1);
    run.begin(20);
    run.around.count(1);
    SECTION("before it")
    {
        CHECK(run.end(20).at(0).verdict.outcome == Outcome::Pass);
    }
    SECTION("meanwhile")
    {
        lose(run.now_ns + kMs);
        CHECK(run.end(20).at(0).verdict.outcome == Outcome::Inconclusive);
        CHECK(run.kill(21).at(0).verdict.outcome == Outcome::Pass);
    }
}

TEST_CASE("watcher: the end of the run gives what is left")
{
    Run run;
    run.begin(20);
    run.around.count(1);
    run.around.now_ns = run.now_ns + kMs;
    run.watcher->end(run.now_ns + kMs);
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
        run.play(record);
    };
    std::size_t most = 0;
    for (std::uint64_t i = 0; i < 300; ++i) {
        const std::uint64_t id = 1000 + i;
        life(FB_CG_MKDIR, id, 0);
        const auto tgid = static_cast<std::uint32_t>(50'000 + i);
        run.play(decision(id, run.now_ns, tgid));
        run.play(policy(0, id, run.now_ns + 1, tgid));
        run.play(oom_task(FB_EV_OOM_SIGKILL, id, run.now_ns + 2, tgid));
        run.play(oom_task(FB_EV_OOM_VICTIM, id, run.now_ns + 3, tgid));
        run.play(oom_task(FB_EV_OOM_EXIT, id, run.now_ns + 4, tgid));
        run.play(oom_task(FB_EV_OOM_FREED, id, run.now_ns + 5, tgid));
        run.now_ns += 500 * kMs;
        (void)run.advance(run.now_ns);
        life(FB_CG_RMDIR, id, 1);
        const auto judged = run.advance(run.now_ns += 50 * kMs);
        REQUIRE(judged.size() == 1);
        INFO(i << ": " << judged[0].verdict.summary);
        REQUIRE(judged[0].verdict.outcome == Outcome::Pass);
        // Now and then it stays away for some minutes.
        for (int quiet = 0; i % 10 == 9 && quiet < 20; ++quiet)
            (void)run.advance(run.now_ns += 10'000 * kMs);
        most = std::max(most, run.watcher->feed().known_cgroups());
    }
    CHECK(most < 60);
}

namespace {

fb_oom_nobody nobody(std::uint64_t id, std::uint64_t ts_ns, std::uint64_t times)
{
    fb_oom_nobody record{};
    record.hdr = header(FB_EV_OOM_NOBODY, FB_P_OOM, id, ts_ns);
    record.hdr.size = sizeof record;
    record.limit_bytes = 64 << 20;
    record.usage_bytes = 64 << 20;
    record.times = times;
    record.trigger_tid = record.trigger_tgid = 273;
    return record;
}

fb_oom_member scanned(std::uint32_t tgid, std::uint64_t rss_bytes, std::int32_t adj, std::uint64_t ts_ns)
{
    fb_oom_member member = left_over(tgid, 10);
    member.hdr.ts_ns = ts_ns;
    member.hdr.prog = FB_P_OOM;
    member.kind = FB_OM_SCANNED;
    member.rss_bytes = rss_bytes;
    member.oom_score_adj = adj;
    member.current_tid = 273;
    std::memcpy(member.comm, "hog", 4);
    return member;
}

// Until it is told, with the counters read each second.
std::vector<Judged> wait(Run& run, int seconds)
{
    std::vector<Judged> all;
    for (int i = 0; i < seconds * 4; ++i) {
        for (Judged& judged : run.advance(run.now_ns += 250 * kMs))
            all.push_back(std::move(judged));
    }
    return all;
}

}  // namespace

TEST_CASE("watcher: out of memory with nobody to kill is told within seconds, with who holds it")
{
    Run run;
    run.play(scanned(273, 62 << 20, -1000, run.now_ns));
    run.play(scanned(274, 1 << 20, -1000, run.now_ns));
    run.play(nobody(10, run.now_ns, 1));
    for (std::uint64_t i = 1; i <= 9; ++i)
        run.play(nobody(10, run.now_ns + i * 250 * kMs, 13));
    const auto judged = wait(run, 6);
    REQUIRE(judged.size() == 1);
    CHECK(judged[0].episode.kind == profile::OomEpisode::Kind::NobodyKillable);
    CHECK(judged[0].verdict.outcome == Outcome::Fail);
    CHECK(judged[0].verdict.summary ==
          "/job out of memory 118 times: nobody could be killed: hog (pid 273) holds 62.0 MiB of 64.0 MiB and has "
          "oom_score_adj -1000");
    CHECK(run.watcher->idle());
}

TEST_CASE("watcher: a writer of memory.max who finds nobody any more has only looked again")
{
    const auto killed_by_a_writer = [](Run& run, std::uint64_t asker_cgroup, bool protected_one) {
        run.begin(20);
        fb_oom_nobody again = nobody(10, run.now_ns + kMs, 1);
        again.trigger_tid = again.trigger_tgid = 9;
        again.trigger_cgroup_id = asker_cgroup;
        if (protected_one) {
            fb_oom_member member = scanned(21, 8 << 20, -1000, run.now_ns + kMs);
            member.current_tid = again.trigger_tid;
            run.play(member);
        }
        run.play(again);
        run.around.count(1);
        run.play(oom_task(FB_EV_OOM_EXIT, 10, run.now_ns + 2 * kMs, 20));
        run.play(oom_task(FB_EV_OOM_FREED, 10, run.now_ns + 2 * kMs, 20));
        return wait(run, 6);
    };
    Run outside, inside, left;
    const auto judged = killed_by_a_writer(outside, 11, false);
    REQUIRE(judged.size() == 1);
    CHECK(judged[0].verdict.outcome == Outcome::Pass);
    // One of its own still wants memory; one that may not be killed still holds some.
    CHECK(killed_by_a_writer(inside, 10, false).size() == 2);
    CHECK(killed_by_a_writer(left, 11, true).size() == 2);
}

TEST_CASE("watcher: what goes on without a kill is told again once a minute, and holds up no kill")
{
    Run run;
    std::size_t told = 0, kills = 0;
    for (int second = 0; second < 150; ++second) {
        run.play(nobody(10, run.now_ns, 10));
        if (second % 50 == 20) {
            run.begin(static_cast<std::uint32_t>(500 + second));
            run.around.count(1);
            run.play(oom_task(FB_EV_OOM_EXIT, 10, run.now_ns + kMs, static_cast<std::uint32_t>(500 + second)));
            run.play(oom_task(FB_EV_OOM_FREED, 10, run.now_ns + kMs, static_cast<std::uint32_t>(500 + second)));
        }
        for (const Judged& judged : wait(run, 1)) {
            (judged.episode.kind == profile::OomEpisode::Kind::Kill ? kills : told) += 1;
            CHECK(judged.episode.times > 0);
        }
    }
    CHECK(kills == 3);
    CHECK(told >= 3);
    CHECK(told <= 4);
}

TEST_CASE("watcher: what the kernel has counted and no event told of is an episode")
{
    Run run;
    SECTION("memory was out, and nobody was killed")
    {
        run.around.memcgs[10].oom += 117;
        const auto judged = wait(run, 16);
        REQUIRE(judged.size() == 1);
        CHECK(judged[0].episode.kind == profile::OomEpisode::Kind::NotKilled);
        CHECK(judged[0].episode.times == 117);
        CHECK(judged[0].verdict.outcome == Outcome::Inconclusive);
    }
    SECTION("a kill")
    {
        run.around.count(3);
        const auto judged = wait(run, 16);
        REQUIRE(judged.size() == 1);
        CHECK(judged[0].episode.kind == profile::OomEpisode::Kind::UnseenKill);
        CHECK(judged[0].verdict.outcome == Outcome::Inconclusive);
        CHECK(judged[0].verdict.summary == "/job: the kernel counted 3 kills, and no event told of it");
    }
    SECTION("a kill, and several allocations that ran into the limit with it")
    {
        run.around.memcgs[10].oom += 4;
        CHECK(run.kill(20).size() == 1);
        CHECK(wait(run, 16).empty());
    }
    SECTION("memory that a kill in the same place has made, seen late")
    {
        CHECK(run.kill(20).size() == 1);
        (void)wait(run, 10);
        run.around.memcgs[10].oom += 2;
        CHECK(wait(run, 16).empty());
        (void)wait(run, 30);
        run.around.memcgs[10].oom += 2;
        CHECK(wait(run, 16).size() == 1);
    }
    SECTION("where it cannot be read nothing is said")
    {
        run.around.readable = false;
        run.around.memcgs[10].oom += 117;
        CHECK(wait(run, 16).empty());
        const auto judged = run.kill(20);
        REQUIRE(judged.size() == 1);
        CHECK(judged[0].verdict.outcome == Outcome::Pass);
        CHECK_FALSE(judged[0].verdict.unknown.empty());
    }
}

TEST_CASE("watcher: stalled at its limit without a kill is a livelock, reading through a small cache is none")
{
    for (const std::uint64_t percent : {95U, 50U}) {
        Run run;
        std::vector<Judged> all;
        run.around.memcgs[10].stalled_ns = 0;
        for (int second = 0; second < 25; ++second) {
            run.around.memcgs[10].max += 500;
            run.around.memcgs[10].limit_bytes = 64 << 20;
            run.around.memcgs[10].stalled_ns += percent * 10 * kMs;
            for (Judged& judged : wait(run, 1))
                all.push_back(std::move(judged));
        }
        INFO(percent);
        if (percent < 60) {
            CHECK(all.empty());
            continue;
        }
        REQUIRE_FALSE(all.empty());
        CHECK(all.size() <= 2);  // once, and again no sooner than in a minute
        CHECK(all[0].episode.kind == profile::OomEpisode::Kind::Livelock);
        CHECK(all[0].verdict.outcome == Outcome::Inconclusive);  // whether it gets anywhere is not known
        CHECK(all[0].episode.stalled_ns >= 9'000 * kMs);
        CHECK(all[0].verdict.summary.find("all its tasks were stalled on memory for") != std::string::npos);
    }
}

TEST_CASE("watcher: where the kernel cannot be hooked, its log says which limit was hit and who holds it")
{
    Run run;
    fb_oom_report report{};
    report.hdr = header(FB_EV_OOM_REPORT, FB_P_NONE, 0, run.now_ns);
    report.hdr.size = sizeof report;
    std::ranges::fill(report.kinds, ~0ULL);
    report.usage_bytes = report.limit_bytes = 64 << 20;
    report.swap_bytes = report.swap_limit_bytes = ~0ULL;
    report.kinds[FB_MK_ANON] = 62 << 20;
    std::memcpy(report.path, "/job", 5);
    std::memcpy(report.trigger_comm, "asker", 6);
    fb_oom_member member = scanned(273, 62 << 20, -1000, run.now_ns);
    member.kind = FB_OM_LOGGED;
    run.play(member);
    SECTION("nobody to kill")
    {
        report.flags = FB_OR_NOBODY;
        run.play(report);
        const auto judged = wait(run, 6);
        REQUIRE(judged.size() == 1);
        CHECK(judged[0].verdict.outcome == Outcome::Fail);
        CHECK(judged[0].episode.domain_id == 10);
        CHECK(judged[0].verdict.summary.find("hog (pid 273) holds 62.0 MiB of 64.0 MiB") != std::string::npos);
    }
    SECTION("a kill")
    {
        report.victim_tid = 20;
        run.play(oom_task(FB_EV_OOM_SIGKILL, 10, run.now_ns + 2, 20));
        run.play(oom_task(FB_EV_OOM_VICTIM, 10, run.now_ns + 3, 20));
        run.play(report);
        run.around.count(1);
        const auto judged = run.end(20);
        REQUIRE(judged.size() == 1);
        CHECK(judged[0].episode.logged);
        CHECK(judged[0].episode.limit_bytes == 64 << 20);
        CHECK(judged[0].episode.trigger_comm == "asker");
        CHECK(judged[0].verdict.why.size() == 2);  // what memory was, and who holds it
    }
}
