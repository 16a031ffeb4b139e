// SPDX-License-Identifier: Apache-2.0
// docs/oom.schema.json and docs/oom-json.md against what is written; and what the JSON says of the unknown.
#include "flyball/report/oom.hpp"
#include "golden.hpp"
#include "json_schema.hpp"
#include "sample_oom.hpp"

using namespace flyball;
using namespace flyball::report;
using flyball::test::check_golden;
using test::Json;
namespace sample = flyball::test::oom_sample;

namespace {

using By = profile::OtherKill::By;

const std::vector<By>& senders()
{
    static const std::vector<By> all{By::User, By::Cgroup, By::Kernel, By::Unknown};
    return all;
}

Json schema()
{
    return test::load_schema("oom.schema.json");
}

std::vector<std::string> faults_of(const std::string& text, const std::string& definition)
{
    test::Checker checker{schema(), {}};
    checker.check(Json::parse(text), checker.root.at("$defs").at(definition), "");
    return checker.faults;
}

std::vector<oom::Judged> episodes()
{
    return {sample::group_kill(), sample::unexplained(), sample::blind(), sample::hostile(), {}};
}

std::string stream()
{
    std::string text;
    for (const oom::Judged& judged : episodes())
        text += render_verdict_json(judged);
    for (const By by : senders())
        text += render_other_kill_json(sample::other_kill(by));
    return text;
}

}  // namespace

TEST_CASE("the JSON of OOM kills is the golden one", "[oom][golden]")
{
    check_golden("oom.ndjson", stream());
    check_golden("oom-test.json", render_test_json(sample::report()));
}

TEST_CASE("the JSON of OOM kills keeps to its schema", "[oom][schema]")
{
    const std::vector<std::string> none;
    for (const oom::Judged& judged : episodes())
        CHECK(faults_of(render_verdict_json(judged), "episode") == none);
    for (const By by : senders())
        CHECK(faults_of(render_other_kill_json(sample::other_kill(by)), "kill") == none);
    CHECK(faults_of(render_other_kill_json({}), "kill") == none);
    CHECK(faults_of(render_test_json(sample::report()), "test") == none);
    CHECK(faults_of(render_test_json(sample::hostile_report()), "test") == none);
    CHECK(faults_of(render_test_json({}), "test") == none);
    // It would notice.
    CHECK(faults_of(render_verdict_json({}), "kill") != none);
}

TEST_CASE("an object a line, whatever the names", "[oom]")
{
    const std::string text = stream();
    CHECK(std::ranges::count(text, '\n') == 9);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        CHECK(Json::parse(line).at("schema") == "flyball.oom/1");
}

TEST_CASE("times are absolute, and relative to the decision", "[oom]")
{
    const Json json = Json::parse(render_verdict_json(sample::group_kill()));
    const Json& first = json["victims"][0];
    CHECK(first["sigkill_ns"] == sample::kDecision + 11'000);
    CHECK(first["sigkill_after_ns"] == 11'000);
    CHECK(first["freed_after_ns"] == 2'140'000);
    CHECK(first["reaped_after_ns"] == nullptr);
    CHECK(first["chosen"] == true);
    CHECK(json["victims"][1]["chosen"] == false);
    // The first mark stands for a decision that was not seen: SIGKILL came before it.
    CHECK(Json::parse(render_verdict_json(sample::blind()))["victims"][0]["sigkill_after_ns"] == -3'000);
}

TEST_CASE("what is not known is null in the JSON", "[oom]")
{
    const Json blind = Json::parse(render_verdict_json(sample::blind()));
    for (const char* key : {"global", "domain", "limit_bytes", "usage_bytes", "swap_bytes", "trigger", "chosen",
                            "group_policy", "group_cgroup", "reclaim", "follows_ns"}) {
        CAPTURE(key);
        CHECK(blind.at(key) == nullptr);
    }
    CHECK(blind["victims"][0]["rss_bytes"] == nullptr);
    CHECK(blind["victims"][0]["chosen"] == nullptr);
    const Json global = Json::parse(render_verdict_json(sample::hostile()));
    CHECK(global["global"] == true);
    CHECK(global["usage_bytes"] == nullptr);
    CHECK(global["trigger"]["asked_pages"] == nullptr);
    oom::Judged unlimited = sample::group_kill();
    unlimited.episode.limit_bytes = ~0ULL;
    const Json json = Json::parse(render_verdict_json(unlimited));
    CHECK(json["limit_bytes"] == nullptr);
    CHECK(json["usage_bytes"] == 64 * sample::kMiB);
    // The policy alone tells the pid.
    unlimited.episode.decision_seen = false;
    const Json partly = Json::parse(render_verdict_json(unlimited));
    CHECK(partly["chosen"]["pid"] == 4242);
    CHECK(partly["chosen"]["comm"] == nullptr);
    CHECK(partly["domain"] == "/jobs/build");
    const Json tested = Json::parse(render_test_json(sample::report()));
    CHECK(tested["scenarios"][2]["bounds"][2]["held"] == nullptr);
    CHECK(tested["scenarios"][4]["limit_bytes"] == nullptr);
    CHECK(tested["counts"]["pass"] == 2);
}

TEST_CASE("docs/oom-json.md names every key and every reason", "[oom][docs]")
{
    std::ifstream file(std::string(FLYBALL_SOURCE_DIR) + "/docs/oom-json.md");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const Json definitions = schema().at("$defs");
    std::size_t seen = 0;
    for (const auto& [definition, rule] : definitions.items()) {
        const Json properties = rule.value("properties", Json::object());  // outlives the loop over it
        for (const auto& [key, value] : properties.items()) {
            CAPTURE(definition, key);
            CHECK(text.find("`" + key + "`") != std::string::npos);
            ++seen;
        }
    }
    CHECK(seen > 60);
    for (int i = 0; i <= static_cast<int>(oom::Reason::Unexplained); ++i) {
        const std::string reason(name(static_cast<oom::Reason>(i)));
        CAPTURE(reason);
        CHECK(text.find("`" + reason + "`") != std::string::npos);
    }
}
