// SPDX-License-Identifier: Apache-2.0
// The ledger on a real kernel: loads whose right answer is known, and the kernel's own sums.
#include "support/books.hpp"

#include <sched.h>

using namespace flyball::test;
using flyball::ledger::Account;
using flyball::ledger::Family;
using flyball::ledger::Part;
using flyball::ledger::total;

namespace {

// Of the time in question. Other loads of a busy machine take CPU too, and are named as such.
constexpr double kLedgerPoints = 4;

std::uint64_t waited(const Account& account)
{
    return total(account.parts, Family::Wait);
}

std::uint64_t of(const flyball::ledger::Blame* blame)
{
    return blame == nullptr ? 0 : blame->ns;
}

// Each thread to the CPU that it is not on, by turns: most of them wait meanwhile.
void push_around(pid_t process, int round)
{
    std::error_code gone;
    int thread = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task", gone)) {
        cpu_set_t cpu;
        CPU_ZERO(&cpu);
        CPU_SET(static_cast<unsigned>(round + thread++) % 2, &cpu);
        (void)sched_setaffinity(std::stoi(entry.path().filename()), sizeof cpu, &cpu);
    }
}

// cpu.pressure, io.pressure, memory.pressure: "some ... total=USEC"
std::uint64_t pressure_ns(const TestCgroup& cgroup, const std::string& controller)
{
    const std::string text = cgroup.read(controller, controller + ".pressure");
    if (text.empty())
        return 0;
    return 1000 * std::stoull(text.substr(text.find("total=") + 6));
}

}  // namespace

TEST_CASE("two pinned spinners of weights 100 and 300: 75 and 25 in the matrix", "[kernel][ledger]")
{
    require_root();
    const TestCgroup light("light"), heavy("heavy");
    light.cpu_weight(100);
    heavy.cpu_weight(300);
    BookRecorder run;
    Load first(light, {"--pin", "0", "spin", "4"}), second(heavy, {"--pin", "0", "spin", "4"});
    const auto heavy_tid = static_cast<std::uint32_t>(second.process().pid());
    const auto light_truth = first.truth(), heavy_truth = second.truth();
    const std::uint64_t wall = light_truth.at("wall_ns");
    run.stop();

    const Account &a = run.account(light), &b = run.account(heavy);
    INFO(words(a) << "\n" << words(b));
    // CPU time: the slices without the interrupts and the steal within them, as the task's own clock has it.
    CHECK(percent_off(static_cast<double>(part(a, Part::Run)), static_cast<double>(light_truth.at("cpu_ns"))) <= 4);
    CHECK(percent_off(static_cast<double>(part(b, Part::Run)), static_cast<double>(heavy_truth.at("cpu_ns"))) <= 4);
    // other tasks, interrupts and steal
    const double others = 100 - share(part(a, Part::Run) + part(b, Part::Run), wall);
    const auto *by_heavy = blame(a.displaced_by, heavy.path()), *by_light = blame(b.displaced_by, light.path());
    INFO("others on that CPU: " << others << " % of the wall");
    CHECK(std::abs(share(of(by_heavy), of(by_heavy) + of(by_light)) - 75) <= kLedgerPoints);
    CHECK(std::abs(share(of(by_heavy), wall) - (75 - others * 3 / 4)) <= kLedgerPoints);
    CHECK(std::abs(share(of(by_light), wall) - (25 - others / 4)) <= kLedgerPoints);
    // One wants, the other runs: what each took from the other is what it ran meanwhile.
    CHECK(percent_off(static_cast<double>(of(by_heavy)), static_cast<double>(part(b, Part::Run))) <= 6);
    CHECK(percent_off(static_cast<double>(of(by_light)), static_cast<double>(part(a, Part::Run))) <= 6);
    // all of it on that CPU, but for what was before they were pinned
    REQUIRE(by_heavy->by_cpu.contains(0));
    CHECK(share(by_heavy->by_cpu.at(0), by_heavy->ns) > 98);
    REQUIRE(!by_heavy->tasks.empty());
    CHECK(by_heavy->tasks[0].tid == heavy_tid);
}

