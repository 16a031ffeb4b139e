// SPDX-License-Identifier: Apache-2.0
// `flyball load` with real processes, against what is known of them.
#include "support/load.hpp"
#include "support/recorder.hpp"

#include <sys/file.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace flyball::test;
using Json = nlohmann::json;

namespace {

// Of that flyball: others may be at work here.
std::size_t run_cgroups(pid_t pid)
{
    std::size_t found = 0;
    for (const std::string& mount : CgroupTree::instance().mounts()) {
        std::error_code ignored;
        for (const auto& entry : std::filesystem::directory_iterator(mount + "/flyball", ignored))
            found += entry.path().filename().string().starts_with("run-" + std::to_string(pid) + "-") ? 1 : 0;
    }
    return found;
}

// Processes that have this word on their command line.
std::size_t processes_with(const std::string& word)
{
    std::size_t found = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string pid = entry.path().filename();
        if (pid.find_first_not_of("0123456789") != std::string::npos || pid == std::to_string(getpid()))
            continue;
        found += read_text("/proc/" + pid + "/cmdline").find(word) != std::string::npos ? 1 : 0;
    }
    return found;
}

Words load_words(Words options, const Words& command)
{
    Words words{flyball_binary(), "load", "-j", "-q"};
    words.insert(words.end(), options.begin(), options.end());
    words.emplace_back("--");
    words.insert(words.end(), command.begin(), command.end());
    return words;
}

Json parsed(const Outcome& outcome)
{
    INFO("exit " << outcome.status << ", stderr: " << outcome.err);
    REQUIRE_FALSE(outcome.out.empty());
    Json json = Json::parse(outcome.out);
    CHECK(json.at("schema") == "flyball.load/1");
    return json;
}

Json run_load(const Words& options, const Words& command, int status = 0)
{
    const Outcome outcome = Process(load_words(options, command)).wait(patience(180));
    INFO("stderr: " << outcome.err);
    CHECK(outcome.status == status);
    return parsed(outcome);
}

// "p50" of latency, service, wait.
double quantile_ms(const Json& distribution, double q)
{
    for (const Json& quantile : distribution.at("quantiles")) {
        if (quantile.at("q") != q)
            continue;
        INFO(quantile.dump());
        REQUIRE(quantile.at("value_ns").is_number());
        return quantile.at("value_ns").get<double>() / 1e6;
    }
    FAIL("no such quantile: " << q);
    return 0;
}

// A search takes minutes, and what others take of the CPUs meanwhile moves what it finds. tests/unit/load has the same
// searches in virtual time.
void want_the_machine()
{
    if (!long_run())
        FB_SKIP("takes minutes of a machine with nothing else to do: set FLYBALL_LONG=1");
}

}  // namespace

TEST_CASE("load: the breaking point of eight places is eight over the service time", "[load]")
{
    require_root();
    want_the_machine();
    // Long beside the start of a process, which a busy machine draws out.
    const Words command{"sleep", "0.5"};
    const Json alone = run_load({"--rate", "5", "-d", "4s"}, command);
    const double service_ms = quantile_ms(alone["levels"][0]["total"]["service"], 0.5);
    INFO("service " << service_ms << " ms");
    CHECK(service_ms >= 500);
    Words options{"--find",      "rate=8..800", "--hold",      "4s",         "--drain",   "200ms",
                  "--in-flight", "8",           "--objective", "p50<1500ms", "errors<1%", "throughput>=95%"};
    if (in_lab() || quick())
        options.insert(options.end(), {"--confirm", "2/3"});
    const Json report = run_load(options, command);
    const Json& found = report["found"][0];
    REQUIRE(found["at_held"].is_object());
    // Places over the time that each is taken, as it was at that load: starting a process takes longer on a busy
    // machine.
    const double capacity = 8 * 1e9 / found["at_held"]["service"]["mean_ns"].get<double>();
    CHECK(capacity <= 16.0);
    INFO(found["end"] << ": " << found["held"] << " to " << found["broken"] << ", capacity " << capacity << "; "
                      << found["trials"].dump(1));
    REQUIRE(found["end"] == "found");
    CHECK(found["held"].get<double>() == Approx(capacity).epsilon(0.10));
    CHECK(found["broken"].get<double>() == Approx(capacity).epsilon(0.10));
    CHECK(found["broken"].get<double>() <= found["held"].get<double>() * 1.051);
}

