// SPDX-License-Identifier: Apache-2.0
// The commands that set what was proposed: their order, and that a shell and systemd read them as they are meant.
#include "../../../src/report/text/tune_commands.hpp"
#include "sample_tune.hpp"
#include "support/catch.hpp"

#include <array>
#include <cstdio>
#include <memory>

using namespace flyball;
using namespace flyball::report;
using flyball::test::ContainsSubstring;
namespace sample = flyball::test::tune_sample;

namespace {

using Writes = std::vector<tune::Write>;

tune::Proposal memory(const std::string& high, const std::string& high_before, const std::string& max,
                      const std::string& max_before)
{
    tune::Proposal p{.resource = tune::Resource::Memory, .cgroup = "/a", .answer = tune::Answer::Limit};
    p.values = {{.file = "memory.high", .text = high, .before = high_before},
                {.file = "memory.max", .text = max, .before = max_before}};
    return p;
}

tune::Proposal cpu(const std::string& max, const std::string& max_before, const std::string& burst,
                   const std::string& burst_before)
{
    tune::Proposal p{.resource = tune::Resource::Cpu, .cgroup = "/a.service", .answer = tune::Answer::Limit};
    p.values = {{.file = "cpu.max", .text = max, .before = max_before},
                {.file = "cpu.max.burst", .text = burst, .before = burst_before}};
    return p;
}

std::string joined(const CommandLines& lines)
{
    std::string text;
    for (const std::string& line : lines)
        text += line + "\n";
    return text;
}

std::string properties_of(const tune::Proposal& proposal)
{
    return joined(set_property({&proposal, 1}, 1000).lines);
}

std::string output_of(const std::string& command)
{
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
    std::string out;
    std::array<char, 256> buffer{};
    while (const std::size_t n = fread(buffer.data(), 1, buffer.size(), pipe.get()))
        out.append(buffer.data(), n);
    return out;
}

}  // namespace

TEST_CASE("limits of memory are lowered from high to max, and raised the other way round", "[tune]")
{
    CHECK(tune::writes_of(memory("10", "20", "30", "40")) == Writes{{"memory.high", "10"}, {"memory.max", "30"}});
    CHECK(tune::writes_of(memory("10", "max", "30", "max")) == Writes{{"memory.high", "10"}, {"memory.max", "30"}});
    CHECK(tune::writes_of(memory("20", "10", "40", "30")) == Writes{{"memory.max", "40"}, {"memory.high", "20"}});
    CHECK(tune::writes_of(memory("max", "10", "max", "30")) == Writes{{"memory.max", "max"}, {"memory.high", "max"}});
    CHECK(tune::writes_of(memory("10", "10", "30", "40")) == Writes{{"memory.max", "30"}});
    CHECK(tune::writes_of(memory("10", "10", "40", "40")).empty());
    CHECK(tune::writes_of(memory("9", "10", "30", "")) == Writes{{"memory.high", "9"}, {"memory.max", "30"}});
}

TEST_CASE("the burst makes way for the quota", "[tune]")
{
    CHECK(tune::writes_of(cpu("20000 100000", "max 100000", "18000", "0")) ==
          Writes{{"cpu.max", "20000 100000"}, {"cpu.max.burst", "18000"}});
    CHECK(tune::writes_of(cpu("20000 100000", "50000 100000", "18000", "40000")) ==
          Writes{{"cpu.max.burst", "0"}, {"cpu.max", "20000 100000"}, {"cpu.max.burst", "18000"}});
    // Written again though it is the same: some kernels change it with the quota.
    CHECK(tune::writes_of(cpu("20000 100000", "50000 100000", "18000", "18000")) ==
          Writes{{"cpu.max.burst", "0"}, {"cpu.max", "20000 100000"}, {"cpu.max.burst", "18000"}});
    CHECK(tune::writes_of(cpu("20000 100000", "50000 100000", "0", "18000")) ==
          Writes{{"cpu.max.burst", "0"}, {"cpu.max", "20000 100000"}});
    CHECK(tune::writes_of(cpu("20000 100000", "50000 100000", "0", "0")) == Writes{{"cpu.max", "20000 100000"}});
    CHECK(tune::writes_of(cpu("20000 100000", "20000 100000", "0", "18000")) == Writes{{"cpu.max.burst", "0"}});
    CHECK(tune::writes_of(cpu("20000 100000", "20000 100000", "18000", "18000")).empty());
}

TEST_CASE("a shell reads each word as it is", "[tune]")
{
    CHECK(shell_word("/system.slice/a-b@1.service") == "/system.slice/a-b@1.service");
    CHECK(shell_word("") == "''");
    for (const std::string& word : {std::string("a b"), std::string("it's"), std::string("$(id) `id` \\x2d !x"),
                                    std::string("\xc3\xa4;*"), std::string("~"), sample::kHostile, std::string("\n\n"),
                                    std::string("\x01"
                                                "1'\\'")}) {
        const std::string quoted = shell_word(word);
        CAPTURE(quoted);
        CHECK(quoted.find('\n') == std::string::npos);
        std::string command = "bash -c ";
        command += shell_word("printf %s " + quoted + "; printf .");
        // popen's own shell may be one that does not know $'': the outer word has to be free of it.
        REQUIRE(command.find("bash -c '") == 0);
        CHECK(output_of(command) == word + ".");
    }
}

