// SPDX-License-Identifier: Apache-2.0
// optimal_values.json against its schema and its page.
#include "flyball/report/calibration.hpp"
#include "golden.hpp"
#include "json_schema.hpp"
#include "sample_calibration.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

using namespace flyball;
using namespace flyball::report;
using flyball::test::check_golden;
using test::Json;
namespace sample = flyball::test::calibration_sample;

namespace {

constexpr const char* kSchemaFile = "optimal-values.schema.json";

std::vector<std::string> faults_of(const Json& json)
{
    test::Checker checker{test::load_schema(kSchemaFile), {}};
    checker.check(json, checker.root, "");
    return checker.faults;
}

Json json_of(const calibrate::ComponentResult& component)
{
    return Json::parse(render_optimal_values(sample::of({component}))).at("components").at(0);
}

}  // namespace

TEST_CASE("optimal_values.json is the golden one", "[calibration][golden]")
{
    check_golden("calibration-values.json", render_optimal_values(sample::all()));
}

TEST_CASE("optimal_values.json keeps to its schema", "[calibration][schema]")
{
    const std::vector<std::string> none;
    Json json = Json::parse(render_optimal_values(sample::all()));
    CHECK(faults_of(json) == none);
    CHECK(json.at("components").size() == sample::all().components.size());
    CHECK(faults_of(Json::parse(render_optimal_values({}))) == none);
    CHECK(faults_of(Json::parse(render_optimal_values(
              sample::of({{.name = {}, .summary = {}, .before = {}, .after = {}, .oom = {}}})))) == none);
    // It would notice.
    json["components"][0]["end"] = "perhaps";
    json["components"][0]["values"]["memory.max"]["unit"] = "furlongs";
    json["components"][0]["values"]["cpu.max"].erase("n");
    json["components"][1]["colour"] = "red";
    CHECK(faults_of(json).size() == 4);
}

TEST_CASE("optimal_values.json has the values as they are written, and as numbers", "[calibration]")
{
    const Json values = json_of(sample::agent_loop()).at("values");
    CHECK(values["cpu.max"]["value"] == "176000 1000000");
    CHECK(values["cpu.max"]["number"] == 0.176);
    CHECK(values["cpu.max"]["unit"] == "cpus");
    CHECK(values["cpu.max"]["before"] == Json{{"value", "200000 1000000"}, {"number", 0.2}});
    CHECK(values["cpu.max"]["change"] == -0.12);
    // The tuner said it in nanoseconds of a period of one second, and proposed less than what held in the end.
    CHECK(values["cpu.max"]["interval"] == Json{{"low", 0.148}, {"high", 0.171}});
    CHECK(values["cpu.max"]["proposed"] == "160000 1000000");
    CHECK(values["cpu.max"]["confidence"] == 0.95);
    CHECK(values["cpu.max"]["n"] == 12);
    CHECK(values["cpu.max"]["refused"][0]["why"] == "throughput surely below 80%");
    CHECK(values["memory.max"]["number"] == 536870912);
    CHECK(values["memory.max"]["number"].is_number_integer());
    CHECK(values["memory.high"]["before"]["value"] == nullptr);
    CHECK(values["io.weight"]["unit"] == nullptr);
}

TEST_CASE("what is not known is null in optimal_values.json", "[calibration]")
{
    const Json bare = Json::parse(render_optimal_values({}));
    for (const char* key : {"host", "kernel", "arch", "flyball_version", "start_wall_ns", "start_utc", "took_ns"}) {
        CAPTURE(key);
        CHECK(bare.at(key) == nullptr);
    }
    const Json hostile = json_of(sample::hostile());
    CHECK(hostile["values"]["memory.max"]["before"]["number"] == nullptr);
    CHECK(hostile["values"]["memory.max"]["change"] == nullptr);
    CHECK(hostile["values"]["memory.max"]["interval"]["high"] == nullptr);
    CHECK(hostile["values"]["memory.max"]["interval"]["low"] == 1000 * sample::kMiB);
    CHECK(hostile["scenarios"][0]["retention"] == nullptr);
    CHECK(hostile["scenarios"][0]["targets"][0]["estimate"] == nullptr);
    CHECK(hostile["oom"] == nullptr);
    // Measured once: there is nothing that could be left of it.
    CHECK(json_of(sample::router())["scenarios"][0]["retention"] == nullptr);
}

TEST_CASE("docs/calibrate-report.md names every key and every word of the schema", "[calibration][docs]")
{
    std::ifstream file(std::string(FLYBALL_SOURCE_DIR) + "/docs/calibrate-report.md");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const Json schema = test::load_schema(kSchemaFile);
    std::size_t seen = 0;
    const auto named = [&](const std::string& word) {
        CAPTURE(word);
        CHECK(text.find("`" + word + "`") != std::string::npos);
        ++seen;
    };
    for (const auto& [key, rule] : schema.at("properties").items())
        named(key);
    for (const auto& [definition, rule] : schema.at("$defs").items()) {
        const Json properties = rule.value("properties", Json::object());  // outlives the loop over it
        for (const auto& [key, inner] : properties.items())
            named(key);
        const Json words = rule.value("enum", Json::array());
        for (const Json& word : words)
            if (word.is_string())
                named(word.get<std::string>());
    }
    CHECK(seen > 60);
}

TEST_CASE("the schema has every word that calibrations have", "[calibration][schema]")
{
    const Json definitions = test::load_schema(kSchemaFile).at("$defs");
    const auto has = [&](const char* definition, std::string_view word) {
        const Json words = definitions.at(definition).at("enum");
        CAPTURE(word);
        CHECK(std::find(words.begin(), words.end(), word.empty() ? Json(nullptr) : Json(word)) != words.end());
    };
    for (int i = 0; name(static_cast<calibrate::End>(i)) != "?"; ++i)
        has("end", name(static_cast<calibrate::End>(i)));
    for (int i = 0; name(static_cast<calibrate::Outcome>(i)) != "?"; ++i)
        has("outcome", name(static_cast<calibrate::Outcome>(i)));
    for (int i = 0; name(static_cast<calibrate::Unit>(i)) != "?"; ++i)
        has("target_unit", name(static_cast<calibrate::Unit>(i)));
    for (int i = 0; name(static_cast<tune::Answer>(i)) != "?"; ++i)
        has("answer", name(static_cast<tune::Answer>(i)));
    for (int i = 0; name(static_cast<tune::Unit>(i)) != "?"; ++i)
        has("unit", name(static_cast<tune::Unit>(i)));
}
