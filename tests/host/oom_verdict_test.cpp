// SPDX-License-Identifier: Apache-2.0
// `flyball oom`: verdicts on a real kernel, right where it is right, and noticed where something was put in wrong.
#include "flyball/oom/testing.hpp"
#include "support/oom_tested.hpp"
#include "support/recorder.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>
#include <string_view>

using namespace flyball::test;

namespace {

using Json = nlohmann::json;

constexpr std::string_view kStorm = "storm";

// Each that is flyball's own, but the storm.
Words usual_scenarios()
{
    Words names;
    for (const auto& scenario : flyball::oom::scenario_names())
        if (scenario.name != kStorm && scenario.name != "service")
            names.emplace_back(scenario.name);
    return names;
}

std::vector<Json> lines_of(const std::string& text)
{
    std::vector<Json> all;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        all.push_back(Json::parse(line, nullptr, false));
        REQUIRE_FALSE(all.back().is_discarded());
    }
    return all;
}

}  // namespace

TEST_CASE("oom test: every scenario passes", "[kernel][oom][verdict]")
{
    require_root();
    Words words{"--repeat", long_run() ? "10" : "1"};
    for (const std::string& name : usual_scenarios())
        words.push_back(name);
    const Tested tested = run_oom_test(words);
    std::size_t passed = 0;
    for (const Json& each : tested.report.at("scenarios")) {
        INFO(each.at("name") << ": " << each.at("reason"));
        CHECK((each.at("status") == "pass" || each.at("status") == "skipped"));
        passed += each.at("status") == "pass" ? 1U : 0U;
        if (in_lab() && each.at("status") == "skipped")
            CHECK(each.at("name") == "swap-on");
    }
    CHECK(tested.status == 0);
    CHECK(passed >= (in_lab() ? 19U : 6U));
}

// One kill after the other is what the others have on each kernel; that none is missed among so many is our reader's.
TEST_CASE("oom test: a storm of kills has a verdict for each", "[kernel][oom][verdict][any_kernel]")
{
    require_root();
    const Tested tested = run_oom_test({"--repeat", long_run() ? "10" : "1", std::string(kStorm)});
    const Json& storm = scenario(tested, std::string(kStorm));
    INFO(storm.at("reason"));
    CHECK(storm.at("status") == "pass");
    CHECK(tested.status == 0);
    CHECK(storm.at("episodes").size() >= 500);
}

TEST_CASE("oom test: what is wrong on purpose is noticed", "[kernel][oom][verdict][any_kernel]")
{
    require_root();
    struct Case {
        const char *fault, *status, *says;
    };
    for (const Case& c : {Case{"no-policy", "fail", "victims"}, Case{"survivor", "fail", "victims"},
                          Case{"by-hand", "fail", "one kill"}, Case{"loss", "inconclusive", "verdict"}}) {
        const Tested tested = run_oom_test({"group-on", "--fault", c.fault});
        const Json& group_on = scenario(tested, "group-on");
        INFO(c.fault << ": " << group_on.at("reason"));
        CHECK(tested.status == 1);
        CHECK(group_on.at("status") == c.status);
        CHECK(group_on.at("reason").get<std::string>().starts_with(c.says));
    }
}

TEST_CASE("oom test: a cgroup that is removed before its verdict still has one", "[kernel][oom][verdict]")
{
    require_root();
    const Tested tested = run_oom_test({"group-on", "--fault", "removed"});
    const Json& group_on = scenario(tested, "group-on");
    INFO(group_on.dump(1));
    CHECK(group_on.at("status") == "pass");
    const Json& checks = group_on.at("episodes").at(0).at("checks");
    const auto counters =
        std::ranges::find_if(checks, [](const Json& check) { return check.at("name") == "counters"; });
    REQUIRE(counters != checks.end());
    CHECK(counters->at("outcome") == "pass");
}

TEST_CASE("oom watch: a command that runs over its limit, told once, by exit code too", "[kernel][oom][verdict]")
{
    require_root();
    const TestCgroup elsewhere("elsewhere");  // a kill that is none of its business
    elsewhere.memory_max(32 * kMiB);
    const std::string told = "told-by-exec.ndjson";
    const Scratch file(told);
    Process watch({flyball_binary(), "oom", "watch", "-j", "--memory-max", "32M", "--exec", "cat >> " + file.path(),
                   "--", workload_binary(), "alloc", "64", "--touch"});
    REQUIRE(watch.wait_for_text("watching", patience(20)));
    const Load other(elsewhere, {"alloc", "64", "--touch"});
    const Outcome outcome = watch.wait(patience(60));
    INFO("stderr: " << outcome.err << ", stdout: " << outcome.out);
    CHECK(outcome.status == 128 + SIGKILL);  // the command's, since the verdict is a pass
    const auto verdicts = lines_of(outcome.out);
    REQUIRE(verdicts.size() == 1);
    CHECK(verdicts[0].at("schema") == "flyball.oom/1");
    CHECK(verdicts[0].at("outcome") == "pass");
    CHECK(verdicts[0].at("victims").size() == 1);
    CHECK(lines_of(read_text(file.path())) == verdicts);
}

