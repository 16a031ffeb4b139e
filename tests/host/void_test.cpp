// SPDX-License-Identifier: Apache-2.0
// Workloads and machines of which nothing can be learnt: `flyball calibrate` says why, and never that anything is
// right.
#include "support/calibration.hpp"

#include <sys/mount.h>

using namespace flyball::test;

namespace {

struct Spoilt {
    const char* what;
    Json changes;        // of the component
    const char* reason;  // in what is printed
};

// serve tells its throughput by itself.
std::string serve(const std::string& more = "--busy-us 500 --workers 1 --rate 40")
{
    return "exec " + workload_binary() + " serve {duration} " + more;
}

Json spoilt_spec(const Json& changes)
{
    Json one = component("web", "pids", "", {{"pids.max", 100}});
    one["command"] = serve();
    one["targets"] = {"throughput >= 1/s"};
    one.merge_patch(changes);
    return {{"name", "known"},
            {"duration", "2s"},
            {"warmup", "1s"},
            {"iterations", 2},
            {"tuning", {{"experiments", false}, {"max_iterations", 2}}},
            {"components", Json::array({std::move(one)})}};
}

Outcome calibrated(const CalibrationFiles& files, Words more = {})
{
    Words words = files.words({"-o", files.out});
    words.insert(words.end(), more.begin(), more.end());
    return Process(words).wait(patience(120));
}

std::string flat(std::string text)
{
    // Lines are wrapped anywhere.
    std::string one;
    for (const char c : text) {
        const char shown = c == '\n' ? ' ' : c;
        if (shown != ' ' || one.empty() || one.back() != ' ')
            one += shown;
    }
    return one;
}

}  // namespace

TEST_CASE("calibrate, void: a workload that shows nothing is not known, exit 1, with the reason first",
          "[kernel][calibrate][void]")
{
    require_root();
    const std::vector<Spoilt> cases = {
        {"it exits", {{"command", "exit 7"}}, "the workload ended with 7"},
        {"it dies", {{"command", "sleep 1.5; exit 3"}}, "the workload ended with 3"},
        {"it ends early", {{"command", "sleep 1"}}, "the workload ended after"},
        {"a typo",
         {{"command", "while sleep 0.1; do echo throughput: 100; done"}, {"metrics_regex", {"rate:thruput: ([0-9]+)"}}},
         "no line of its output has matched metrics_regex"},
        {"nothing to judge by", {{"command", "exec sleep {duration}"}, {"targets", Json::array()}}, "it has no target"},
        {"it reports nothing", {{"command", "exec sleep {duration}"}}, "throughput was not measured"},
        {"its service dies",
         {{"start", "sleep 1; exit 9"}, {"command", "exec sleep {duration}"}},
         "the service ended with 9 under its load"},
        {"killed in its warm-up",
         {{"resource_limits", {{"memory.max", "20M"}}},
          {"tune", {"memory"}},
          {"command", workload_binary() + " alloc 64 --touch --hold {duration}; " + serve().substr(5)}},
         "the OOM killer acted"}};
    for (const Spoilt& one : cases) {
        const CalibrationFiles files(spoilt_spec(one.changes));
        const Outcome outcome = calibrated(files, {"--disturbance", "100%"});
        INFO(one.what << "\n" << outcome.err << outcome.out);
        CHECK(outcome.status == 1);
        CHECK(outcome.out.starts_with("Not known, web: "));
        CHECK(flat(outcome.out).find(one.reason) != std::string::npos);
        CHECK(outcome.out.find("Everything holds") == std::string::npos);
        // The specification keeps the limits that it had.
        const Json values = Json::parse(files.text("processed/optimal_values.json"));
        CHECK(values.at("all_met") == false);
        CHECK_FALSE(values.at("components").at(0).at("values").empty());
        for (const auto& [file, value] : values.at("components").at(0).at("values").items())
            CHECK((value.at("changed") == false));
    }
}

TEST_CASE("calibrate, void: load begins when its service is well, and that service gets its answer",
          "[kernel][calibrate][void]")
{
    require_root();
    const Scratch marks("readiness");
    fs::create_directories(marks.path());
    const std::string up = marks.path() + "/up";
    // Up is who lives, not what an earlier one has left.
    const std::string service = "sleep 1.5; echo $$ > " + up + "; exec sleep 600", is_up = "kill -0 $(cat " + up + ")";
    const std::string load = is_up + " || exit 4; " + serve();
    for (const bool health : {true, false}) {
        // Without a health command the load's first work tells: this load waits until it is there.
        Json changes{{"start", service},
                     {"command", health ? load : "until " + is_up + "; do sleep 0.1; done; " + serve()}};
        changes["targets"] = Json::array();  // four seconds decide none; its throughput is enough
        if (health)
            changes["health"] = is_up;
        else
            changes["tune"] = Json::array();
        const CalibrationFiles files(spoilt_spec(changes));
        const Outcome outcome = calibrated(files, {"--disturbance", "100%"});
        INFO(outcome.err << outcome.out);
        CHECK(outcome.status == 0);
        CHECK((outcome.err.find("the service was well after") != std::string::npos) == health);
        // Each of its runs has all of its throughput, none the seconds before.
        std::size_t runs = 0;
        for (const auto& [file, time] : files.measured()) {
            if (file.find("/raw/") == std::string::npos)
                continue;
            const Json run = Json::parse(read_text(file));
            CHECK(run.at("metrics").at("throughput").at("runs").at(0).get<double>() > 20);
            ++runs;
        }
        CHECK(runs >= 2);
    }
}

TEST_CASE("calibrate, void: a machine that others keep busy is too busy, and says so", "[kernel][calibrate][void]")
{
    require_root();
    // On the same CPU: a balanced machine would give each one of its own.
    const TestCgroup neighbour("noisy");
    const Load noise(neighbour, {"--pin", "0", "spin", "300", "--threads", "4"});
    noise.wait_until_inside(neighbour);
    const std::string pinned =
        "exec " + workload_binary() + " --pin 0 serve {duration} --busy-us 20000 --workers 1 --rate 30";
    const CalibrationFiles files(
        spoilt_spec({{"command", pinned}, {"resource_limits", {{"cpu.max", "200%"}}}, {"tune", {"cpu"}}}));
    const Outcome outcome = calibrated(files);
    INFO(outcome.err << outcome.out);
    CHECK(outcome.status == 1);
    CHECK(flat(outcome.out).starts_with("Not known, web: steady: the machine is too busy: "));
    // By name.
    CHECK(flat(outcome.out).find(neighbour.path() + " took ") != std::string::npos);
    std::size_t again = 0;
    for (const auto& [file, time] : files.measured())
        again += file.find(".again-") != std::string::npos ? 1 : 0;
    CHECK(again == 2);
}

TEST_CASE("calibrate, void: a full disk ends it without a result", "[kernel][calibrate][void]")
{
    require_root();
    const CalibrationFiles files(spoilt_spec(Json::object()));
    fs::create_directories(files.out);
    if (::mount("tmpfs", files.out.c_str(), "tmpfs", 0, "size=40k") != 0)
        FB_SKIP("no tmpfs can be mounted here");
    const Outcome outcome = calibrated(files);
    ::umount(files.out.c_str());
    INFO(outcome.err << outcome.out);
    CHECK(outcome.status != 0);
    CHECK(outcome.out.empty());
    CHECK(outcome.err.find("No space left on device") != std::string::npos);
    CHECK_FALSE(fs::exists(files.home.path() + "/known.calibrated.json"));
}
