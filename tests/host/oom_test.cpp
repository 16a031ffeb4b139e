// SPDX-License-Identifier: Apache-2.0
// OOM kills: who, by which limit and policy, in which order of events.
#include "support/recorder.hpp"

#include <algorithm>
#include <set>

using namespace flyball::test;

namespace {

constexpr std::uint64_t kLimit = 64 * kMiB;

struct Run {
    nlohmann::json truth;
    Report report;
};

Run run_out_of_memory(const TestCgroup& cgroup)
{
    cgroup.memory_max(kLimit);
    Recorder recorder;
    Words words{"oomgroup", "3", "--each", "8"};
    for (const std::string& directory : cgroup.dirs())
        words.insert(words.end(), {"--into", directory});
    Load load(words);
    auto truth = load.truth(patience(15));
    return {std::move(truth), recorder.stop()};
}

const Oom* episode_of(const std::vector<Oom>& ooms, const std::string& path, std::size_t& how_many)
{
    const Oom* found = nullptr;
    how_many = 0;
    for (const Oom& oom : ooms) {
        const bool ours = oom.domain == path || (!oom.victims.empty() && oom.victims[0].cgroup == path);
        if (!ours)
            continue;
        found = &oom;
        ++how_many;
    }
    return found;
}

void check_order(const Victim& victim)
{
    INFO("victim " << victim.pid);
    REQUIRE(victim.marked_ns);
    REQUIRE(victim.sigkill_ns);
    REQUIRE(victim.exit_ns);
    CHECK(*victim.sigkill_ns <= *victim.marked_ns);  // the kernel's own order
    CHECK(*victim.marked_ns <= *victim.exit_ns);
}

void check_victims(const Oom& oom, const std::vector<std::uint64_t>& killed, const std::string& path)
{
    std::set<std::uint64_t> ours;
    for (const Victim& victim : oom.victims) {
        ours.insert(victim.pid);
        CHECK(victim.cgroup == path);
        check_order(victim);
    }
    CHECK(oom.victims.size() == killed.size());
    CHECK(ours == std::set<std::uint64_t>(killed.begin(), killed.end()));
    CHECK(std::ranges::is_sorted(oom.victims, {}, &Victim::marked_ns));
}

void check_decision(const Oom& oom, const std::string& path)
{
    if (!oom.decision_seen)
        return;  // no fentry on this kernel: coverage says so
    CHECK(oom.domain == path);
    CHECK(oom.limit == kLimit);
    REQUIRE(oom.usage);
    CHECK(*oom.usage <= kLimit);
    CHECK(*oom.usage >= kLimit - kMiB);
}

}  // namespace

TEST_CASE("one OOM kill: the victim that died, nobody else", "[kernel][oom]")
{
    require_root();
    const TestCgroup cgroup("oom-one");
    const Run run = run_out_of_memory(cgroup);
    INFO(run.report.misses());
    const auto killed = run.truth.at("killed").get<std::vector<std::uint64_t>>();
    REQUIRE(killed.size() == 1);
    REQUIRE(killed[0] == run.truth.at("hog"));

    std::size_t episodes = 0;
    const std::vector<Oom> ooms = run.report.ooms();
    const Oom* oom = episode_of(ooms, cgroup.path(), episodes);
    REQUIRE(episodes == 1);
    check_victims(*oom, killed, cgroup.path());
    check_decision(*oom, cgroup.path());
    CHECK(oom->group.value_or(false) == false);
}

TEST_CASE("memory.oom.group: all three die by one decision", "[kernel][oom]")
{
    require_root();
    TestCgroup::require_unified("memory", "memory.oom.group");
    const TestCgroup cgroup("oom-group");
    cgroup.oom_group();
    const Run run = run_out_of_memory(cgroup);
    INFO(run.report.misses());
    const auto killed = run.truth.at("killed").get<std::vector<std::uint64_t>>();
    REQUIRE(killed.size() == 3);

    std::size_t episodes = 0;
    const std::vector<Oom> ooms = run.report.ooms();
    const Oom* oom = episode_of(ooms, cgroup.path(), episodes);
    REQUIRE(episodes == 1);
    check_victims(*oom, killed, cgroup.path());
    check_decision(*oom, cgroup.path());
    if (oom->group) {
        CHECK(*oom->group);
        CHECK(oom->group_cgroup == cgroup.path());
    }
}
