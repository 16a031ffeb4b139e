// SPDX-License-Identifier: Apache-2.0
// docs/tune.schema.json and docs/tune-json.md against what is written; and what the JSON says of the unknown.
#include "flyball/report/tune.hpp"
#include "golden.hpp"
#include "json_schema.hpp"
#include "sample_tune.hpp"

using namespace flyball;
using namespace flyball::report;
using flyball::test::check_golden;
using test::Json;
namespace sample = flyball::test::tune_sample;

namespace {

std::vector<std::string> faults_of(const Json& json)
{
    test::Checker checker{test::load_schema("tune.schema.json"), {}};
    checker.check(json, checker.root, "");
    return checker.faults;
}

Json json_of(const tune::Proposal& proposal)
{
    return Json::parse(render_proposals_json({&proposal, 1})).at("proposals").at(0);
}

std::size_t keys_named(const Json& properties, const std::string& text)
{
    std::size_t seen = 0;
    for (const auto& [key, rule] : properties.items()) {
        CAPTURE(key);
        CHECK(text.find("`" + key + "`") != std::string::npos);
        ++seen;
    }
    return seen;
}

}  // namespace

TEST_CASE("the JSON about tuning is the golden one", "[tune][golden]")
{
    check_golden("tune.json", render_proposals_json(sample::all(), sample::run()));
}

TEST_CASE("the JSON about tuning keeps to its schema", "[tune][schema]")
{
    const std::vector<std::string> none;
    Json json = Json::parse(render_proposals_json(sample::all(), sample::run()));
    CHECK(faults_of(json) == none);
    CHECK(json.at("proposals").size() == sample::all().size());
    CHECK(faults_of(Json::parse(render_proposals_json({}))) == none);
    const tune::Proposal empty;
    CHECK(faults_of(Json::parse(render_proposals_json({&empty, 1}, {.command = {"./job", "a\xff"}}))) == none);
    // It would notice.
    json["proposals"][0]["values"][0]["unit"] = "furlongs";
    json["proposals"][0]["trials"][0].erase("note");
    json["proposals"][1]["colour"] = "red";
    CHECK(faults_of(json).size() == 3);
}

TEST_CASE("what is not known is null in the JSON about tuning", "[tune]")
{
    const Json cpu = json_of(sample::cpu_limit());
    CHECK(cpu["values"][0]["interval"]["low"] == 18.9e6);
    CHECK(cpu["values"][0]["confidence"] == 0.95);
    CHECK(cpu["values"][1]["interval"] == nullptr);
    CHECK(cpu["values"][1]["confidence"] == nullptr);
    CHECK(cpu["evidence"][5]["value"] == nullptr);
    CHECK(cpu["evidence"][3]["unit"] == nullptr);
    CHECK(cpu["trials"][1]["latency_p99"] == nullptr);
    // No upper end is not no interval.
    CHECK(json_of(sample::memory_limit())["values"][1]["interval"]["high"] == nullptr);
    CHECK(json_of(sample::memory_limit())["values"][1]["interval"]["low"] == 61 * sample::kMiB);
    CHECK(json_of(sample::pids_limit())["values"][0]["before"] == nullptr);
    CHECK(json_of(sample::pids_inconclusive())["took_ns"] == nullptr);
    CHECK(json_of({})["cgroup"] == nullptr);
    const Json bare = Json::parse(render_proposals_json({}));
    for (const char* key :
         {"host", "kernel", "arch", "flyball_version", "start_wall_ns", "start_utc", "took_ns", "command"}) {
        CAPTURE(key);
        CHECK(bare.at(key) == nullptr);
    }
}

TEST_CASE("docs/tune-json.md names every key and every word of tune.schema.json", "[tune][docs]")
{
    std::ifstream file(std::string(FLYBALL_SOURCE_DIR) + "/docs/tune-json.md");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const Json schema = test::load_schema("tune.schema.json");
    std::size_t seen = keys_named(schema.at("properties"), text);
    for (const auto& [definition, rule] : schema.at("$defs").items()) {
        const Json properties = rule.value("properties", Json::object());  // outlives the loop over it
        seen += keys_named(properties, text);
    }
    CHECK(seen > 40);
    for (const char* words : {"answer", "resource", "verdict", "unit"}) {
        for (const Json& word : schema.at("$defs").at(words).at("enum")) {
            CAPTURE(words, word.dump());
            CHECK(text.find("`" + (word.is_null() ? "null" : word.get<std::string>()) + "`") != std::string::npos);
        }
    }
}

TEST_CASE("the schema has every word that tuners have", "[tune][schema]")
{
    const Json definitions = test::load_schema("tune.schema.json").at("$defs");
    const auto has = [&](const char* definition, std::string_view word) {
        const Json words = definitions.at(definition).at("enum");
        return std::find(words.begin(), words.end(), word.empty() ? Json(nullptr) : Json(word)) != words.end();
    };
    for (int i = 0; name(static_cast<tune::Answer>(i)) != "?"; ++i)
        CHECK(has("answer", name(static_cast<tune::Answer>(i))));
    for (int i = 0; name(static_cast<tune::Resource>(i)) != "?"; ++i)
        CHECK(has("resource", name(static_cast<tune::Resource>(i))));
    for (int i = 0; name(static_cast<tune::Verdict>(i)) != "?"; ++i)
        CHECK(has("verdict", name(static_cast<tune::Verdict>(i))));
    for (int i = 0; name(static_cast<tune::Unit>(i)) != "?"; ++i)
        CHECK(has("unit", name(static_cast<tune::Unit>(i))));
}
