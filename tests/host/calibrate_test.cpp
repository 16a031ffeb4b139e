// SPDX-License-Identifier: Apache-2.0
// `flyball calibrate` on a real kernel: needs that are known, a kill in each phase, and nothing left behind.
#include "support/calibration.hpp"

#include <filesystem>
#include <fstream>
#include <map>

using namespace flyball::test;

namespace {

constexpr int kTasks = 20;
constexpr double kBusy = 0.2;  // of one CPU, in the mean
constexpr double kAnon = 64 * kMiB;

bool has_v2_memory()
{
    return CgroupTree::instance().present("memory") && CgroupTree::instance().unified("memory");
}

Json specification()
{
    Json pool = component("pool", "pids", "pool {duration} --tasks " + std::to_string(kTasks), {{"pids.max", 200}});
    // It does no work that it could tell.
    pool["tuning"] = {{"performance", "tasks"}};
    pool["scenarios"].push_back({{"name", "start"},
                                 {"command", "echo told by the workload; exec sleep 0.3"},
                                 {"cold_start", {{"samples", 8}}},
                                 {"targets", {"cold_start >= 300ms", "cold_start < 1ms"}}});
    Json spec = {{"name", "known"},
                 {"duration", "2s"},
                 {"warmup", "1s"},
                 {"iterations", 1},
                 // Of runs of two seconds: what a limit takes from them is told by more than noise.
                 {"tuning", {{"experiments", false}, {"max_iterations", 2}, {"floor", "20%"}}},
                 {"components", Json::array()}};
    spec["components"].push_back(std::move(pool));
    spec["components"].push_back(
        component("bursts", "cpu", "bursts {duration} --busy-us 20000 --period-us 100000", {{"cpu.max", "100%"}}));
    if (has_v2_memory())
        spec["components"].push_back(
            component("workset", "memory", "workset {duration} --anon 64", {{"memory.max", "512M"}}));
    return spec;
}

std::vector<std::string> runs_of(pid_t owner)
{
    std::vector<std::string> all;
    for (const std::string& mount : CgroupTree::instance().mounts()) {
        std::error_code none;
        for (const auto& entry : fs::directory_iterator(mount + "/flyball", none)) {
            if (entry.path().filename().string().starts_with("run-" + std::to_string(owner) + "-"))
                all.push_back(entry.path().string());
        }
    }
    return all;
}

bool cleared_up(pid_t owner)
{
    for (const auto end = std::chrono::steady_clock::now() + patience(5); std::chrono::steady_clock::now() < end;
         sleep_ms(20)) {
        if (runs_of(owner).empty())
            return true;
    }
    return false;
}

// Each file that was there is there still, and was not written again.
void check_kept(const std::map<std::string, fs::file_time_type>& before,
                const std::map<std::string, fs::file_time_type>& after)
{
    for (const auto& [file, time] : before) {
        INFO(file);
        REQUIRE(after.contains(file));
        CHECK(after.at(file) == time);
    }
}

void end_at(const CalibrationFiles& files, const char* step, int signal)
{
    INFO("signal " << signal << " at " << step);
    const auto before = files.measured();
    Process calibration = files.start();
    if (!calibration.wait_for_text(step, patience(120)))
        FAIL(calibration.err());
    const pid_t pid = calibration.pid();
    for (int i = 0; i < 400 && runs_of(pid).empty(); ++i)
        sleep_ms(10);
    CHECK_FALSE(runs_of(pid).empty());
    sleep_ms(500);
    const auto until_then = files.measured();
    calibration.signal(signal);
    CHECK(calibration.wait(patience(10)).status == 128 + signal);
    INFO(calibration.err());
    CHECK(cleared_up(pid));
    check_kept(before, files.measured());
    // What it was about is no answer, and not kept as one.
    CHECK(files.measured() == until_then);
    CHECK_FALSE(fs::exists(files.home.path() + "/known.calibrated.json"));
}

std::string limit(const Json& calibrated, std::size_t index, const char* file)
{
    const Json& value = calibrated.at("components").at(index).at("resource_limits").at(file);
    return value.is_string() ? value.get<std::string>() : value.dump();
}

// 1, or the share of "25%" or "25000 100000".
double cpus(const std::string& text)
{
    if (text.ends_with('%'))
        return std::stod(text) / 100;
    const auto blank = text.find(' ');
    return std::stod(text) / (blank == std::string::npos ? 100'000 : std::stod(text.substr(blank)));
}

double bytes(const std::string& text)
{
    const double number = std::stod(text);
    return text.ends_with('M') ? number * kMiB : text.ends_with('K') ? number * 1024 : number;
}

}  // namespace

TEST_CASE("calibrate: known needs come out, and a signal in each phase costs nothing but that", "[kernel][calibrate]")
{
    require_root();
    const CalibrationFiles files(specification());
    for (const int signal : {SIGINT, SIGTERM, SIGKILL})
        end_at(files, "pool: baseline, start", signal);
    for (const int signal : {SIGINT, SIGTERM, SIGKILL})
        end_at(files, "pool: tuning pids", signal);
    for (const int signal : {SIGINT, SIGTERM, SIGKILL})
        end_at(files, "pool: validate-1, steady", signal);
    const auto before = files.measured();
    Process last = files.start();
    const pid_t pid = last.pid();
    const Outcome outcome = last.wait(patience(240));
    INFO(outcome.err);
    // One of the targets is missed on purpose.
    CHECK(outcome.status == 1);
    CHECK(cleared_up(pid));
    const auto all = files.measured();
    check_kept(before, all);
    // What workloads print is in files, not among the progress.
    CHECK(outcome.err.find("told by the workload") == std::string::npos);
    CHECK(files.text("raw/pool/baseline/start/all-0.log").find("told by the workload") != std::string::npos);

    const Json calibrated = Json::parse(read_text(files.home.path() + "/known.calibrated.json"));
    const double tasks = std::stod(limit(calibrated, 0, "pids.max"));
    CHECK(tasks >= kTasks / 0.85);
    CHECK(tasks <= (kTasks + 2) / 0.70);
    CHECK(cpus(limit(calibrated, 1, "cpu.max")) >= 0.98 * kBusy);
    CHECK(cpus(limit(calibrated, 1, "cpu.max")) <= 1);
    if (has_v2_memory()) {
        CHECK(bytes(limit(calibrated, 2, "memory.max")) >= kAnon);
        CHECK(bytes(limit(calibrated, 2, "memory.max")) <= 1.5 * kAnon);
    }
    CHECK(files.text("configs/known.calibrated.json") == read_text(files.home.path() + "/known.calibrated.json"));

    const std::string optimal = files.text("processed/optimal_values.json");
    const std::string report = files.text("reports/calibration_report.txt");
    CHECK(Json::parse(optimal).dump().find(limit(calibrated, 0, "pids.max")) != std::string::npos);
    CHECK(report.find("pids.max") != std::string::npos);
    CHECK(report.find("cold_start < 1ms") != std::string::npos);
    CHECK(files.text("reports/performance_comparison.txt").find("bursts") != std::string::npos);
    CHECK(files.text("reports/oom_behavior.txt").find("pool") != std::string::npos);
    CHECK(files.text("reports/report.html").find("</html>") != std::string::npos);

    // The same command again, and `report`: the same result, nothing measured.
    Process again = files.start();
    CHECK(again.wait(patience(30)).status == 1);
    Words words = files.words({"report"});
    words.insert(words.end(), {"-o", files.out});
    CHECK(Process(words).wait(patience(30)).status == 1);
    CHECK(files.measured() == all);
    CHECK(Json::parse(read_text(files.home.path() + "/known.calibrated.json")) == calibrated);
}

TEST_CASE("calibrate: validate, --dry-run and revert; what is broken is told before anything is done",
          "[kernel][calibrate]")
{
    require_root();
    const CalibrationFiles files(specification());
    const Outcome valid = Process(files.words({"validate"})).wait(patience(20));
    CHECK(valid.status == 0);
    CHECK(valid.out.find("all right") != std::string::npos);
    Words dry = files.words({"--dry-run"});
    const Outcome plan = Process(dry).wait(patience(20));
    CHECK(plan.status == 0);
    CHECK(plan.out.find("bursts") != std::string::npos);
    CHECK(plan.out.find("Nothing was changed") != std::string::npos);
    CHECK_FALSE(fs::exists(files.out));
    CHECK(Process({flyball_binary(), "calibrate", "revert"}).wait(patience(20)).status == 0);

    Json broken = specification();
    broken["components"][1]["resource_limits"]["cpu.max"] = "much";
    const CalibrationFiles wrong(broken);
    Process refused = wrong.start();
    const Outcome outcome = refused.wait(patience(20));
    CHECK(outcome.status == 2);
    CHECK(outcome.out.empty());
    CHECK(outcome.err.find("known.json:") != std::string::npos);
    CHECK(outcome.err.find("components[1].resource_limits.\"cpu.max\"") != std::string::npos);
    CHECK_FALSE(fs::exists(wrong.out));
}

TEST_CASE("calibrate: a cgroup that runs already has its limits back afterwards", "[kernel][calibrate]")
{
    require_root();
    const TestCgroup cgroup("calibrated");
    cgroup.pids_max(300);
    const Load load(cgroup, {"pool", "300", "--tasks", "10"});
    load.wait_until_inside(cgroup);
    Json json = specification();
    json["components"] = Json::array();
    json["components"].push_back(
        component("service", "pids", "serve {duration} --busy-us 500 --workers 1 --rate 20", {{"pids.max", 200}}));
    json["components"][0]["cgroup"] = cgroup.path().substr(1);
    const CalibrationFiles files(json);
    Process calibration = files.start();
    bool limited = false;
    for (const auto end = std::chrono::steady_clock::now() + patience(100);
         std::chrono::steady_clock::now() < end && !calibration.ended(); sleep_ms(20))
        limited |= cgroup.read("pids", "pids.max") == "200\n";
    const Outcome outcome = calibration.wait(patience(60));
    INFO(outcome.err);
    CHECK(outcome.status == 0);
    CHECK(limited);
    CHECK(cgroup.read("pids", "pids.max") == "300\n");
    const Json calibrated = Json::parse(read_text(files.home.path() + "/known.calibrated.json"));
    const double tasks = std::stod(limit(calibrated, 0, "pids.max"));
    CHECK(tasks >= 10 / 0.85);
    CHECK(tasks <= 12 / 0.70);
}

TEST_CASE("calibrate: neighbours run beside a component while its I/O is tuned, and go with that",
          "[kernel][calibrate]")
{
    require_root();
    const Scratch marks("neighbours");
    fs::create_directories(marks.path());
    const std::string mark = marks.path() + "/ran";
    Json json = specification();
    json["components"] = Json::array();
    Json disk = component("disk", "io", "serve {duration} --busy-us 500 --workers 1 --rate 20", {{"io.weight", 100}});
    disk["neighbours"] = {"crowd"};
    Json crowd = component("crowd", "pids", "", {{"pids.max", 100}});
    crowd["tune"] = Json::array();
    crowd["targets"] = {"tasks <= 100"};
    crowd["command"] = "echo {duration} >> " + mark + "; exec sleep {duration}";
    json["components"].push_back(std::move(disk));
    json["components"].push_back(std::move(crowd));
    const CalibrationFiles files(json);
    Process calibration = files.start();
    const pid_t pid = calibration.pid();
    const Outcome outcome = calibration.wait(patience(120));
    INFO(outcome.err << outcome.out);
    // Where weights do nothing that resource has no answer, which is not all right.
    CHECK(outcome.status <= 1);
    CHECK(outcome.out.find("crowd") != std::string::npos);
    CHECK(cleared_up(pid));
    // Once as a neighbour, for as long as tuning may take, and once for itself: a baseline of 3 s.
    CHECK(read_text(mark) == "7200\n3\n");
}

TEST_CASE("calibrate: a service whose process the OOM killer took is started again", "[kernel][calibrate]")
{
    require_root();
    const TestCgroup cgroup("restarted");
    const Load load(cgroup, {"leak", "300", "--mib-per-s", "20"});
    load.wait_until_inside(cgroup);
    const Scratch marks("restarts");
    fs::create_directories(marks.path());
    const std::string mark = marks.path() + "/restarted";
    Json json = specification();
    json["components"] = Json::array();
    Json service =
        component("service", "pids", "serve {duration} --busy-us 500 --workers 1 --rate 20", {{"memory.max", "40M"}});
    service["cgroup"] = cgroup.path().substr(1);
    service["tune"] = Json::array();
    service["restart"] = "echo again >> " + mark;
    service["health"] = "true";
    json["components"].push_back(std::move(service));
    const CalibrationFiles files(json);
    Process calibration = files.start();
    const Outcome outcome = calibration.wait(patience(120));
    INFO(outcome.err << outcome.out);
    CHECK(outcome.status == 1);
    CHECK(outcome.out.find("the OOM killer acted") != std::string::npos);
    CHECK(outcome.err.find("the service is started again") != std::string::npos);
    CHECK(read_text(mark) == "again\n");
}
