// SPDX-License-Identifier: Apache-2.0
// Where runs come from: a recording, the JSON of its report, other JSON; and what their cgroups are called.
#include "flyball/audit/audit.hpp"
#include "flyball/compare/load.hpp"
#include "flyball/compare/run.hpp"
#include "flyball/report/model.hpp"
#include "support/catch.hpp"
#include "unit/report/sample_snapshot.hpp"

#include <string>

using namespace flyball;
using namespace flyball::compare;

namespace {

const std::string kRecordings = std::string(FLYBALL_SOURCE_DIR) + "/tests/replay/";

double at(const Run& run, const std::string& cgroup, const std::string& name)
{
    INFO(cgroup << " " << name);
    const auto found = run.values.find({cgroup, name});
    REQUIRE(found != run.values.end());
    return found->second.value;
}

std::string json_error(std::string_view text)
{
    const auto runs = runs_of_json(text, "x");
    return runs ? "" : runs.error().what;
}

}  // namespace

TEST_CASE("a report's JSON gives what its recording gives", "[compare]")
{
    const profile::Snapshot snapshot = test::sample_snapshot();
    const Run from_recording = run_of(snapshot, "x");
    const auto from_json = runs_of_json(report::render_json(report::build(snapshot, audit::audit(snapshot))), "x");
    REQUIRE(from_json);
    REQUIRE(from_json->size() == 1);
    REQUIRE(from_recording.values.size() > 50);
    for (const auto& [key, value] : from_recording.values) {
        INFO(key.cgroup << " " << key.name);
        const auto found = from_json->front().values.find(key);
        REQUIRE(found != from_json->front().values.end());
        CHECK(found->second.value == value.value);
        CHECK(found->second.good == value.good);
    }
    CHECK(from_json->front().values.size() == from_recording.values.size());
    CHECK(from_json->front().distributions == from_recording.distributions);
    CHECK(from_json->front().window_ns == from_recording.window_ns);
}

TEST_CASE("a recording's metrics are the report's numbers", "[compare]")
{
    const profile::Snapshot snapshot = test::sample_snapshot();
    const Run run = run_of(snapshot, "x");
    const auto model = report::build(snapshot, {});
    for (const report::CgroupReport& cgroup : model.cgroups) {
        if (cgroup.time.wait_p99_ns && cgroup.find(FB_M_CPU_WAIT) != nullptr)
            CHECK(at(run, cgroup.path, "cpu.wait.p99") == static_cast<double>(*cgroup.time.wait_p99_ns));
        if (cgroup.time.held_ratio.value_or(0) > 0)
            CHECK(at(run, cgroup.path, "cpu.held_ratio") == Approx(*cgroup.time.held_ratio));
        if (cgroup.time.oom_kills)
            CHECK(at(run, cgroup.path, "oom.kills") == static_cast<double>(*cgroup.time.oom_kills));
        const report::CountStats* forks = cgroup.find_count(FB_M_FORKS);
        if (forks != nullptr && forks->measured)
            CHECK(at(run, cgroup.path, "pids.forks") == Approx(static_cast<double>(forks->count) / 10));  // in 10 s
    }
}

TEST_CASE("what was not measured is no zero", "[compare]")
{
    profile::Snapshot snapshot = test::sample_snapshot();
    snapshot.meta.coverage.clear();
    snapshot.ooms.clear();
    const Run run = run_of(snapshot, "x");
    for (const auto& [key, value] : run.values)
        CHECK(key.name != "oom.kills");
}

TEST_CASE("slices of a recording add up to it", "[compare]")
{
    const auto side = load_side("A", std::vector{kRecordings + "shop-before.fbr"}, {});
    REQUIRE(side);
    REQUIRE(side->slices.size() == kMostSlices);
    REQUIRE(side->without_slice.size() == kMostSlices);
    const Run& whole = side->runs.front();
    for (const auto& [key, hist] : whole.distributions) {
        INFO(key.cgroup << " " << key.name);
        profile::Histogram sum;
        for (const Run& slice : side->slices) {
            if (const auto found = slice.distributions.find(key); found != slice.distributions.end())
                sum.merge(found->second);
        }
        CHECK(sum == hist);
        // Each sample is left out exactly once.
        std::uint64_t left = 0;
        for (const Run& without : side->without_slice) {
            if (const auto found = without.distributions.find(key); found != without.distributions.end())
                left += found->second.count();
        }
        CHECK(left == hist.count() * (kMostSlices - 1));
    }
}

TEST_CASE("other JSON: numbers by their paths", "[compare]")
{
    const auto runs = runs_of_json(R"({"rps": 12.5, "latency": {"p99_ms": 3}, "pid": 7, "ok": true, "note": "x",
        "parts": [{"name": "db", "ms": 4}, {"ms": 5}], "list": [1, 2]})",
                                   "x");
    REQUIRE(runs);
    const auto& values = runs->front().values;
    CHECK(values.size() == 3);
    CHECK(values.at({"", "rps"}).value == 12.5);
    CHECK(values.at({"", "rps"}).good == Good::Higher);
    CHECK(values.at({"", "latency.p99_ms"}).good == Good::Lower);
    CHECK(values.at({"", "parts.db.ms"}).value == 4);
    CHECK(runs_of_json("[1, 2, 3]", "x")->size() == 3);
    CHECK(runs_of_text("{\"a\": 1}\n{\"a\": 2}\n\n", "x", {})->size() == 2);
    CHECK(runs_of_text("{\n\"a\": 1\n}\n", "x", {})->size() == 1);
}

