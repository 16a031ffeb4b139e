// SPDX-License-Identifier: Apache-2.0
#include "flyball/calibrate/command.hpp"
#include "support/catch.hpp"

using namespace flyball::calibrate;

TEST_CASE("placeholders: shell and awk stay what they are")
{
    using Names = std::vector<std::string>;
    CHECK(placeholders("serve {duration} --workers {workers}") == Names{"duration", "workers"});
    CHECK(placeholders("echo ${HOME} ${workers} {} { x; } {A} {1} a{b,c}").empty());
    CHECK(placeholders("awk '{{print}}'").empty());
    CHECK(placeholders("{a}{a}{{b}}{c") == Names{"a", "a"});
    CHECK(fill("awk '{{print}} ' {n}x ${n} {{n}", {{"n", "4"}}).value() == "awk '{print} ' 4x ${n} {4");
    const auto missing = fill("{rate}", {});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().what == "{rate} has no value");
    CHECK(fill(Command{{"a", "{n}"}}, {{"n", "4"}}).value() == Names{"a", "4"});
}
