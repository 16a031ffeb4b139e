#include "flyball/base/units.hpp"
#include "support/catch.hpp"

#include <limits>

using namespace flyball;
using flyball::test::ContainsSubstring;

TEST_CASE("durations in all their forms", "[base][units]")
{
    struct Row {
        const char* text;
        std::uint64_t ns;
    };
    for (const Row row : {Row{"30s", 30'000'000'000},
                          {"1m30s", 90'000'000'000},
                          {"500ms", 500'000'000},
                          {"2h", 7'200'000'000'000},
                          {"10", 10'000'000'000},
                          {"0.5", 500'000'000},
                          {"1.5s", 1'500'000'000},
                          {"250us", 250'000},
                          {"100ns", 100},
                          {" 5s ", 5'000'000'000},
                          {"1h1m1s", 3'661'000'000'000},
                          {"1d", 86'400'000'000'000},
                          {"0m5s", 5'000'000'000}}) {
        INFO(row.text);
        const auto parsed = parse_duration(row.text);
        REQUIRE(parsed);
        CHECK(*parsed == row.ns);
    }
}

TEST_CASE("what is no duration is refused, by name and with the form expected", "[base][units]")
{
    for (const char* text : {"",
                             " ",
                             "0",
                             "0s",
                             "-5s",
                             "s",
                             "5x",
                             "5 s",
                             "1s1s",
                             "1s1m",
                             "30s5",
                             "1..5s",
                             "1.s",
                             ".5s",
                             "1e3",
                             "+5",
                             "99999999999999999999s",
                             "300000d",
                             "1m 30s",
                             "0.0000000001s",
                             "nan",
                             "inf",
                             "5S"}) {
        INFO(text);
        const auto parsed = parse_duration(text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().kind == ErrorKind::Usage);
        CHECK_THAT(parsed.error().what, ContainsSubstring("'" + std::string(text) + "'"));
        CHECK_THAT(parsed.error().hint, ContainsSubstring("1m30s"));
    }
}

TEST_CASE("sizes are powers of 1024", "[base][units]")
{
    struct Row {
        const char* text;
        std::uint64_t bytes;
    };
    for (const Row row : {Row{"4096", 4096},
                          {"64M", 64U << 20},
                          {"64MiB", 64U << 20},
                          {"64mb", 64U << 20},
                          {"1.5G", 1536ULL << 20},
                          {"0", 0},
                          {"1k", 1024},
                          {"12 KiB", 12288},
                          {"7B", 7},
                          {"18446744073709551615", std::numeric_limits<std::uint64_t>::max()}}) {
        INFO(row.text);
        const auto parsed = parse_bytes(row.text);
        REQUIRE(parsed);
        CHECK(*parsed == row.bytes);
    }
    for (const char* text :
         {"", "max", "-1", "M", "1.5", "64X", "64MM", "64Mi", "18446744073709551616", "16777216T", "1 2", "0x10"}) {
        INFO(text);
        const auto parsed = parse_bytes(text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().kind == ErrorKind::Usage);
    }
}

TEST_CASE("numbers for people have three significant digits", "[base][units]")
{
    CHECK(format_ns(0) == "0 ns");
    CHECK(format_ns(830) == "830 ns");
    CHECK(format_ns(999) == "999 ns");
    CHECK(format_ns(1000) == "1.00 us");
    CHECK(format_ns(1'250'000) == "1.25 ms");
    CHECK(format_ns(999'999) == "1.00 ms");
    CHECK(format_ns(9'999'000) == "10.0 ms");
    CHECK(format_ns(12'300'000'000) == "12.3 s");
    CHECK(format_ns(123'456'000'000) == "123 s");
    CHECK(format_ns(754'000'000'000) == "12 min 34 s");
    CHECK(format_ns(7'380'000'000'000) == "2 h 03 min");
    CHECK(format_ns(std::numeric_limits<std::uint64_t>::max()) == "213503 d 23 h");
    CHECK(format_bytes(512) == "512 B");
    CHECK(format_bytes(64U << 20) == "64.0 MiB");
    CHECK(format_bytes(1536ULL << 20) == "1.50 GiB");
    CHECK(format_bytes((1ULL << 20) - 1) == "1.00 MiB");
    CHECK(format_bytes(std::numeric_limits<std::uint64_t>::max()) == "16.0 EiB");
    CHECK(format_count(0) == "0");
    CHECK(format_count(999) == "999");
    CHECK(format_count(12'345) == "12.3 k");
    CHECK(format_count(999'999) == "1.00 M");
    CHECK(format_percent(0.1234) == "12.3%");
    CHECK(format_percent(0) == "0.0%");
    CHECK(format_percent(1) == "100.0%");
    CHECK(format_percent(0.0004) == "0.04%");
    CHECK(format_percent(0.000001) == "<0.01%");
    CHECK(format_percent(std::numeric_limits<double>::quiet_NaN()) == "-");
}

TEST_CASE("share: per cent or a part of one, and nothing else")
{
    CHECK(parse_share("5%").value() == 0.05);
    CHECK(parse_share("12.5%").value() == 0.125);
    CHECK(parse_share("0.8").value() == 0.8);
    CHECK(parse_share("0").value() == 0);
    CHECK(parse_share("100%").value() == 1);
    for (const char* wrong : {"", "%", "five", "5 %x", "-1%", "101%", "1.5", "nan", "inf", "0x1", "1e-1"}) {
        const auto parsed = parse_share(wrong);
        INFO(wrong);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().kind == ErrorKind::Usage);
        CHECK(parsed.error().what.find(wrong) != std::string::npos);
    }
    CHECK(parse_share("5").error().hint == "5% perhaps");
}
