// SPDX-License-Identifier: Apache-2.0
// docs/explain.schema.json and docs/explain-json.md against what render_explain_json() writes.
#include "flyball/report/explain.hpp"
#include "json_schema.hpp"
#include "sample_books.hpp"
#include "support/catch.hpp"

using namespace flyball;
using test::Json;

namespace {

Json schema()
{
    return test::load_schema("explain.schema.json");
}

std::vector<std::string> faults_of(const profile::Snapshot& snapshot, const ledger::Books& books)
{
    test::Checker checker{schema(), {}};
    const diagnose::Options options{.cgroups = {}, .top = 3};
    const auto explanation = diagnose::build_explanation(snapshot, books, options);
    checker.check(Json::parse(report::render_explain_json(explanation)), checker.root, "");
    return checker.faults;
}

}  // namespace

TEST_CASE("the JSON explanation keeps to its schema", "[explain][schema]")
{
    CHECK(faults_of(test::books_snapshot(), test::sample_books()) == std::vector<std::string>{});
    CHECK(faults_of(test::books_snapshot(), test::quiet_books()) == std::vector<std::string>{});
    CHECK(faults_of(test::blind_snapshot(), test::blind_books()) == std::vector<std::string>{});
    CHECK(faults_of({}, {}) == std::vector<std::string>{});
}

TEST_CASE("docs/explain-json.md names every part and every key of the top level", "[explain][docs]")
{
    std::ifstream file(std::string(FLYBALL_SOURCE_DIR) + "/docs/explain-json.md");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    for (std::size_t i = 0; i < ledger::kParts; ++i) {
        const auto key = std::string(ledger::name(static_cast<ledger::Part>(i))) + "_ns";
        CAPTURE(key);
        CHECK(text.find("`" + key + "`") != std::string::npos);
    }
    const auto properties = schema()["properties"];  // outlives the loop over it
    for (const auto& [key, value] : properties.items()) {
        CAPTURE(key);
        CHECK(text.find("`" + key + "`") != std::string::npos);
    }
}
