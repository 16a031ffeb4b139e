// SPDX-License-Identifier: Apache-2.0
// The ledger against the truth of random schedules, to the nanosecond; and that it would notice.
#include "flyball/ledger/ledger.hpp"
#include "schedule.hpp"
#include "support/catch.hpp"

#include <string>

using namespace flyball;
using namespace flyball::ledger;
using flyball::test::Bug;
using flyball::test::Schedule;
using flyball::test::TrueAccount;

namespace {

const std::map<std::uint64_t, std::string> kPaths{{1, "/"},         {10, "/quota"}, {11, "/quota/a"},
                                                  {12, "/quota/b"}, {20, "/rival"}, {30, "/other"}};

std::vector<profile::KnownCgroup> known()
{
    std::vector<profile::KnownCgroup> result;
    for (const auto& [id, path] : kPaths)
        result.push_back({.hierarchy = 0, .id = id, .path = path});
    return result;
}

Books keep_books(const Schedule& schedule)
{
    profile::Meta meta;
    meta.hierarchy = {{"cpu", 0}, {"io", 0}};
    meta.start_ns = Schedule::start();
    const auto cgroups = known();
    Ledger ledger(meta, cgroups);
    for (const fb_event& event : schedule.events())
        ledger.on_event(event);
    profile::Snapshot snapshot;
    snapshot.meta = meta;
    snapshot.meta.end_ns = schedule.now();
    snapshot.paths[0] = kPaths;
    const auto records = schedule.records();
    return std::move(ledger).finish(snapshot, records, records);
}

const Account* find(const Books& books, const std::string& path)
{
    const auto found = std::ranges::find(books.accounts, path, &Account::path);
    return found == books.accounts.end() ? nullptr : &*found;
}

std::map<std::string, std::uint64_t> cells(const std::vector<Blame>& blames)
{
    std::map<std::string, std::uint64_t> result;
    for (const Blame& blame : blames)
        result[blame.path] = blame.ns;
    return result;
}

std::map<std::string, std::uint64_t> cells(const std::map<std::uint64_t, std::uint64_t>& truth)
{
    std::map<std::string, std::uint64_t> result;
    for (const auto& [id, ns] : truth)
        result[kPaths.at(id)] = ns;
    return result;
}

// What is still waiting when the window closes is charged too, but its wait has not ended: the truth of a
// schedule books a wait at its end. So only ended waits are compared: the schedules end with nobody waiting.
bool agree(const Account& account, const TrueAccount& truth)
{
    return at(account.parts, Part::Run) == truth.run && at(account.parts, Part::WaitIdle) == truth.idle &&
           at(account.parts, Part::OwnTasks) == truth.own && at(account.parts, Part::KernelThreads) == truth.kernel &&
           at(account.parts, Part::Sleep) == truth.sleep && account.waits == truth.waits &&
           cells(account.held_by) == cells(truth.held_by) && cells(account.displaced_by) == cells(truth.displaced_by);
}

// 0: all accounts are the true ones.
int disagreements(const Books& books, const Schedule& schedule)
{
    int wrong = 0;
    for (const auto& [id, truth] : schedule.truth()) {
        const Account* account = find(books, kPaths.at(id));
        if (account == nullptr || !agree(*account, truth))
            ++wrong;
    }
    return wrong;
}

}  // namespace

TEST_CASE("random schedules: every nanosecond goes where it truly went", "[ledger]")
{
    // 52: each number of CPUs with each of tasks.
    for (unsigned seed = 1; seed <= 52; ++seed) {
        const std::uint32_t cpus = 1 + seed % 4, tasks = 2 + seed % 13;
        Schedule schedule(seed, cpus, tasks);
        schedule.run(2400);
        schedule.settle();
        const Books books = keep_books(schedule);
        CAPTURE(seed, cpus, tasks);
        CHECK(disagreements(books, schedule) == 0);
        CHECK(books.proof.unbalanced_waits == 0);
        CHECK(books.proof.unbalanced_accounts == 0);
        CHECK(books.proof.chain_breaks == 0);
        CHECK(books.proof.waits > 100);
        std::uint64_t life = 0;
        for (const Account& account : books.accounts) {
            life += account.life_ns;
            CHECK(total(account.parts) == account.life_ns);
            std::uint64_t displaced = 0;
            for (const Blame& blame : account.displaced_by)
                displaced += blame.ns;
            CHECK(displaced == at(account.parts, Part::Displaced));
            CHECK(at(account.parts, Part::Unknown) == 0);
            CHECK(at(account.parts, Part::WaitUnknown) == 0);
        }
        CHECK(life == tasks * (schedule.now() - Schedule::start()));  // tasks x wall time
    }
}

TEST_CASE("with a shipped bug put in, the same check fails", "[ledger]")
{
    const std::pair<Bug, const char*> bugs[] = {
        {Bug::ThrottledWaitIsContention, "a throttled wait counted as contention"},
        {Bug::OwnLimitOnly, "the ancestor's limit hidden behind the own one"},
        {Bug::CurrentIsTheWokenTask, "current taken for the woken task"},
        {Bug::IdleIsATask, "pid 0 shared by all CPUs"},
        {Bug::OneEpisodeACgroup, "throttling dated by cgroup alone"},
        {Bug::MovesAreNotTold, "a task migrated in mid-wait"},
    };
    for (const auto& [bug, what] : bugs) {
        CAPTURE(what);
        Schedule schedule(7, 3, 9, bug);
        schedule.run(3000);
        schedule.settle();
        CHECK(disagreements(keep_books(schedule), schedule) > 0);
    }
}

TEST_CASE("lost switches are named, never spread over the others", "[ledger]")
{
    Schedule schedule(3, 2, 8);
    schedule.run(3000);
    schedule.settle();
    std::size_t n = 0;
    profile::Meta meta;
    meta.hierarchy = {{"cpu", 0}, {"io", 0}};
    meta.start_ns = Schedule::start();
    const auto cgroups = known();
    Ledger ledger(meta, cgroups);
    for (const fb_event& event : schedule.events()) {
        if (event.hdr.type != FB_EV_SWITCH || ++n % 10 != 0)
            ledger.on_event(event);
    }
    profile::Snapshot snapshot;
    snapshot.meta = meta;
    snapshot.meta.end_ns = schedule.now();
    snapshot.paths[0] = kPaths;
    const auto records = schedule.records();
    const Books books = std::move(ledger).finish(snapshot, records, records);
    CHECK(books.proof.chain_breaks > 50);
    CHECK(books.proof.unbalanced_waits == 0);
    CHECK(books.proof.unbalanced_accounts == 0);
    std::uint64_t unknown = 0;
    for (const Account& account : books.accounts) {
        unknown += at(account.parts, Part::Unknown) + at(account.parts, Part::WaitUnknown);
        const auto truth = schedule.truth().find(
            std::ranges::find(kPaths, account.path, &std::pair<const std::uint64_t, std::string>::second)->first);
        REQUIRE(truth != schedule.truth().end());
        // nobody is blamed for more than he took
        for (const Blame& blame : account.displaced_by) {
            const auto cell = cells(truth->second.displaced_by).at(blame.path);
            CHECK(blame.ns <= cell);
        }
    }
    CHECK(unknown > 0);
}