TEST_CASE("oom watch: the command's exit status is the watch's, unless we ended it",
          "[kernel][oom][verdict][any_kernel]")
{
    require_root();
    const Outcome own = run_flyball({"oom", "watch", "-q", "--", "sh", "-c", "exit 7"});
    INFO(own.err);
    CHECK(own.status == 7);
    CHECK(run_flyball({"oom", "watch", "-q", "--", "true"}).status == 0);
    CHECK(run_flyball({"oom", "watch", "-q", "--", "sh", "-c", "kill -TERM $$"}).status == 128 + SIGTERM);
    CHECK(run_flyball({"oom", "watch", "-q", "-d", "200ms", "--", "sleep", "1000"}).status == 0);
}

TEST_CASE("oom watch: a recording gives the verdict that the files allow", "[kernel][oom][verdict]")
{
    require_root();
    const TestCgroup cgroup("replayed");
    cgroup.memory_max(32 * kMiB);
    const Scratch file("kill.fbr");
    {
        Recorder recorder({"-o", file.path()});
        const Load hog(cgroup, {"alloc", "64", "--touch"});
        for (int i = 0; i < 200 && cgroup.oom_kills() == 0; ++i)
            sleep_ms(50);
        sleep_ms(300);
        (void)recorder.stop_text();
    }
    const Outcome outcome = run_flyball({"oom", "watch", "-j", file.path()});
    INFO("stderr: " << outcome.err << ", stdout: " << outcome.out);
    const auto verdicts = lines_of(outcome.out);
    REQUIRE(verdicts.size() == 1);
    CHECK(verdicts[0].at("outcome") == "pass");
    CHECK(outcome.status == 0);
}

// Counters, survivors, the kernel's log: all that the verdicts went by is in the recording.
TEST_CASE("oom test: its recording gives the verdicts that were given live", "[kernel][oom][verdict]")
{
    require_root();
    const Scratch file("all.fbr");
    Words words{"--record", file.path()};
    for (const std::string& name : in_lab() ? usual_scenarios() : Words{"trigger", "made-again", "tmpfs", "by-hand"})
        words.push_back(name);
    const Tested tested = run_oom_test(words);
    std::vector<Json> live;
    for (const Json& scenario : tested.report.at("scenarios"))
        for (const Json& episode : scenario.at("episodes"))
            live.push_back(episode);
    const Outcome outcome = run_flyball({"oom", "watch", "-j", "-q", file.path()});
    INFO("stderr: " << outcome.err);
    // Other kills of this machine are in it, and what was still under way when a scenario ended.
    std::vector<Json> replayed;
    for (Json& line : lines_of(outcome.out)) {
        if (std::ranges::any_of(live, [&](const Json& each) { return each.at("ts_ns") == line.at("ts_ns"); }))
            replayed.push_back(std::move(line));
    }
    REQUIRE_FALSE(live.empty());
    REQUIRE(replayed.size() == live.size());
    for (std::size_t i = 0; i < live.size(); ++i) {
        for (Json* each : {&live[i], &replayed[i]})
            each->erase("number");
        INFO(live[i].at("summary"));
        CHECK(live[i] == replayed[i]);
    }
}

TEST_CASE("oom test: refuses what it does not own, and says how to insist", "[kernel][oom][verdict][any_kernel]")
{
    require_root();
    const TestCgroup foreign("foreign");
    foreign.memory_max(32 * kMiB);
    const Outcome refused = run_flyball({"oom", "test", "-q", "-c", foreign.path()});
    INFO(refused.err);
    CHECK(refused.status == 2);
    CHECK(refused.err.find("--kill-in-that-cgroup") != std::string::npos);
    const Tested empty = run_oom_test({"-c", foreign.path(), "--kill-in-that-cgroup"});
    CHECK(empty.status == 3);
    CHECK(empty.report.at("scenarios").at(0).at("reason") == "nothing runs in " + foreign.path());
    const Tested tested = run_oom_test({"-c", foreign.path(), "--kill-in-that-cgroup", "trigger"});
    CHECK(tested.status == 0);
    CHECK(scenario(tested, "trigger").at("status") == "pass");
    CHECK(foreign.read("memory", CgroupTree::instance().unified("memory") ? "memory.max" : "memory.limit_in_bytes")
              .find("33554432") == 0);
}
