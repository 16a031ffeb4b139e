// SPDX-License-Identifier: Apache-2.0
#include "../../../src/calibrate/oom_json.hpp"
#include "support/catch.hpp"
#include "unit/report/sample_oom.hpp"

#include <string>

using namespace flyball;
using namespace flyball::calibrate;

namespace {

const Limits kLimits{{"memory.max", "67108864"}};

}  // namespace

TEST_CASE("OOM behaviour is kept as data: what is read is what was written", "[calibrate]")
{
    const OomBehaviour was{.not_tested = {}, .reports = {test::oom_sample::report()}};
    const auto read = oom_from_json(oom_to_json(was, kLimits), kLimits);
    REQUIRE(read);
    CHECK(read->reports == was.reports);
    // Under other limits it may be another.
    CHECK_FALSE(oom_from_json(oom_to_json(was, kLimits), {{"memory.max", "4096"}}));
    CHECK(read->tested());
    CHECK_FALSE(read->passed());
    const auto why = oom_from_json(oom_to_json({.not_tested = "it has no memory.max", .reports = {}}, {}), {});
    REQUIRE(why);
    CHECK(why->not_tested == "it has no memory.max");
    CHECK_FALSE(why->tested());
}

TEST_CASE("OOM behaviour: a text of another version is no result", "[calibrate]")
{
    CHECK_FALSE(oom_from_json("", {}));
    CHECK_FALSE(oom_from_json(R"({"tested": true, "passed": true, "text": "as it was kept before"})", {}));
    std::string text = oom_to_json({.not_tested = {}, .reports = {test::oom_sample::report()}}, {});
    text.replace(text.find("repetition"), 10, "repetitions");
    CHECK_FALSE(oom_from_json(text, {}));
}
