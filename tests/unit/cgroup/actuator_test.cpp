// SPDX-License-Identifier: Apache-2.0
// Limits are put back: by us, by the watchdog, at the next start; what would harm is refused, what is foreign is left.
#include "fixture.hpp"
#include "flyball/cgroup/actuator.hpp"
#include "support/catch.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <random>
#include <thread>

using namespace flyball;
using namespace flyball::cgroup;
using flyball::test::FakeRoot;

namespace {

struct Bench {
    FakeRoot root;
    std::string cgroup = root.path() + "/job";
    ActuatorOptions options;

    Bench()
    {
        root.file("/job/memory.high", "max\n");
        root.file("/job/memory.max", "1073741824\n");
        root.file("/job/memory.current", "50000000\n");
        root.file("/job/cpu.max", "20000 100000\n");
        root.file("/job/cpu.max.burst", "5000\n");
        root.file("/job/pids.max", "max\n");
        root.file("/job/pids.current", "7\n");
        options.journal_directory = root.path() + "/journal";
    }
    [[nodiscard]] std::string read(const std::string& file) const
    {
        std::ifstream in(cgroup + "/" + file);
        std::string line;
        std::getline(in, line);
        return line;
    }
    [[nodiscard]] std::size_t journals() const
    {
        std::size_t n = 0;
        std::error_code none;
        for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(options.journal_directory, none))
            ++n;
        return n;
    }
    [[nodiscard]] bool as_it_was() const
    {
        return read("memory.high") == "max" && read("memory.max") == "1073741824" &&
               read("cpu.max") == "20000 100000" && read("cpu.max.burst") == "5000" && read("pids.max") == "max";
    }
    // The watchdog has two seconds.
    [[nodiscard]] bool settles() const
    {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2) + 2 * options.lease;
        while (std::chrono::steady_clock::now() < end) {
            if (journals() == 0)
                return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        return journals() == 0;
    }
};

// Sets this and that, as fast as it can, until it is killed.
[[noreturn]] void tune_for_ever(const Bench& bench, int ready)
{
    auto actuator = Actuator::open(bench.options);
    if (!actuator)
        ::_exit(9);
    for (std::uint64_t i = 0;; ++i) {
        const std::string quota = std::to_string(30000 + i % 1000) + " 100000";
        const std::string high = std::to_string(60'000'000 + 65536 * (i % 100));
        if (!actuator->set(bench.cgroup, "cpu.max", quota) || !actuator->set(bench.cgroup, "memory.high", high) ||
            !actuator->set(bench.cgroup, "pids.max", std::to_string(50 + i % 9)))
            ::_exit(8);
        if (i == 0)
            (void)!::write(ready, "", 1);
    }
}

}  // namespace

TEST_CASE("actuator: what was set is there, and goes with it")
{
    Bench bench;
    {
        auto actuator = Actuator::open(bench.options);
        REQUIRE(actuator);
        REQUIRE(actuator->set(bench.cgroup, "memory.high", "100000000"));
        REQUIRE(actuator->set(bench.cgroup, "memory.high", "90000000"));
        REQUIRE(actuator->set(bench.cgroup, "cpu.max", "50000 100000"));
        CHECK(bench.read("memory.high") == "90000000");
        CHECK(bench.read("cpu.max") == "50000 100000");
        CHECK(bench.journals() == 1);
    }
    CHECK(bench.as_it_was());
    CHECK(bench.journals() == 0);
}

TEST_CASE("actuator: what would kill, what is no limit and what the kernel would refuse is not written")
{
    Bench bench;
    auto actuator = Actuator::open(bench.options);
    REQUIRE(actuator);
    struct Case {
        const char *file, *value;
    };
    for (const Case& c :
         {Case{"memory.max", "40000000"}, Case{"pids.max", "5"}, Case{"pids.max", "0"}, Case{"cpu.max", "10 100000"},
          Case{"cpu.weight", "0"}, Case{"memory.high", "lots"}, Case{"memory.high", "-1"}, Case{"cgroup.kill", "1"},
          Case{"../x/memory.high", "max"}, Case{"io.weight", "10001"}, Case{"io.weight", "254:0 100"},
          Case{"io.bfq.weight", "1001"}, Case{"io.bfq.weight", "0"}}) {
        INFO(c.file << " " << c.value);
        const auto refused = actuator->set(bench.cgroup, c.file, c.value);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().kind == ErrorKind::Usage);
    }
    CHECK(bench.as_it_was());
    CHECK(actuator->set(bench.cgroup, "memory.max", "60000000"));
    CHECK(actuator->set(bench.cgroup, "pids.max", "max"));
}

TEST_CASE("actuator: a burst that the kernel scaled along is put back, and never stands in the quota's way")
{
    Bench bench;
    auto actuator = Actuator::open(bench.options);
    REQUIRE(actuator);
    REQUIRE(actuator->set(bench.cgroup, "cpu.max", "200000 100000"));
    bench.root.file("/job/cpu.max.burst", "50000\n");
    const RestoreReport report = actuator->revert();
    CHECK(report.complete());
    CHECK(report.foreign.empty());
    CHECK(bench.as_it_was());
}