TEST_CASE("three duty cycles on one CPU: each ran its share, and nobody took more than he ran", "[kernel][ledger]")
{
    require_root();
    struct Case {
        TestCgroup cgroup;
        const char *busy_us, *period_us;
        double percent;
    };
    Case cases[] = {{TestCgroup("duty-a"), "4000", "20000", 20},
                    {TestCgroup("duty-b"), "9000", "30000", 30},
                    {TestCgroup("duty-c"), "5000", "50000", 10}};
    BookRecorder run;
    std::vector<Load> loads;
    for (const Case& c : cases)
        loads.emplace_back(c.cgroup,
                           Words{"--pin", "0", "duty", "4", "--busy-us", c.busy_us, "--period-us", c.period_us});
    std::vector<double> asked;  // what each truly did: an emulated or crowded machine stretches a load
    for (Load& load : loads) {
        const auto truth = load.truth();
        asked.push_back(share(truth.at("cpu_ns"), truth.at("wall_ns")));
    }
    run.stop();

    for (std::size_t i = 0; i < std::size(cases); ++i) {
        const Case& c = cases[i];
        const Account& account = run.account(c.cgroup);
        INFO(words(account) << " asked for " << asked[i] << " %");
        // Its CPU clock leaves out interrupts and steal; switches that the host hides are unknown.
        const double ran = share(part(account, Part::Run), account.life_ns);
        CHECK(std::abs(ran - asked[i]) <= 1 + share(part(account, Part::Unknown), account.life_ns));
        if (std::abs(asked[i] - c.percent) <= 2)
            CHECK(std::abs(ran - c.percent) <= kLedgerPoints);
        CHECK(total(account.parts) == account.life_ns);
        // what it did not run or wait it slept, by choice
        CHECK(share(part(account, Part::Sleep) + part(account, Part::Unknown) + part(account, Part::Interrupted),
                    account.life_ns) >= 97 - ran - share(waited(account), account.life_ns));
        for (const Case& other : cases) {
            const Account& aggressor = run.account(other.cgroup);
            CHECK(of(blame(account.displaced_by, other.cgroup.path())) <=
                  part(aggressor, Part::Run) + part(aggressor, Part::Interrupted));
        }
    }
}

TEST_CASE("a parent's quota of 30 % over an unlimited child: the parent is named for all of it", "[kernel][ledger]")
{
    require_root();
    const TestCgroup parent("parent");
    const TestCgroup child = parent.child("service");
    parent.cpu_max(30'000, 100'000);
    BookRecorder run;
    const std::uint64_t wall = run_load(child, {"--pin", "0", "spin", "4"}).at("wall_ns");
    run.stop();

    const Account& account = run.account(child);
    INFO(words(account));
    REQUIRE(account.held_by.size() == 1);
    CHECK(account.held_by[0].path == parent.path());
    CHECK(account.held_by[0].ns == part(account, Part::Held));
    CHECK(share(part(account, Part::Held), wall) <= 70 + kLedgerPoints);
    // What a quota counts is CPU time: interrupts and steal within the slices are not in it.
    CHECK(share(waited(account) + part(account, Part::Interrupted), wall) >= 70 - kLedgerPoints);
    // One task on one CPU: the hold is the parent's throttled time, and no contention.
    CHECK(percent_off(static_cast<double>(part(account, Part::Held)), static_cast<double>(parent.throttled_ns())) <= 4);
}

TEST_CASE("nested quotas: the binding one is named", "[kernel][ledger]")
{
    require_root();
    const TestCgroup outer("outer");
    const TestCgroup inner = outer.child("inner");
    outer.cpu_max(80'000, 100'000);
    inner.cpu_max(20'000, 100'000);
    BookRecorder run;
    run_load(inner, {"--pin", "0", "spin", "3"});
    run.stop();
    const Account& account = run.account(inner);
    INFO(words(account));
    CHECK(part(account, Part::Held) > 0);
    CHECK(share(of(blame(account.held_by, inner.path())), part(account, Part::Held)) > 98);
    CHECK(of(blame(account.held_by, "?")) == 0);
}

TEST_CASE("a sleeper that wakes on a busy CPU blames exactly the occupant", "[kernel][ledger]")
{
    require_root();
    const TestCgroup sleepy("sleepy"), busy("busy");
    BookRecorder run;
    Load occupant(busy, {"--pin", "0", "spin", "3"});
    occupant.wait_until_inside(busy);
    const auto occupant_tid = static_cast<std::uint32_t>(occupant.process().pid());
    run_load(sleepy, {"--pin", "0", "sleepwake", "400", "--period-us", "5000"});
    occupant.truth();
    run.stop();
    const Account& account = run.account(sleepy);
    INFO(words(account));
    REQUIRE(!account.displaced_by.empty());
    const auto* by = blame(account.displaced_by, busy.path());
    REQUIRE(by != nullptr);
    // On a busy host there are other occupants, and they are named; interrupts and steal have their own part.
    const std::uint64_t by_tasks = waited(account) - part(account, Part::WaitInterrupts);
    CHECK(share(part(account, Part::Displaced) + part(account, Part::KernelThreads), by_tasks) > 85);
    if (in_lab())
        CHECK(share(by->ns, part(account, Part::Displaced)) > 75);
    CHECK(share(part(account, Part::WaitIdle), waited(account)) < 5);
    REQUIRE(!by->tasks.empty());
    CHECK(by->tasks[0].tid == occupant_tid);
    CHECK(by->tasks[0].ns == by->ns);
    CHECK(part(account, Part::OwnTasks) == 0);
    CHECK(part(account, Part::Held) == 0);
}

