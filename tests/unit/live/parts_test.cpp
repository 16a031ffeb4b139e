// SPDX-License-Identifier: Apache-2.0
// What the live wing is put together from: each part alone, on files and processes of its own.
#include "../../../src/live/cgroup_names.hpp"
#include "../../../src/live/health_check.hpp"
#include "../../../src/live/load_generator.hpp"
#include "../../../src/live/machine_time.hpp"
#include "../../../src/live/memory_room.hpp"
#include "../../../src/live/run_figures.hpp"
#include "../../../src/live/scenario_commands.hpp"
#include "../../../src/live/service_command.hpp"
#include "../../../src/live/subject_guard.hpp"
#include "../calibrate/support.hpp"
#include "../cgroup/fixture.hpp"
#include "flyball/base/clock.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/live/directory_store.hpp"
#include "flyball/live/load_bench.hpp"
#include "support/catch.hpp"

#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

using namespace flyball;
using namespace flyball::live;
using flyball::test::Approx;
using flyball::test::ContainsSubstring;
using flyball::test::FakeRoot;

namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
using Words = std::vector<std::string>;

StopToken stop_token()
{
    auto made = StopToken::install();
    REQUIRE(made);
    return std::move(*made);
}

// A second in which half a CPU was used.
tune::Window window(std::uint64_t at_s)
{
    tune::Window one;
    one.begin_ns = at_s * kSecondNs;
    one.end_ns = one.begin_ns + kSecondNs;
    one.before.counters.at_ns = one.begin_ns;
    one.after.counters.at_ns = one.end_ns;
    one.before.counters.usage_ns = at_s * kSecondNs / 2;
    one.after.counters.usage_ns = (at_s + 1) * kSecondNs / 2;
    one.before.counters.nr_periods = at_s * 10;
    one.after.counters.nr_periods = at_s * 10 + 10;
    one.before.counters.nr_throttled = at_s;
    one.after.counters.nr_throttled = at_s + 1;
    one.before.counters.memory_events = {{"oom_kill", 0}};
    one.after.counters.memory_events = {{"oom_kill", at_s}};
    one.before.counters.pressure_us = {{"cpu.some", 0}};
    one.after.counters.pressure_us = {{"cpu.some", 250'000}};
    one.after.counters.memory_peak_bytes = 900;
    one.memory_use = {{one.begin_ns, 400}, {one.end_ns, 600 + at_s}};
    one.performance.rate = 100 + static_cast<double>(at_s);
    one.performance.done = 90;
    one.performance.failed = 10;
    one.performance.values = {{"tokens", {1, 3}}, {"undeclared", {1}}};
    one.performance.latency_ns.add(1000);
    one.trace.run_ns = 300;
    one.trace.wait_ns = 100;
    one.disturbance.displaced = 0.5;
    return one;
}

}  // namespace

TEST_CASE("live parts: windows are added up to the figures of a run", "[live]")
{
    calibrate::Component component;
    component.metrics = {{.name = "tokens", .scale = 1000}};
    RunFigures figures(component);
    CHECK(figures.take(true).empty());
    figures.starts(window(1).before);
    for (const std::uint64_t at_s : {1U, 2U, 3U})
        figures.add(window(at_s));
    figures.ends(window(3).after);
    CHECK(figures.span_ns() == 3 * kSecondNs);
    CHECK(figures.displaced() == 0.5);
    const auto all = figures.take(true);
    CHECK(all.at("throughput").runs == std::vector<double>{102});
    CHECK(all.at("throughput").samples.size() == 3);
    CHECK(all.at("cpu").runs.front() == Approx(0.5));
    CHECK(all.at("cpu_pressure").runs.front() == Approx(0.25));
    CHECK(all.at("tokens").runs == std::vector<double>{2000});
    CHECK_FALSE(all.contains("undeclared"));
    CHECK(all.at("throttled").runs.front() == Approx(0.1));
    CHECK(all.at("oom_kills").runs == std::vector<double>{3});
    CHECK(all.at("memory").runs == std::vector<double>{900});
    CHECK(all.at("success_rate").runs.front() == Approx(0.9));
    CHECK(all.at("latency").runs.front() == Approx(1000).epsilon(0.04));
    CHECK_FALSE(all.contains("io_read"));  // not counted is not zero
    // A workload that the OOM killer took in its warm-up was taken, though nothing was measured.
    RunFigures dead(component);
    dead.starts(window(1).before);
    dead.ends(window(1).after);
    CHECK(dead.take(true).at("oom_kills").runs == std::vector<double>{1});
    // Of a cgroup that was there before, the kernel's peak is not this run's.
    RunFigures later(component);
    later.add(window(1));
    CHECK(later.take(false).at("memory").runs == std::vector<double>{601});
}

TEST_CASE("live parts: the commands of a scenario, filled in, and the subject that they make", "[live]")
{
    const calibrate::Spec spec = test::parsed(test::full_spec());
    std::size_t looked_at = 0;
    for (const calibrate::Component& component : spec.components) {
        for (const calibrate::Scenario& scenario : component.scenarios) {
            INFO(component.name << ", " << scenario.name);
            const calibrate::Stage* const stage = scenario.stages.empty() ? nullptr : &scenario.stages.front();
            const auto commands = commands_of(component, scenario, stage, component.limits, 90 * kSecondNs);
            REQUIRE(commands);
            CHECK_FALSE(commands->workload.empty());
            for (const Words* words : {&commands->workload, &commands->service, &commands->health, &commands->restart})
                for (const std::string& word : *words)
                    CHECK(word.find("{duration}") == std::string::npos);
            const LiveSubjectOptions subject = subject_options(component, *commands, component.limits);
            CHECK(subject.cgroup == component.cgroup);
            CHECK(subject.command.empty() == !component.cgroup.empty());
            CHECK(subject.writes.size() >= component.limits.size());
            ++looked_at;
        }
        if (component.oom_test) {
            const auto command = oom_command_of(component, component.limits);
            REQUIRE(command);
            CHECK_FALSE(command->empty());
        }
    }
    CHECK(looked_at > 0);
    const auto writes = writes_of(
        {{"cpu.max.burst", "1"}, {"cpu.max", "2"}, {"memory.high", "3"}, {"memory.max", "4"}, {"pids.max", "5"}});
    REQUIRE(writes.size() == 5);
    CHECK(writes[0].file == "memory.max");
    CHECK(writes[2].file == "cpu.max");
    CHECK(writes[3].file == "cpu.max.burst");
}

TEST_CASE("live parts: a directory keeps texts, and is that of one specification", "[live]")
{
    const FakeRoot root;
    const std::string directory = root.path() + "/calibration";
    using Mode = DirectoryStore::Mode;
    CHECK_THAT(DirectoryStore::open(directory, "spec", Mode::Existing).error().what,
               ContainsSubstring("has no calibration"));
    {
        auto store = DirectoryStore::open(directory, "spec", Mode::GoOn);
        REQUIRE(store);
        CHECK_FALSE(store->goes_on());
        CHECK_FALSE(store->get("raw/a/b.json")->has_value());
        REQUIRE(store->put("raw/a/b.json", "text"));
        CHECK(store->get("raw/a/b.json")->value() == "text");
        CHECK_FALSE(std::filesystem::exists(directory + "/raw/a/b.json.new"));
    }
    auto again = DirectoryStore::open(directory, "spec", Mode::GoOn);
    REQUIRE(again);
    CHECK(again->goes_on());
    CHECK(again->get("raw/a/b.json")->value() == "text");
    CHECK_THAT(DirectoryStore::open(directory, "other", Mode::GoOn).error().what,
               ContainsSubstring("another specification"));
    root.file("/calibration/mine.txt", "a user's");
    REQUIRE(DirectoryStore::open(directory, "spec", Mode::Anew));
    CHECK_FALSE(std::filesystem::exists(directory + "/raw"));
    CHECK(std::filesystem::exists(directory + "/mine.txt"));
    root.file("/file", "");
    CHECK_FALSE(DirectoryStore::open(root.path() + "/file", "spec", Mode::GoOn));
}

TEST_CASE("live parts: a health command that fails, hangs or is not there says so", "[live]")
{
    const auto told_by = [](Words command, std::uint64_t after_ns) {
        HealthCheck health(std::move(command));
        std::optional<std::string> said = health.tick(kSecondNs);
        for (int i = 0; i < 200 && !said; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            said = health.tick(kSecondNs + after_ns);
        }
        return said;
    };
    CHECK_THAT(told_by({"sh", "-c", "exit 3"}, 1).value_or(""), ContainsSubstring("'exit 3' ended with 3"));
    CHECK_THAT(told_by({"flyball-no-such-command"}, 1).value_or(""), ContainsSubstring("not found"));
    CHECK_THAT(told_by({"sh", "-c", "kill -9 $$"}, 1).value_or(""), ContainsSubstring("signal 9"));
    CHECK_THAT(told_by({"sleep", "100"}, 11 * kSecondNs).value_or(""), ContainsSubstring("did not end within 10 s"));
    HealthCheck well({"true"});
    for (int i = 0; i < 20; ++i) {
        CHECK_FALSE(well.tick(kSecondNs));
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

TEST_CASE("live parts: a restart is over when the service is well, and a stop ends the wait", "[live]")
{
    StopToken stop = stop_token();
    CHECK(succeeds({"true"}, STDERR_FILENO, stop).value());
    CHECK_FALSE(succeeds({"false"}, STDERR_FILENO, stop).value());
    CHECK(restart_service({"true"}, {}, kSecondNs, STDERR_FILENO, stop));
    CHECK(restart_service({"true"}, {"true"}, kSecondNs, STDERR_FILENO, stop));
    CHECK_THAT(restart_service({"false"}, {}, kSecondNs, STDERR_FILENO, stop).error().what,
               ContainsSubstring("failed"));
    CHECK_THAT(restart_service({"true"}, {"false"}, 1000, STDERR_FILENO, stop).error().what,
               ContainsSubstring("not well"));
    REQUIRE(::raise(SIGTERM) == 0);
    CHECK(succeeds({"sleep", "100"}, STDERR_FILENO, stop).error().kind == ErrorKind::Interrupted);
}

TEST_CASE("live parts: memory is taken away in pieces, and whoever is asked between them may end it", "[live]")
{
    const FakeRoot root;
    root.unified();
    const auto layout = cgroup::detect(root.path());
    REQUIRE(layout);
    root.file("/sys/fs/cgroup/job/memory.current", "104857600\n");
    int between = 0;
    MemoryRoom room(*layout, "/job", [&]() -> Result<> {
        if (++between == 3)
            return fail(ErrorKind::Stopped, "enough");
        return {};
    });
    CHECK(room.use() == 104857600);
    CHECK_FALSE(room.possible());
    CHECK(room.reclaim(1).error().kind == ErrorKind::Unavailable);
    CHECK(room.make_for("memory.high", "1"));  // left to the write
    root.file("/sys/fs/cgroup/job/memory.reclaim", "");
    CHECK(room.possible());
    CHECK(room.make_for("memory.max", "1"));
    CHECK(room.make_for("memory.high", "max"));
    CHECK(room.make_for("memory.high", "104857600"));
    CHECK(between == 0);
    CHECK(room.reclaim(20 << 20).value() == 0);  // the file that stands for it takes nothing away
    CHECK(between == 2);
    CHECK(room.make_for("memory.high", "1").error().what == "enough");
}

TEST_CASE("live parts: a guard that has tripped stays so", "[live]")
{
    const FakeRoot root;
    root.unified();
    const auto layout = cgroup::detect(root.path());
    REQUIRE(layout);
    LiveLimits limits(*layout);
    limits.aim("/job");
    SubjectGuard guard({.armed = true, .guard = {}, .health = {"false"}}, limits, [](std::string_view) {});
    const auto read = [] { return cgroup::Counters{}; };
    Result<> checked;
    std::uint64_t now_ns = kSecondNs;
    for (int i = 0; i < 200 && checked; ++i) {
        checked = guard.check(now_ns += kSecondNs, read);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    REQUIRE_FALSE(checked);
    CHECK(checked.error().kind == ErrorKind::Stopped);
    CHECK_THAT(checked.error().what, ContainsSubstring("'false' ended with 1"));
    REQUIRE(guard.why_over());
    (void)guard.over({ErrorKind::Interrupted, "later", {}});
    CHECK(guard.why_over()->kind == ErrorKind::Stopped);
    SubjectGuard idle({.armed = false, .guard = {}, .health = {"false"}}, limits, [](std::string_view) {});
    CHECK(idle.check(kSecondNs, read));
    CHECK(idle.check(9 * kSecondNs, read));
}

TEST_CASE("live parts: a generator runs for its time, or until it ends, or a stop", "[live]")
{
    const FakeRoot root;
    root.hybrid();
    const auto layout = cgroup::detect(root.path());
    REQUIRE(layout);
    auto home = cgroup::TransientCgroup::create(*layout, {}, {.any_file_system = true});
    REQUIRE(home);
    StopToken stop = stop_token();
    const auto run = [&](const std::string& script, std::uint64_t warmup_ns, std::uint64_t length_ns) {
        load::Request request;
        request.command = {"sh", "-c", script};
        request.duration = "1s";
        const auto plan = load::make_plan(request);
        REQUIRE(plan);
        load::LevelSpec spec{};
        spec.warmup_ns = warmup_ns;
        spec.length_ns = length_ns;
        return run_generator(plan->command, spec, {.patterns = {}, .progress = {}}, *home, stop);
    };
    const auto done = run("echo done 5 >&$FLYBALL_METRICS_FD; exit 3", 0, 30 * kSecondNs);
    REQUIRE(done);
    REQUIRE(done->told);
    CHECK(done->told->exit_code == 3);
    CHECK(done->told->done == 5);
    CHECK_FALSE(done->interrupted);
    const auto timed = run("trap 'exit 0' TERM; while :; do sleep 0.01; done", kSecondNs / 20, kSecondNs / 10);
    REQUIRE(timed);
    CHECK_FALSE(timed->told->exit_code);
    CHECK(timed->warmup_ns >= kSecondNs / 20);
    CHECK(timed->warmup_ns + timed->span_ns >= kSecondNs / 10);
    REQUIRE(::raise(SIGINT) == 0);
    const auto stopped = run("exec sleep 100", 0, 30 * kSecondNs);
    REQUIRE(stopped);
    CHECK(stopped->interrupted);
}

TEST_CASE("live parts: neighbours have the names that explain gives them, also when they are gone", "[live]")
{
    cgroup::Layout layout;
    layout.hierarchy_of = {{"cpu", 3}, {"memory", 4}};
    const std::vector<profile::KnownCgroup> known{{3, 1, "/"}, {3, 5, "/build.slice"}, {4, 6, "/of-memory"}};
    CgroupNames names(layout, known);
    fb_cgroup made{};
    made.hdr = {.type = FB_EV_CGROUP, .size = sizeof made, .cpu = 0, .prog = FB_P_CGROUP, .ts_ns = 0, .cgroup_id = 7};
    made.op = FB_CG_MKDIR;
    made.hierarchy = 3;
    std::strcpy(made.path, "/build.slice/job");
    const auto bytes = std::as_bytes(std::span(&made, 1));
    names.on_control(bytes.first(8));
    names.on_control(bytes);
    made.hierarchy = 4;
    made.hdr.cgroup_id = 8;
    names.on_control(bytes);
    CHECK(names.of(5) == "/build.slice");
    CHECK(names.of(7) == "/build.slice/job");
    CHECK(names.of(1) == "the root cgroup");
    CHECK(names.of(tune::kByKernelThreads) == "kernel threads");
    for (const std::uint64_t unknown : {std::uint64_t{6}, std::uint64_t{8}, tune::kByUnseen})
        CHECK(names.of(unknown) == "a cgroup that is not known");
    const std::vector<tune::DisplacedBy> all{{5, 40}, {8, 30}, {tune::kByUnseen, 20}};
    const auto named = names.of(all);
    REQUIRE(named.size() == 2);
    CHECK(named[0].who == "a cgroup that is not known");
    CHECK(named[0].ns == 50);
    CHECK(named[1].ns == 40);
}

TEST_CASE("live parts: displaced is a share of what was wanted, and of the time; no more than others used", "[live]")
{
    tune::Window one;
    one.end_ns = 10 * kSecondNs;
    one.trace.run_ns = 2 * kSecondNs;
    one.trace.wait_ns = 2 * kSecondNs;
    one.trace.displaced_ns = 3 * kSecondNs;
    one.trace.others_ns = kSecondNs;
    one.trace.spare = 0.4;
    const tune::Disturbance found = disturbance(one, {.busy_s = 5}, {.busy_s = 8}, {{"/build.slice", 3}});
    CHECK(found.displaced == Approx(0.25));
    CHECK(found.displaced_of_span == Approx(0.1));
    CHECK(found.spare == 0.4);
    CHECK(found.others_busy > 0);
    CHECK(found.by.size() == 1);
    CHECK(tune::possible_error(found) == Approx(0.1));
}