TEST_CASE("actuator: somebody else's value ends the work and is left alone")
{
    Bench bench;
    auto actuator = Actuator::open(bench.options);
    REQUIRE(actuator);
    REQUIRE(actuator->set(bench.cgroup, "memory.high", "100000000"));
    REQUIRE(actuator->set(bench.cgroup, "pids.max", "60"));
    bench.root.file("/job/memory.high", "77000000\n");
    const auto refused = actuator->set(bench.cgroup, "memory.high", "90000000");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what.find("77000000") != std::string::npos);
    const RestoreReport report = actuator->revert();
    CHECK(report.foreign.size() == 1);
    CHECK(report.restored == 1);
    CHECK(bench.read("memory.high") == "77000000");
    CHECK(bench.read("pids.max") == "max");
}

TEST_CASE("actuator: a cgroup that is gone, or was made anew, is nobody's")
{
    Bench bench;
    auto actuator = Actuator::open(bench.options);
    REQUIRE(actuator);
    REQUIRE(actuator->set(bench.cgroup, "pids.max", "60"));
    std::filesystem::rename(bench.cgroup, bench.root.path() + "/other");
    bench.root.file("/job/pids.max", "60\n");
    const RestoreReport report = actuator->revert();
    CHECK(report.gone == 1);
    CHECK(report.complete());
    CHECK(bench.read("pids.max") == "60");
}

namespace {

// Signs of life for three leases. False: this very process was held up for as long, and the lease may have run out.
bool keep_alive(Actuator& actuator, std::chrono::milliseconds lease)
{
    auto last = std::chrono::steady_clock::now();
    for (int i = 0; i < 10; ++i) {
        std::this_thread::sleep_for(lease * 3 / 10);
        const bool beaten = actuator.beat().has_value();
        const auto now = std::chrono::steady_clock::now();
        if (now - last > lease * 8 / 10)
            return false;
        REQUIRE(beaten);
        last = now;
    }
    return true;
}

}  // namespace

TEST_CASE("actuator: silence for longer than the lease undoes everything, and no more is written")
{
    // On a busy machine longer ones: sooner or later it is not held up for so long.
    for (std::chrono::milliseconds lease(100); lease < std::chrono::seconds(10); lease *= 2) {
        Bench bench;
        bench.options.lease = lease;
        auto actuator = Actuator::open(bench.options);
        REQUIRE(actuator);
        REQUIRE(actuator->set(bench.cgroup, "pids.max", "60"));
        if (!keep_alive(*actuator, lease))
            continue;
        CHECK(bench.read("pids.max") == "60");
        REQUIRE(bench.settles());
        CHECK(bench.as_it_was());
        const auto late = actuator->set(bench.cgroup, "pids.max", "61");
        REQUIRE_FALSE(late);
        CHECK(bench.as_it_was());
        return;
    }
    FB_SKIP("needs a machine that does not hold a process up for eight seconds");
}

TEST_CASE("actuator: SIGKILL at any moment: the watchdog puts everything back")
{
    std::mt19937 random(20261121);
    Bench bench;
    for (int i = 0; i < 100; ++i) {
        int ready[2];
        REQUIRE(::pipe(ready) == 0);
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0)
            tune_for_ever(bench, ready[1]);
        char byte = 0;
        REQUIRE(::read(ready[0], &byte, 1) == 1);
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 5000));
        REQUIRE(::kill(child, SIGKILL) == 0);
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(WIFSIGNALED(status));
        ::close(ready[0]);
        ::close(ready[1]);
        INFO("round " << i);
        REQUIRE(bench.settles());
        REQUIRE(bench.as_it_was());
    }
}

TEST_CASE("actuator: when the watchdog is killed too, the next start puts everything back; the living are left alone")
{
    Bench bench;
    bench.options.watchdog = false;
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0)
        tune_for_ever(bench, ready[1]);
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    const RestoreReport meanwhile = recover(bench.options.journal_directory);
    CHECK(meanwhile.restored == 0);
    CHECK(bench.journals() == 1);
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    ::close(ready[0]);
    ::close(ready[1]);
    CHECK_FALSE(bench.as_it_was());
    const RestoreReport report = recover(bench.options.journal_directory);
    CHECK(report.complete());
    CHECK(report.restored >= 1);
    CHECK(bench.as_it_was());
    CHECK(bench.journals() == 0);
}

TEST_CASE("actuator: a cut line was never acted on; a damaged journal is said, and kept")
{
    Bench bench;
    const std::string head = "{\"flyball_journal\":1,\"pid\":999999999,\"start\":1}\n";
    bench.root.file("/journal/1-0.journal", head + "{\"directory\":\"/x\",\"fi");
    CHECK(recover(bench.options.journal_directory).complete());
    CHECK(bench.journals() == 0);
    bench.root.file("/journal/1-0.journal", head + "{\"directory\":7}\n");
    const RestoreReport report = recover(bench.options.journal_directory);
    REQUIRE(report.failed.size() == 1);
    CHECK(report.failed[0].find("line 2") != std::string::npos);
    CHECK(bench.journals() == 1);
}
