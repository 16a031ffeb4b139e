// SPDX-License-Identifier: Apache-2.0
#include "flyball/report/model.hpp"
#include "golden.hpp"
#include "sample_snapshot.hpp"
#include "support/catch.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace flyball;
using namespace flyball::report;
using flyball::test::check_golden;
using flyball::test::ContainsSubstring;

namespace {

ReportModel model_of(const profile::Snapshot& snapshot, const Options& options = {})
{
    return build(snapshot, audit::audit(snapshot), options);
}

std::string text_of(const profile::Snapshot& snapshot, const Options& options = {}, const TextOptions& how = {})
{
    return render_text(model_of(snapshot, options), how);
}

// Code points: the samples hold no wide characters where this is used.
std::size_t longest_line(const std::string& text)
{
    std::size_t longest = 0, width = 0;
    for (const char c : text) {
        if (c == '\n') {
            longest = std::max(longest, width);
            width = 0;
        } else if ((static_cast<unsigned char>(c) & 0xc0U) != 0x80U) {
            ++width;
        }
    }
    return longest;
}

std::string without_escapes(const std::string& text)
{
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\x1b') {
            i = text.find('m', i);
        } else {
            plain += text[i];
        }
    }
    return plain;
}

profile::Snapshot troubled()
{
    profile::Snapshot s = test::sample_snapshot();
    s.incomplete = true;
    s.incomplete_why = "it ends inside a chunk at offset 4096";
    s.loss.sequence_gaps = 3;
    s.loss.programs[0].dropped = 17;
    s.loss.recursion_misses["sched_switch"] = 5;
    s.counters[0].last->throttled_ns = 1;
    s.meta.warnings = {"RLIMIT_MEMLOCK could not be raised: Operation not permitted"};
    s.ooms[0].decision_seen = false;
    s.ooms[0].group_policy.reset();
    s.ooms[0].victims[2].exit_ns.reset();
    for (profile::Coverage& entry : s.meta.coverage) {
        if (entry.metric.starts_with("cpu.held"))
            entry.available = false;
    }
    for (profile::CgroupProfile& c : s.cgroups)
        c.hist[FB_M_CPU_THROTTLED_WAIT] = {};
    return s;
}

}  // namespace

TEST_CASE("the report of the sample is the golden one", "[report][golden]")
{
    check_golden("sample.txt", text_of(test::sample_snapshot()));
    check_golden("sample.json", render_json(model_of(test::sample_snapshot())));
    check_golden("troubled.txt", text_of(troubled()));
    check_golden("empty.txt", text_of({}));
}

TEST_CASE("the same snapshot gives the same bytes", "[report]")
{
    CHECK(text_of(test::sample_snapshot()) == text_of(test::sample_snapshot()));
    CHECK(render_json(model_of(test::sample_snapshot())) == render_json(model_of(test::sample_snapshot())));
}

TEST_CASE("no line is longer than the width, whatever things are called", "[report]")
{
    profile::Snapshot s = troubled();
    s.ooms.push_back(test::sample_group_kill());
    const std::string deep = "/" + std::string(300, 'x') + "/\xc3\xa4\xc3\xb6\xc3\xbc" + std::string(100, 'y');
    s.meta.host = std::string(64, 'h');
    s.meta.kernel = std::string(70, 'k');
    s.meta.command = std::string(500, 'c');
    s.meta.filters = {deep};
    s.meta.coverage.push_back({std::string(50, 'm'), true, std::string(120, 'h'), std::string(200, 'n'), ""});
    s.meta.warnings.push_back(std::string(200, 'w'));
    s.meta.filters.clear();
    for (profile::CgroupProfile& c : s.cgroups) {
        if (c.path != "/")
            c.path = deep + c.path;
    }
    for (auto& w : s.counters)
        w.path = deep + w.path;
    s.cgroups[1].held_by_ns[deep] = 12'345;
    for (std::uint32_t cpu = 0; cpu < 96; ++cpu)
        s.cgroups[1].throttle_by_cpu[cpu] = {~0ULL, ~0ULL, ~0ULL};
    for (auto& hist : s.cgroups[1].hist)
        hist.add(~0ULL, 1'234'567'890'123);
    for (auto& count : s.cgroups[1].counts)
        count = {~0ULL, ~0ULL, ~0ULL};
    s.ooms[0].domain = s.ooms[0].trigger_cgroup = s.ooms[0].victims[0].cgroup = deep;
    s.ooms[0].victims[0].comm = std::string(15, 'v');
    s.ooms[0].victims[0].rss_bytes = ~0ULL - 1;
    s.ooms[0].victims[0].oom_score_adj = -1000;
    s.ooms[0].victims[0].tgid = 4'194'304;
    for (auto& loss : s.loss.programs)
        loss.attempted = loss.delivered = 1'000'000'000'000;
    Options all;
    all.all = true;
    for (const int width : {80, 100}) {
        CAPTURE(width);
        CHECK(longest_line(text_of(s, all, {.width = width})) <= static_cast<std::size_t>(width));
        CHECK(longest_line(text_of(s, {}, {.width = width})) <= static_cast<std::size_t>(width));
    }
    CHECK(longest_line(text_of(test::sample_snapshot(), all)) == 80);
}

