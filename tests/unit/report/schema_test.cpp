// SPDX-License-Identifier: Apache-2.0
// docs/report.schema.json against what render_json() writes: enough of JSON Schema for the subset
// that the schema uses (type, required, properties, items, additionalProperties, enum, const, $ref).
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "flyball/report/model.hpp"
#include "sample_snapshot.hpp"
#include "support/catch.hpp"

using namespace flyball;
using Json = nlohmann::json;

namespace {

Json schema() {
    std::ifstream file(std::string(FLYBALL_SOURCE_DIR) + "/docs/report.schema.json");
    return Json::parse(file);
}

std::string type_of(const Json& value) {
    if (value.is_number_integer()) return "integer";
    if (value.is_number()) return "number";
    return value.type_name();
}

bool has_type(const Json& value, const Json& wanted) {
    if (wanted.is_array()) {
        return std::any_of(wanted.begin(), wanted.end(), [&](const Json& one) { return has_type(value, one); });
    }
    return wanted == type_of(value) || (wanted == "number" && value.is_number());
}

struct Checker {
    Json root;
    std::vector<std::string> faults;

    void check(const Json& value, Json rule, const std::string& at) {
        if (rule.contains("$ref")) rule = root.at(Json::json_pointer(rule["$ref"].get<std::string>().substr(1)));
        if (rule.contains("const") && value != rule["const"]) faults.push_back(at + ": const");
        if (rule.contains("enum") && std::find(rule["enum"].begin(), rule["enum"].end(), value) == rule["enum"].end()) {
            faults.push_back(at + ": not one of the enum");
        }
        if (rule.contains("type") && !has_type(value, rule["type"])) faults.push_back(at + ": is " + type_of(value));
        if (value.is_array() && rule.contains("items")) {
            for (std::size_t i = 0; i < value.size(); ++i) check(value[i], rule["items"], at + "/" + std::to_string(i));
        }
        if (value.is_object()) check_object(value, rule, at);
    }

    void check_object(const Json& value, const Json& rule, const std::string& at) {
        for (const auto& key : rule.value("required", Json::array())) {
            if (!value.contains(key.get<std::string>())) faults.push_back(at + ": lacks " + key.get<std::string>());
        }
        const Json known = rule.value("properties", Json::object());
        const Json rest = rule.value("additionalProperties", Json(true));
        for (const auto& [key, item] : value.items()) {
            if (known.contains(key)) {
                check(item, known[key], at + "/" + key);
            } else if (rest.is_object()) {
                check(item, rest, at + "/" + key);
            } else if (rest == false) {
                faults.push_back(at + ": " + key + " is not in the schema");
            }
        }
    }
};

std::vector<std::string> faults_of(const profile::Snapshot& snapshot) {
    const auto rows = audit::audit(snapshot);
    Checker checker{schema(), {}};
    checker.check(Json::parse(report::render_json(report::build(snapshot, rows))), checker.root, "");
    return checker.faults;
}

}  // namespace

TEST_CASE("the JSON report keeps to its schema", "[report][schema]") {
    CHECK(faults_of(test::sample_snapshot()) == std::vector<std::string>{});
    CHECK(faults_of({}) == std::vector<std::string>{});
    profile::Snapshot unseen = test::sample_snapshot();
    unseen.meta.coverage.clear();
    unseen.ooms[0].decision_seen = false;
    unseen.ooms[0].group_policy.reset();
    CHECK(faults_of(unseen) == std::vector<std::string>{});
}

TEST_CASE("the schema check would notice", "[report][schema]") {
    Checker checker{schema(), {}};
    checker.check(Json{{"schema", "flyball.report/2"}, {"surprise", 1}}, checker.root, "");
    CHECK(checker.faults.size() > 5);
}

TEST_CASE("docs/report-json.md names every metric and every key of the top level", "[report][docs]") {
    std::ifstream file(std::string(FLYBALL_SOURCE_DIR) + "/docs/report-json.md");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    for (const report::Metric& metric : report::metrics()) {
        CAPTURE(metric.name);
        CHECK(text.find("`" + std::string(metric.name) + "`") != std::string::npos);
        CHECK(text.find(std::string(metric.help)) != std::string::npos);
    }
    const auto properties = schema()["properties"];  // outlives the loop over it
    for (const auto& [key, value] : properties.items()) {
        CAPTURE(key);
        CHECK(text.find("`" + key + "`") != std::string::npos);
    }
}