TEST_CASE("oom tests: a repetition is a run", "[compare]")
{
    const auto runs = runs_of_json(R"({"schema": "flyball.oom-test/1", "scenarios": [
        {"name": "one", "repetition": 1, "status": "pass", "bounds": [{"name": "time to kill", "value_ns": 5}]},
        {"name": "one", "repetition": 2, "status": "fail", "bounds": [{"name": "time to kill", "value_ns": null}]},
        {"name": "two", "repetition": 1, "status": "skipped"}]})",
                                   "x");
    REQUIRE(runs);
    REQUIRE(runs->size() == 2);
    CHECK(runs->at(0).values.at({"", "one.time_to_kill"}).value == 5);
    CHECK(runs->at(1).values.at({"", "one.failed"}).value == 1);
    CHECK(runs->at(1).values.size() == 1);
}

TEST_CASE("JSON that holds nothing to compare is refused in words", "[compare]")
{
    CHECK(json_error("{") == "is no JSON");
    CHECK(json_error("\"x\"") == "is JSON without results");
    CHECK(json_error("{\"a\": \"b\"}") == "there is no number in it");
    CHECK(json_error("[1, \"x\"]") == "item 2 is neither an object nor a number");
    CHECK(json_error(R"({"schema": "flyball.report/2"})") == "is flyball.report/2, which this version cannot read");
    CHECK(json_error(R"({"schema": "flyball.explain/1"})") == "is flyball.explain/1, which has no results to compare");
    CHECK(json_error(R"({"schema": "flyball.report/1"})").starts_with("is no flyball.report/1: "));
    CHECK(json_error(
              R"({"schema": "flyball.report/1", "recording": {"window_ns": 5}, "cgroups": [{"path": "/a", "metrics":
        {"cpu.wait": {"count": 1, "sum_ns": 5, "min_ns": 5, "max_ns": 5, "buckets": [[99, 100, 1]]}}}]})") ==
          "is no flyball.report/1: a bucket begins where none does");
    CHECK(json_error("{\"a\": 1e999}") == "is no JSON");
}

TEST_CASE("names tell which way is good", "[compare]")
{
    for (const char* name : {"p99_latency_ms", "latencyP99", "duration", "rss_bytes", "error_rate", "miss_rate",
                             "memory.current", "p99", "cold_start_ms"}) {
        INFO(name);
        CHECK(guess_good(name) == Good::Lower);
    }
    for (const char* name :
         {"throughput", "ops_per_sec", "requests/s", "hit_rate", "success_rate", "RPS", "iops", "ops_per_ms"}) {
        INFO(name);
        CHECK(guess_good(name) == Good::Higher);
    }
    for (const char* name : {"value", "column1", "workers", "cache_hit_time", ""}) {
        INFO(name);
        CHECK(guess_good(name) == Good::Unknown);
    }
}

TEST_CASE("cgroups that are new in every run get one name", "[compare]")
{
    CHECK(canonical_path("/flyball/run-123-0") == "/flyball/run-*-0");
    CHECK(canonical_path("/system.slice/run-u77.scope") == "/system.slice/run-*.scope");
    CHECK(canonical_path("/system.slice/run-r0af3.service") == "/system.slice/run-*.service");
    CHECK(canonical_path("/system.slice/run-p12-i34.service") == "/system.slice/run-*.service");
    CHECK(canonical_path("/user.slice/session-c12.scope") == "/user.slice/session-*.scope");
    const std::string id(64, 'a');
    CHECK(canonical_path("/docker/" + id) == "/docker/*");
    CHECK(canonical_path("/x/docker-" + id + ".scope") == "/x/docker-*.scope");
    CHECK(canonical_path("/kubepods/pod01234567_89ab_cdef_0123_456789abcdef.slice") == "/kubepods/pod*.slice");
    for (const char* path :
         {"/", "/a/run-way", "/run-12", "/run-u.scope", "/run-p1-i.scope", "/abc/deadbeef", "/session-.scope", ""}) {
        INFO(path);
        CHECK(canonical_path(path) == path);
    }
}

TEST_CASE("renaming: the map goes first, and no two cgroups become one", "[compare]")
{
    const auto named = [](std::initializer_list<const char*> paths, const std::map<std::string, std::string>& map,
                          const char* own = "") {
        Run run{.source = {}};
        run.command_cgroup = own;
        for (const char* path : paths)
            run.values[{path, "x"}] = {};
        rename_cgroups(run, map);
        std::vector<std::string> names;
        for (const auto& [key, value] : run.values)
            names.push_back(key.cgroup);
        return names;
    };
    using Names = std::vector<std::string>;
    CHECK(named({"/run-1-0", "/b"}, {}) == Names{"/b", "/run-*-0"});
    CHECK(named({"/run-1-0", "/run-2-0"}, {}) == Names{"/run-1-0", "/run-2-0"});
    // Another flyball ran meanwhile: the command's own is known, and keeps the name by which runs are paired.
    CHECK(named({"/flyball/run-1-0", "/flyball/run-2-0"}, {}, "/flyball/run-2-0") ==
          Names{"/flyball/run-*-0", "/flyball/run-1-0"});
    CHECK(named({"/f/run-1-0/x", "/f/run-2-0/x"}, {}, "/f/run-1-0") == Names{"/f/run-*-0/x", "/f/run-2-0/x"});
    CHECK(named({"/new"}, {{"/new", "/old"}}) == Names{"/old"});
    CHECK(named({"/run-9-0"}, {{"/run-*-0", "/old"}}) == Names{"/old"});
    CHECK(named({"/new", "/old"}, {{"/new", "/old"}}) == Names{"/old", "/old (not mapped)"});
}