TEST_CASE("colour changes no character", "[report]")
{
    const std::string plain = text_of(troubled());
    const std::string colored = text_of(troubled(), {}, {.width = 80, .color = true});
    CHECK(colored != plain);
    CHECK(without_escapes(colored) == plain);
    CHECK(plain.find('\x1b') == std::string::npos);
}

TEST_CASE("names cannot move the cursor or break the JSON", "[report]")
{
    profile::Snapshot s = test::sample_snapshot();
    s.cgroups[1].path = "/evil\x1b[2J\n\xff\xc0\xaf\xe2\x80\xae";
    s.ooms[0].victims[0].comm = "\x07\xff";
    const std::string text = text_of(s);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find('\x07') == std::string::npos);
    CHECK_THAT(text, ContainsSubstring("/evil\\x1b[2J\\x0a\\xff"));
    const auto json = nlohmann::json::parse(render_json(model_of(s)));
    CHECK(json["oom"][0]["victims"][0]["comm"] == "\\x07\\xff");
}

TEST_CASE("what casts doubt on the numbers comes first", "[report]")
{
    const std::string text = text_of(troubled());
    const std::size_t warnings = text.find("WARNINGS");
    REQUIRE(warnings != std::string::npos);
    CHECK(warnings < text.find("WORST FIRST"));
    for (const char* part : {"offset 4096", "17 events were dropped", "3 batches", "numbers disagree", "RLIMIT_MEMLOCK",
                             "skipped BPF programs 5 times", "does not hold"}) {
        CHECK_THAT(text, ContainsSubstring(part));
    }
    CHECK(text_of(test::sample_snapshot()).find("WARNINGS") == std::string::npos);
    CHECK_THAT(text_of({}), ContainsSubstring("No number could be compared"));
}

TEST_CASE("not measured is n/a and null, not zero", "[report]")
{
    const profile::Snapshot s = troubled();
    const auto json = nlohmann::json::parse(render_json(model_of(s)));
    for (const auto& c : json["cgroups"])
        CHECK(c["time"]["held_ns"].is_null());
    CHECK(json["oom"][0]["limit_bytes"].is_null());
    CHECK(json["oom"][0]["group_policy"].is_null());
    CHECK_THAT(text_of(s), ContainsSubstring("held n/a"));
    CHECK_THAT(text_of(s), ContainsSubstring("refuses fentry -> boot"));
}

TEST_CASE("polled refusals are the kernel's number", "[report]")
{
    profile::Snapshot s = test::sample_snapshot();
    s.cgroups[1].counts[FB_M_FORKS_REFUSED - FB_M_WAKEUPS] = {};
    for (profile::Coverage& entry : s.meta.coverage) {
        if (entry.metric == "pids.refused")
            entry.hook = "pids.events (polled)";
    }
    const ReportModel model = model_of(s);
    CHECK(model.cgroups[0].find_count(FB_M_FORKS_REFUSED)->count == 12);
    CHECK_FALSE(model.cgroups[1].find_count(FB_M_FORKS_REFUSED)->measured);
}

TEST_CASE("worst first, and only what was asked for", "[report]")
{
    const ReportModel all = model_of(test::sample_snapshot());
    REQUIRE(all.cgroups.size() == 3);
    CHECK(all.cgroups[0].path == "/kube/web");
    CHECK(all.cgroups[0].time.lost_ns > all.cgroups[1].time.lost_ns);
    CHECK(all.idle == 2);
    CHECK(all.life.short_lived_total == 2);
    Options options;
    options.cgroups = {"/test"};
    const ReportModel some = model_of(test::sample_snapshot(), options);
    REQUIRE(some.cgroups.size() == 1);
    CHECK(some.cgroups[0].path == "/test/greedy");
    CHECK(some.ooms.size() == 1);
    options.cgroups = {"/kube"};
    CHECK(model_of(test::sample_snapshot(), options).ooms.empty());
    Options few;
    few.top = 1;
    const std::string text = text_of(test::sample_snapshot(), few);
    CHECK_THAT(text, ContainsSubstring("-- /kube/web"));
    CHECK_THAT(text, !ContainsSubstring("-- /test/greedy"));
}

TEST_CASE("JSON keeps 64 bits and every bucket", "[report]")
{
    profile::Snapshot s = test::sample_snapshot();
    s.cgroups[1].hist[FB_M_CPU_WAIT] = {};
    s.cgroups[1].hist[FB_M_CPU_WAIT].add(9'007'199'254'740'993, 3);  // 2^53 + 1
    const auto json = nlohmann::json::parse(render_json(model_of(s)));
    for (const auto& c : json["cgroups"]) {
        if (c["path"] != "/kube/web")
            continue;
        const auto& wait = c["metrics"]["cpu.wait"];
        CHECK(wait["max_ns"].get<std::uint64_t>() == 9'007'199'254'740'993);
        CHECK(wait["count"] == 3);
        REQUIRE(wait["buckets"].size() == 1);
        CHECK(wait["buckets"][0][2] == 3);
    }
    CHECK(json["losses"]["by_cpu"].size() == s.loss.programs.size());
    CHECK(json["audit"]["rows"].size() == audit::audit(s).size());
}
