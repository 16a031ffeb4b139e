// SPDX-License-Identifier: Apache-2.0
#include "flyball/calibrate/write.hpp"
#include "support.hpp"

using namespace flyball::calibrate;
using namespace flyball::test;

namespace {

std::string written(const std::string& text, const CalibratedValues& values)
{
    const auto result = write_calibrated(text, values);
    INFO((result ? "" : result.error().what));
    REQUIRE(result);
    return *result;
}

std::string minimal(const std::string& limits)
{
    return R"({"name": "a", "components": [{"name": "b", "resource_limits": )" + limits +
           R"(, "command": "c", "scenarios": [{"name": "n"}]}]})";
}

// What becomes of one limit.
std::string one(const std::string& limits, const std::string& file, const std::string& value)
{
    const std::string text = minimal(limits);
    const std::string result = written(text, {{"b", {{file, value}}}});
    CHECK(parsed(result).components[0].limits.at(file) == value);
    const auto begin = result.find("limits\": ") + 9;
    return result.substr(begin, result.find(", \"command\"") - begin);
}

}  // namespace

TEST_CASE("calibrated: only the tokens of the limits change, and it reads back as meant")
{
    const CalibratedValues values{{"served",
                                   {{"memory.max", "483393536"},
                                    {"memory.high", "400003072"},
                                    {"cpu.max", "180000 1000000"},
                                    {"pids.max", "51"},
                                    {"io.weight", "90"}}},
                                  {"living", {{"memory.max", "536870912"}, {"cpu.max", "45500 100000"}}}};
    const std::string before = full_spec();
    const std::string after = written(before, values);
    // The same by hand.
    std::string expected = before;
    for (const auto& [from, to] : {std::pair{"\"512M\"", "\"461M\""},
                                   {"402653184", "400003072"},
                                   {"200000", "180000"},
                                   {"\"64\"", "\"51\""},
                                   {"\"default 100\"", "\"default 90\""}})
        expected = replaced(expected, from, to);
    expected = replaced(expected, R"("memory": { "max": "1G" }, "cpu": { "max": "50%" })",
                        R"("memory": { "max": "512M" }, "cpu": { "max": "45.5%" })");
    CHECK(after == expected);

    Spec spec = parsed(before);
    for (auto& component : spec.components)
        for (const auto& [file, value] : values.at(component.name))
            component.limits[file] = value;
    CHECK(parsed(after) == spec);
    CHECK(written(before, {}) == before);
    CHECK(written(before, {{"served", {{"memory.max", "536870912"}}}}) == before);
}

TEST_CASE("calibrated: a value keeps its form where that can say it")
{
    CHECK(one(R"({"memory.max": "512M"})", "memory.max", "482344960") == R"({"memory.max": "460M"})");
    CHECK(one(R"({"memory.max": "1.5 GiB"})", "memory.max", "482344960") == R"({"memory.max": "460 MiB"})");
    CHECK(one(R"({"memory.max": "512m"})", "memory.max", "482349056") == R"({"memory.max": "471044k"})");
    CHECK(one(R"({"memory.max": "512M"})", "memory.max", "max") == R"({"memory.max": "max"})");
    CHECK(one(R"({"memory.max": "max"})", "memory.max", "482344960") == R"({"memory.max": "482344960"})");
    CHECK(one(R"({"memory.max": 536870912})", "memory.max", "max") == R"({"memory.max": "max"})");
    CHECK(one(R"({"cpu.max": "20ms/100ms"})", "cpu.max", "18500 100000") == R"({"cpu.max": "18500us/100ms"})");
    CHECK(one(R"({"cpu.max": "20%"})", "cpu.max", "18500 100000") == R"({"cpu.max": "18.5%"})");
    CHECK(one(R"({"cpu.max": "20%"})", "cpu.max", "18500 50000") == R"({"cpu.max": "18500 50000"})");
    CHECK(one(R"({"cpu.max": 20000})", "cpu.max", "18500 100000") == R"({"cpu.max": 18500})");
    CHECK(one(R"({"cpu.max": 20000})", "cpu.max", "18500 50000") == R"({"cpu.max": "18500 50000"})");
    CHECK(one(R"({"pids.max": 64})", "pids.max", "51") == R"({"pids.max": 51})");
    CHECK(one(R"({"pids": {"max": "64"}})", "pids.max", "51") == R"({"pids": {"max": "51"}})");
}

TEST_CASE("calibrated: a limit that was not there is added as its neighbours stand")
{
    CHECK(one("{}", "pids.max", "51") == R"({"pids.max": 51})");
    CHECK(one("{\n  // why\n  \"pids.max\": 4 // tasks\n}", "cpu.max", "5000 100000") ==
          "{\n  // why\n  \"cpu.max\": \"5000 100000\",\n  \"pids.max\": 4 // tasks\n}");
    CHECK(one(R"({"cpu": {"max": "20%"}})", "cpu.max.burst", "5000") ==
          R"({"cpu": {"max.burst": 5000, "max": "20%"}})");
    const std::string two = written(minimal("{}"), {{"b", {{"pids.max", "51"}, {"memory.max", "4194304"}}}});
    CHECK(parsed(two).components[0].limits.size() == 2);
}

TEST_CASE("calibrated: what cannot be written says why")
{
    CHECK_THAT(write_calibrated("{", {}).error().what, ContainsSubstring("not JSON"));
    CHECK_THAT(write_calibrated(minimal("{}"), {{"x", {}}}).error().what, ContainsSubstring("no component 'x'"));
    CHECK_THAT(write_calibrated(minimal("{}"), {{"b", {{"memory.mux", "1"}}}}).error().what,
               ContainsSubstring("memory.mux"));
    CHECK_THAT(write_calibrated(minimal("{}"), {{"b", {{"memory.max", "a lot"}}}}).error().what,
               ContainsSubstring("a lot"));
    CHECK(calibrated_name("specs/p1/P1.5-cgroup-quotas.json") == "specs/p1/P1.5-cgroup-quotas.calibrated.json");
    CHECK(calibrated_name("a") == "a.calibrated.json");
    CHECK(calibrated_name("a.json", "quick") == "a.quick.calibrated.json");
}