TEST_CASE("echo commands have the directory once", "[tune]")
{
    const auto all = sample::one_service();
    CHECK(joined(echo_commands(all, "/sys/fs/cgroup")) == "cgroup=/sys/fs/cgroup/system.slice/checkout.service\n"
                                                          "echo 20400 100000 > \"$cgroup\"/cpu.max\n"
                                                          "echo 18000 > \"$cgroup\"/cpu.max.burst\n"
                                                          "echo 50541363 > \"$cgroup\"/memory.high\n"
                                                          "echo 67108864 > \"$cgroup\"/memory.max\n"
                                                          "echo 129 > \"$cgroup\"/pids.max\n"
                                                          "echo default 150 > \"$cgroup\"/io.weight\n");
    const auto same = memory("10", "10", "40", "40");
    CHECK(echo_commands({&same, 1}, "/sys/fs/cgroup").empty());
    const auto unconfirmed = sample::cpu_unconfirmed();
    CHECK(echo_commands({&unconfirmed, 1}, "/sys/fs/cgroup").empty());
}

TEST_CASE("systemd is told in its own words", "[tune]")
{
    const auto all = sample::one_service();
    const SystemdCommand command = set_property(all, 1000);
    CHECK(joined(command.lines) == "systemctl set-property checkout.service CPUQuota=20.4% MemoryHigh=50541363 "
                                   "MemoryMax=67108864 TasksMax=129 IOWeight=150\n");
    CHECK(command.without_property == std::vector<std::string>{"cpu.max.burst"});
    // Rounded up to what it takes: two places.
    CHECK_THAT(properties_of(cpu("33334 100000", "", "0", "0")), ContainsSubstring(" CPUQuota=33.34%\n"));
    CHECK_THAT(properties_of(cpu("10001 30000", "", "0", "0")),
               ContainsSubstring(" CPUQuota=33.34% CPUQuotaPeriodSec=30ms\n"));
    CHECK_THAT(properties_of(cpu("250000 100000", "", "0", "0")), ContainsSubstring(" CPUQuota=250%\n"));
    CHECK_THAT(properties_of(cpu("5050 100000", "max 100000", "0", "0")), ContainsSubstring(" CPUQuota=5.05%\n"));
    CHECK_THAT(properties_of(cpu("1000 2500", "", "0", "0")), ContainsSubstring(" CPUQuotaPeriodSec=2500us\n"));
    // The period that it has been told before goes away.
    CHECK_THAT(properties_of(cpu("5000 100000", "max 20000", "0", "0")),
               ContainsSubstring(" CPUQuota=5% CPUQuotaPeriodSec=100ms\n"));
    CHECK_THAT(properties_of(cpu("max 100000", "5000 100000", "0", "0")), ContainsSubstring(" CPUQuota=\n"));
    CHECK(set_property({}, 80).lines.empty());
}

TEST_CASE("only units have properties", "[tune]")
{
    tune::Proposal p = memory("max", "1", "max", "1");
    CHECK(properties_of(p).empty());
    p.cgroup = "/.service";
    CHECK(properties_of(p).empty());
    p.cgroup = "/prod.slice/dev-a\\x2db.mount";
    CHECK(properties_of(p) == "systemctl set-property 'dev-a\\x2db.mount' MemoryHigh=infinity MemoryMax=infinity\n");
    p.cgroup = "/user.slice/user-1000.slice/user@1000.service/app.slice/a.scope";
    CHECK(properties_of(p).starts_with("systemctl --user set-property a.scope "));
    p.cgroup = "/user.slice/user-1000.slice/user@1000.service";
    CHECK(properties_of(p).starts_with("systemctl set-property user@1000.service "));
    // Of one device: another property, with a path that is not known here.
    p.cgroup = "/a.service";
    p.values = {{.file = "io.weight", .text = "8:0 200"},
                {.file = "io.bfq.weight", .text = "200"},
                {.file = "pids.max", .text = "max"}};
    CHECK(properties_of(p) == "systemctl set-property a.service TasksMax=infinity\n");
    CHECK(set_property({&p, 1}, 80).without_property == std::vector<std::string>{"io.weight", "io.bfq.weight"});
}

TEST_CASE("long commands go on in the next line", "[tune]")
{
    const auto all = sample::one_service();
    const CommandLines lines = systemd_run(all, {"./job", "--name", "it's"}, 60).lines;
    CHECK(joined(lines) ==
          "systemd-run --scope -p CPUQuota=20.4% \\\n    -p MemoryHigh=50541363 -p MemoryMax=67108864 \\\n"
          "    -p TasksMax=129 -p IOWeight=150 -- ./job --name \\\n    'it'\\''s'\n");
    CHECK(systemd_run(all, {}, 60).lines.empty());
}