TEST_CASE("load: a stall is in the latency of all that it kept waiting, not only of those that were in it", "[load]")
{
    require_root();
    const Scratch lock("load-lock");
    const int fd = open(lock.path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    // 5/s for 12 s, one at a time; nobody gets the lock for 3 s.
    Process load(
        load_words({"--rate", "5", "-d", "12s", "--warmup", "0", "--in-flight", "1"}, {"flock", lock.path(), "true"}));
    sleep_ms(3000);
    REQUIRE(flock(fd, LOCK_EX) == 0);
    sleep_ms(3000);
    flock(fd, LOCK_UN);
    close(fd);
    const Outcome outcome = load.wait(patience(40));
    const Json total = parsed(outcome)["levels"][0]["total"];
    CHECK(total["ok"] == 60);
    // A quarter of the requests was intended in the stall; p90 is three fifths into it.
    CHECK(quantile_ms(total["latency"], 0.9) > 1000);
    CHECK(total["latency"]["max_ns"].get<double>() > 2.8e9);
    // What is measured from the start of a request hides it: one of sixty was slow.
    CHECK(quantile_ms(total["service"], 0.9) < 800);
    CHECK(total["service"]["max_ns"].get<double>() > 2.5e9);
}

TEST_CASE("load: every request is started and counted, with its placeholders", "[load]")
{
    require_root();
    const Scratch file("load-numbers");
    const int rate = in_lab() ? 10 : 100;
    // One short write by O_APPEND is not mixed with others.
    const Json report = run_load(
        {"--rate", std::to_string(rate), "-d", "3s", "--warmup", "0", "-e", "R={rate}", "--poisson", "--seed", "3"},
        {"sh", "-c", "echo {n} $R >>" + file.path() + "; [ $(({n} % 10)) != 0 ]"}, 0);
    const Json& total = report["levels"][0]["total"];
    const auto intended = total["intended"].get<std::size_t>();
    CHECK(static_cast<double>(intended) == Approx(3 * rate).epsilon(0.6));
    CHECK(total["failed"] == (intended + 9) / 10);
    CHECK(total["ok"] == intended - (intended + 9) / 10);
    std::istringstream lines(read_text(file.path()));
    std::vector<bool> seen(intended, false);
    std::size_t n = 0, said = 0;
    for (int at = 0; lines >> n >> at; ++said) {
        REQUIRE(n < intended);
        CHECK_FALSE(seen[n]);
        seen[n] = true;
        CHECK(at == rate);
    }
    CHECK(said == intended);
}

TEST_CASE("load: the kernel's counters of the level go along, under the limits asked for", "[load]")
{
    require_root();
    if (!CgroupTree::instance().present("cpu") || !CgroupTree::instance().present("memory"))
        FB_SKIP("needs the cpu and memory controllers");
    const Json throttled = run_load({"--rate", "2", "-d", "4s", "--cpu-max", "20ms/100ms", "--timeout", "60s"},
                                    {"sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"});
    const Json& use = throttled["levels"][0]["kernel"];
    INFO(use.dump());
    CHECK(use["nr_throttled"].get<std::uint64_t>() > 0);
    CHECK(use["throttled_ns"].get<std::uint64_t>() > 0);
    CHECK(use["cpu_ns"].get<double>() > 1e7);
    CHECK(use["cpu_ns"].get<double>() < 0.3 * use["span_ns"].get<double>());
    CHECK(throttled["limits"]["cpu.max"] == "20ms/100ms");

    const Json killed =
        run_load({"--rate", "1", "-d", "2s", "--warmup", "0", "--memory-max", "16M", "--objective", "oom<1"},
                 {"tail", "/dev/zero"}, 1);
    const Json& level = killed["levels"][0];
    CHECK(level["kernel"]["oom_kills"].get<std::uint64_t>() >= 2);
    CHECK(level["kernel"]["memory_peak_bytes"].get<std::uint64_t>() > 8 * kMiB);
    CHECK(level["total"]["failed"] == 2);
    CHECK(level["objectives"][0]["verdict"] == "broken");
}

TEST_CASE("load: a generator is run once a level, and breaks where its quota does", "[load]")
{
    require_root();
    want_the_machine();
    if (!CgroupTree::instance().present("cpu"))
        FB_SKIP("needs the cpu controller");
    // 4 ms of CPU a request and 10 ms of CPU in each 100 ms: 25 a second.
    const Json report =
        run_load({"--find", "rate=5..500", "--hold", "5s", "--warmup", "500ms", "--drain", "200ms", "--confirm", "2/3",
                  "--cpu-max", "10ms/100ms", "--objective", "throughput>=90%"},
                 {workload_binary(), "serve", "60", "--busy-us", "4000", "--workers", "1", "--rate", "{level}"});
    CHECK(report["mode"] == "generator");
    const Json& found = report["found"][0];
    INFO(found["end"] << ": " << found["held"] << " to " << found["broken"] << found["trials"].dump(1));
    REQUIRE(found["held"].is_number());
    // It holds until 90 % of what is offered is 25/s.
    CHECK(found["held"].get<double>() == Approx(25 / 0.9).epsilon(0.25));
    for (const Json& level : report["levels"])
        CHECK(level["told"]["rate"].is_number());
}

TEST_CASE("load: Ctrl-C prints the result so far, and leaves nothing", "[load]")
{
    require_root();
    const std::string mark = "300.04" + std::to_string(getpid());
    Process load(load_words({"--rate", "20", "--warmup", "0"},
                            {"sh", "-c", "if [ {n} -lt 20 ]; then exit 0; fi; sleep " + mark + " & sleep " + mark}));
    sleep_ms(2500);
    const pid_t pid = load.pid();
    CHECK(run_cgroups(pid) > 0);
    load.signal(SIGINT);
    const Outcome outcome = load.wait(patience(20));
    CHECK(outcome.status == 0);
    const Json report = parsed(outcome);
    CHECK(report["interrupted"] == true);
    const Json& total = report["levels"][0]["total"];
    CHECK(total["ok"] == 20);
    CHECK(total["abandoned"].get<int>() > 5);
    CHECK(total["intended"].get<int>() == total["ok"].get<int>() + total["abandoned"].get<int>());
    CHECK(processes_with(mark) == 0);
    CHECK(run_cgroups(pid) == 0);
}

TEST_CASE("load: requests do not outlive a flyball that is killed", "[load]")
{
    require_root();
    const std::string mark = "300.05" + std::to_string(getpid());
    {
        Process load(load_words({"--rate", "10"}, {"sleep", mark}));
        for (int i = 0; i < 500 && processes_with(mark) < 4; ++i)
            sleep_ms(10);
        CHECK(processes_with(mark) >= 4);  // flyball, which has it on its command line, and some requests
        load.signal(SIGKILL);
        CHECK(load.wait().status == 128 + SIGKILL);
    }
    for (int i = 0; i < 500 && processes_with(mark) > 0; ++i)
        sleep_ms(10);
    CHECK(processes_with(mark) == 0);
    // The next one sweeps its cgroup.
    const Json report = run_load({"--rate", "5", "-d", "1s"}, {"true"});
    CHECK(report["levels"][0]["total"]["failed"] == 0);
}

TEST_CASE("load: wrong requests are refused before anything runs", "[load]")
{
    const Scratch ran("load-ran");
    const Words touch{"touch", ran.path()};
    for (const auto& [options, says] : std::vector<std::pair<Words, std::string>>{
             {{"--rate", "0"}, "--rate"},
             {{"--rate", "10", "--steps", "1,2"}, "exclude"},
             {{"--rate", "10", "-d", "1s", "--objective", "p99<50"}, "character 5"},
             {{"--find", "rate=1..10"}, "breaking means"},
             {{"--ramp", "1..10", "over"}, "--ramp"},
             {{"--rate", "1", "--cpu-max", "much"}, "much"},
             {{"--rate", "1", "--metrics-regex", "x(.)"}, "--metrics-regex"},
             {{"--rate", "1", "--in-flight", "99999"}, "files may be open"}}) {
        const Outcome outcome = Process(load_words(options, touch)).wait();
        INFO(outcome.err);
        CHECK(outcome.status == 2);
        CHECK(outcome.err.starts_with("flyball: "));
        CHECK(outcome.err.find(says) != std::string::npos);
        CHECK(std::ranges::count(outcome.err, '\n') == 1);
    }
    CHECK_FALSE(std::filesystem::exists(ran.path()));
    const Outcome missing = Process(load_words({"--rate", "1"}, {"no-such-command-here"})).wait();
    CHECK(missing.status == 2);
    CHECK(missing.err.find("no-such-command-here") != std::string::npos);
}
