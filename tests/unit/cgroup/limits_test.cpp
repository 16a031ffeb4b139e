#include "flyball/cgroup/limits.hpp"
#include "support/catch.hpp"

using namespace flyball;
using namespace flyball::cgroup;

TEST_CASE("cpu.max in all its forms", "[cgroup][limits]")
{
    struct Row {
        const char* text;
        CpuMax limit;
        const char* file;
    };
    for (const Row row : {Row{"20ms/100ms", {20'000, 100'000}, "20000 100000"},
                          {"20ms", {20'000, 100'000}, "20000 100000"},
                          {"20000 100000", {20'000, 100'000}, "20000 100000"},
                          {"20000", {20'000, 100'000}, "20000 100000"},
                          {"50%", {50'000, 100'000}, "50000 100000"},
                          {"250%", {250'000, 100'000}, "250000 100000"},
                          {"12.5%", {12'500, 100'000}, "12500 100000"},
                          {"max", {kUnlimited, 100'000}, "max 100000"},
                          {"max 50000", {kUnlimited, 50'000}, "max 50000"},
                          {"max/50ms", {kUnlimited, 50'000}, "max 50000"},
                          {"1ms/1ms", {1'000, 1'000}, "1000 1000"},
                          {"10s/1s", {10'000'000, 1'000'000}, "10000000 1000000"}}) {
        INFO(row.text);
        const auto parsed = parse_cpu_max(row.text);
        REQUIRE(parsed);
        CHECK(*parsed == row.limit);
        CHECK(cpu_max_text(*parsed) == row.file);
    }
    for (const char* text : {"",
                             "x",
                             "0",
                             "0%",
                             "0.5%",
                             "999us",
                             "999",
                             "20ms/",
                             "/100ms",
                             "20ms/999us",
                             "20ms/1001ms",
                             "20ms/max",
                             "1 2 3",
                             "-5%",
                             "17592186044416 100000",
                             "18446744073709551615",
                             "20ms/100ms/1",
                             "1.5us/100ms",
                             "%",
                             "50%%",
                             "99999999999999999999%"}) {
        INFO(text);
        const auto parsed = parse_cpu_max(text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().kind == ErrorKind::Usage);
        CHECK_FALSE(parsed.error().hint.empty());
    }
}

TEST_CASE("memory and pids limits", "[cgroup][limits]")
{
    CHECK(parse_memory_limit("64M") == (64U << 20));
    CHECK(parse_memory_limit("max") == kUnlimited);
    for (const char* text : {"", "0", "4095", "16E", "9223372036854775807", "18446744073709551615", "-1"}) {
        INFO(text);
        CHECK_FALSE(parse_memory_limit(text));
    }
    CHECK(parse_pids_max("512") == 512U);
    CHECK(parse_pids_max(" max ") == kUnlimited);
    for (const char* text : {"", "0", "4194305", "1.5", "18446744073709551615"}) {
        INFO(text);
        CHECK_FALSE(parse_pids_max(text));
    }
}

TEST_CASE("limits are checked together", "[cgroup][limits]")
{
    CHECK(validate({}));
    CHECK_FALSE(Limits{}.any());
    CHECK(validate({.memory_max = 64 << 20, .memory_high = 32 << 20}));
    CHECK_FALSE(validate({.memory_max = 32 << 20, .memory_high = 64 << 20}));
    CHECK(validate({.memory_max = 32 << 20, .memory_high = kUnlimited}));
    CHECK_FALSE(validate({.cpu_max = CpuMax{.quota_us = 10}}));
    CHECK_FALSE(validate({.pids_max = 0}));
    CHECK_FALSE(validate({.memory_max = 1}));
}
