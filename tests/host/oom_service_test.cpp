// SPDX-License-Identifier: Apache-2.0
// `flyball oom test` of a service that is not flyball's: it dies in its own limit, and what becomes of it is told.
#include "support/oom_tested.hpp"
#include "support/test_cgroup.hpp"

#include <filesystem>
#include <fstream>

using namespace flyball::test;

namespace {

using Words = std::vector<std::string>;

// More than the 2 MiB of what makes the pressure, less than any limit here.
constexpr const char* kHold = "exec perl -e '$x = \"x\" x (12 << 20); sleep 1 while 1'";
constexpr std::uint64_t kServiceLimit = 64 * kMiB;

std::string reason_of(const nlohmann::json& service)
{
    const nlohmann::json& reason = service.at("reason");
    return reason.is_string() ? reason.get<std::string>() : "";
}

// In a cgroup of the test, by a loop outside of it that starts it again whenever it is gone.
class Supervised {
public:
    explicit Supervised(const TestCgroup& cgroup)
        : loop_({"bash", "-c",
                 "while :; do (echo $BASHPID >" + cgroup.dir("memory") + "/cgroup.procs; " + kHold +
                     "); sleep 0.1; done"})
    {
        for (int i = 0; i < 500 && cgroup.read("memory", "cgroup.procs").empty(); ++i)
            sleep_ms(20);
        sleep_ms(300);
    }

private:
    Process loop_;
};

}  // namespace

TEST_CASE("oom test: a service that recovers passes, one that does not is told why", "[kernel][oom][service]")
{
    require_root();
    const Scratch up("up", "/dev/shm"), down("down", "/dev/shm"), left("left", "/dev/shm"), kept("kept", "/dev/shm");
    std::filesystem::create_directories(left.path());
    struct Case {
        std::string command;
        Words words;
        int exit;
        std::string status, says;
    };
    const std::vector<Case> cases{
        {kHold,
         {"--rounds", "2", "--setup", "echo kept >" + kept.path(), "--state", "cat " + kept.path()},
         0,
         "pass",
         ""},
        {kHold, {"--rounds", "2", "--state", "cat /proc/uptime"}, 1, "fail", "state: "},
        {kHold, {"--state", "true"}, 1, "inconclusive", "run: --state prints nothing"},
        {kHold, {"--setup", "exit 1"}, 1, "inconclusive", "run: --setup fails"},
        {kHold, {"--state", "exit 1"}, 1, "inconclusive", "run: --state fails before the test"},
        {kHold, {"--recover-bound", "1s", "--health", "exit 1"}, 1, "inconclusive", "run: the service is not well"},
        {"test ! -e " + up.path() + " || touch " + down.path() + "; touch " + up.path() + "; " + kHold,
         {"--recover-bound", "2s", "--health", "test ! -e " + down.path()},
         1,
         "fail",
         "recovered: not well in time"},
        // Shared memory outlives whoever has written it.
        {"head -c 8M /dev/zero >" + left.path() + "/$$; " + kHold, {"--rounds", "1"}, 1, "fail", "no leak: "},
    };
    for (const Case& c : cases) {
        Words words{"--command", c.command};
        words.insert(words.end(), c.words.begin(), c.words.end());
        const Tested tested = run_oom_test(words);
        const nlohmann::json& service = scenario(tested, "service");
        INFO(c.command << ": " << service.dump(1));
        CHECK(tested.status == c.exit);
        CHECK(service.at("status") == c.status);
        CHECK(reason_of(service).starts_with(c.says));
    }
}

TEST_CASE("oom test: the group policy of a service, and memory.max lowered", "[kernel][oom][service]")
{
    require_root();
    TestCgroup::require_unified("memory", "memory.oom.group");
    const std::string three = "perl -e '$x = \"x\" x (4 << 20); sleep 1 while 1' & " + std::string(kHold);
    for (const bool lower : {false, true}) {
        for (const bool group : {false, true}) {
            Words words{"--command", three, "--rounds", "2", "--group", group ? "on" : "off"};
            if (lower)
                words.emplace_back("--lower-memory-max");
            const Tested tested = run_oom_test(words);
            const nlohmann::json& service = scenario(tested, "service");
            INFO(service.dump(1));
            CHECK(service.at("status") == "pass");
            for (const nlohmann::json& episode : service.at("episodes"))
                CHECK(episode.at("victims").size() >= (group ? 2U : 1U));
        }
    }
}

TEST_CASE("oom test: a service in a cgroup of its own manager", "[kernel][oom][service]")
{
    require_root();
    const TestCgroup cgroup("web.service");
    cgroup.memory_max(kServiceLimit);
    const std::string limit_file = CgroupTree::instance().unified("memory") ? "memory.max" : "memory.limit_in_bytes";
    const std::string limit = cgroup.read("memory", limit_file);
    const Supervised supervised(cgroup);
    const auto test = [&](const Words& words) {
        const Tested tested = run_oom_test(words);
        const nlohmann::json service = scenario(tested, "service");
        INFO(service.dump(1));
        CHECK(service.at("status") == "pass");
        CHECK(tested.status == 0);
        std::size_t killed = 0;
        for (const nlohmann::json& episode : service.at("episodes"))
            killed += episode.at("victims").at(0).at("comm") == "perl" ? 1U : 0U;
        CHECK(killed == 2);
        CHECK(cgroup.read("memory", limit_file) == limit);
    };
    test({"-c", cgroup.path(), "--kill-in-that-cgroup", "--rounds", "2"});
    // A unit's manager is asked by name.
    const Scratch bin("bin");
    std::filesystem::create_directories(bin.path());
    std::ofstream(bin.path() + "/systemctl") << "#!/bin/sh\necho \"$*\" >>" << bin.path() << "/asked\n";
    std::filesystem::permissions(bin.path() + "/systemctl", std::filesystem::perms::owner_all);
    const std::string path = getenv("PATH");
    setenv("PATH", (bin.path() + ":" + path).c_str(), 1);
    test({"--unit", "web.service", "--kill-in-that-cgroup", "--rounds", "2"});
    setenv("PATH", path.c_str(), 1);
    std::ifstream asked(bin.path() + "/asked");
    std::string line;
    CHECK(std::getline(asked, line));
    CHECK(line == "is-active --quiet web.service");
    if (CgroupTree::instance().unified("memory"))
        test({"-c", cgroup.path(), "--kill-in-that-cgroup", "--rounds", "2", "--lower-memory-max"});
}

TEST_CASE("oom test: pressure that would harm others is not made", "[kernel][oom][service]")
{
    require_root();
    const auto reason = [](const Words& words) {
        const Tested tested = run_oom_test(words);
        CHECK(tested.status == 3);
        CHECK(tested.report.at("scenarios").at(0).at("status") == "skipped");
        return reason_of(tested.report.at("scenarios").at(0));
    };
    const TestCgroup parent("parent");
    const TestCgroup child = parent.child("child");
    const Supervised supervised(child);
    CHECK(reason({"-c", child.path(), "--kill-in-that-cgroup"}).find("has no memory.max") != std::string::npos);
    child.memory_max(kServiceLimit);
    parent.memory_max(kServiceLimit / 2);
    CHECK(reason({"-c", child.path(), "--kill-in-that-cgroup"}).find("its limit would be hit") != std::string::npos);
}
