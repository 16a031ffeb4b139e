// SPDX-License-Identifier: Apache-2.0
// docs/report.schema.json against what render_json() writes.
#include "flyball/report/model.hpp"
#include "json_schema.hpp"
#include "sample_snapshot.hpp"
#include "support/catch.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <string>
#include <vector>

using namespace flyball;
using Json = nlohmann::json;

namespace {

Json schema()
{
    return test::load_schema("report.schema.json");
}

std::vector<std::string> faults_of(const profile::Snapshot& snapshot)
{
    const auto rows = audit::audit(snapshot);
    test::Checker checker{schema(), {}};
    checker.check(Json::parse(report::render_json(report::build(snapshot, rows))), checker.root, "");
    return checker.faults;
}

}  // namespace

TEST_CASE("the JSON report keeps to its schema", "[report][schema]")
{
    CHECK(faults_of(test::sample_snapshot()) == std::vector<std::string>{});
    CHECK(faults_of({}) == std::vector<std::string>{});
    profile::Snapshot unseen = test::sample_snapshot();
    unseen.meta.coverage.clear();
    unseen.ooms[0].decision_seen = false;
    unseen.ooms[0].group_policy.reset();
    CHECK(faults_of(unseen) == std::vector<std::string>{});
}

TEST_CASE("the schema check would notice", "[report][schema]")
{
    test::Checker checker{schema(), {}};
    checker.check(Json{{"schema", "flyball.report/2"}, {"surprise", 1}}, checker.root, "");
    CHECK(checker.faults.size() > 5);
}

TEST_CASE("docs/report-json.md names every metric and every key of the top level", "[report][docs]")
{
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