TEST_CASE("tasks that are moved while they wait keep their sums", "[kernel][ledger]")
{
    require_root();
    const TestCgroup crowd("crowd"), rival("rival");
    BookRecorder run;
    {
        Load many(crowd, {"spin", "3", "--threads", "5"}), other(rival, {"spin", "3", "--threads", "2"});
        many.wait_until_inside(crowd);
        for (int round = 0; round < 40; ++round, sleep_ms(50))
            push_around(many.process().pid(), round);
        many.truth();
        other.truth();
    }
    run.stop();
    const Account& account = run.account(crowd);
    INFO(words(account));
    const auto profile = std::ranges::find(run.snapshot.cgroups, crowd.path(), &flyball::profile::CgroupProfile::path);
    REQUIRE(profile != run.snapshot.cgroups.end());
    const auto moves = profile->count_of(FB_M_MIGRATIONS).sum;
    INFO(moves << " moves");
    CHECK(moves > 20);
    // The ledger's waits are those of the histogram, but for what was still waiting at the end.
    const std::uint64_t summed = profile->of(FB_M_CPU_WAIT).sum64() + profile->of(FB_M_CPU_THROTTLED_WAIT).sum64();
    CHECK(percent_off(static_cast<double>(waited(account)), static_cast<double>(summed)) <= 1);
    CHECK(part(account, Part::OwnTasks) > 0);
    CHECK(of(blame(account.displaced_by, rival.path())) > 0);
    CHECK(share(part(account, Part::WaitUnknown), waited(account)) < 5);  // a host may hide some
}

TEST_CASE("cpu.pressure of one task is its wait and its hold", "[kernel][ledger]")
{
    require_root();
    const TestCgroup alone("alone"), rival("rival");
    alone.cpu_max(30'000, 100'000);
    if (alone.read("cpu", "cpu.pressure").empty())
        FB_SKIP("no cpu.pressure here (cgroup v1, or PSI is off)");
    BookRecorder run;
    Load other(rival, {"--pin", "0", "spin", "3"});
    run_load(alone, {"--pin", "0", "spin", "3"});
    const std::uint64_t kernel = pressure_ns(alone, "cpu");
    other.truth();
    run.stop();
    const Account& account = run.account(alone);
    INFO(words(account) << " cpu.pressure " << kernel / 1000 << " us");
    // PSI averages over CPUs by how much each was non-idle: one pinned task keeps that simple.
    CHECK(percent_off(static_cast<double>(waited(account)), static_cast<double>(kernel)) <= 5);
    // Before v6.6 throttled time runs on while nobody is there to be held.
    CHECK(part(account, Part::Held) <= alone.throttled_ns() * 21 / 20);
    CHECK(part(account, Part::Held) >= alone.throttled_ns() * 17 / 20);
}

TEST_CASE("memory.high: asleep for it, as memory.pressure says", "[kernel][ledger]")
{
    require_root();
    TestCgroup::require_unified("memory", "memory.high");
    const TestCgroup cgroup("high");
    cgroup.memory_high(32 * kMiB);
    BookRecorder run;
    run_load(cgroup, {"--pin", "0", "alloc", "34", "--touch"});
    const std::uint64_t kernel = pressure_ns(cgroup, "memory");
    run.stop();
    const Account& account = run.account(cgroup);
    INFO(words(account) << " memory.pressure " << kernel / 1000 << " us");
    CHECK(part(account, Part::MemoryHigh) > 50 * kMs);
    const std::uint64_t memory = part(account, Part::MemoryHigh) + part(account, Part::MemoryReclaim) +
                                 part(account, Part::MemoryRefault) + part(account, Part::MemoryOther);
    CHECK(share(part(account, Part::MemoryHigh), memory) > 80);
    // PSI counts the work of reclaim too: the sleep is no more than it.
    CHECK(memory <= kernel + kernel / 10);
    CHECK(percent_off(static_cast<double>(memory), static_cast<double>(kernel)) <= 35);
}

TEST_CASE("a device that takes 2 ms: that long in the device, as io.pressure says", "[kernel][ledger]")
{
    require_root();
    const std::string completion = read_text("/sys/module/null_blk/parameters/completion_nsec");
    if (!std::filesystem::exists("/dev/nullb0") || completion.empty())
        FB_SKIP("no /dev/nullb0 (tools/lab --null-blk completion_nsec=2000000,irqmode=2)");
    const TestCgroup cgroup("device");
    BookRecorder run;
    run_load(cgroup, {"--pin", "0", "dio", "/dev/nullb0", "--read", "--bs", "4096", "--count", "300"});
    const std::uint64_t kernel = pressure_ns(cgroup, "io");
    run.stop();
    const Account& account = run.account(cgroup);
    INFO(words(account) << " io.pressure " << kernel / 1000 << " us");
    const double expected = 300 * std::stod(completion);
    CHECK(static_cast<double>(part(account, Part::IoDevice)) >= expected * 0.95);
    CHECK(static_cast<double>(part(account, Part::IoDevice)) <= expected * 2);  // an emulated timer is late
    const std::uint64_t blocked = part(account, Part::IoDevice) + part(account, Part::IoQueued) +
                                  part(account, Part::IoThrottled) + part(account, Part::IoOther);
    CHECK(share(part(account, Part::IoDevice), blocked) > 85);
    if (kernel != 0)
        CHECK(percent_off(static_cast<double>(blocked), static_cast<double>(kernel)) <= 10);
}
