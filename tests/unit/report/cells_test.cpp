// SPDX-License-Identifier: Apache-2.0
// The room's own header: its texts are what keeps lines within 80 columns.
#include "../../../src/report/cells.hpp"
#include "../../../src/report/text/report_parts.hpp"
#include "support/catch.hpp"

using flyball::display_width;
using flyball::harmless;
using namespace flyball::report;

TEST_CASE("widths are what a terminal shows", "[report][cells]")
{
    CHECK(display_width("abc") == 3);
    CHECK(display_width("\xc3\xa4") == 1);                  // a umlaut
    CHECK(display_width("\xe6\xbc\xa2\xe5\xad\x97") == 4);  // two ideographs
    CHECK(display_width("e\xcc\x81") == 1);                 // combining acute
    CHECK(display_width("\xf0\x9f\x90\xa7") == 2);          // penguin
    CHECK(display_width("\xff") == 1);
}

TEST_CASE("squeezing keeps both ends and whole characters", "[report][cells]")
{
    CHECK(squeeze("/short", 10) == "/short");
    CHECK(squeeze("/system.slice/docker-0123456789.scope", 20) == "/syste...56789.scope");
    CHECK(squeeze("abcdef", 3) == "abc");
    const std::string wide = "/\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97";
    for (std::size_t width = 0; width < 16; ++width) {
        CAPTURE(width);
        CHECK(display_width(squeeze(wide, width)) <= width);
        CHECK(harmless(squeeze(wide, width)) == squeeze(wide, width));
    }
}

TEST_CASE("what a terminal, XML or YAML would choke on is spelled out", "[report][cells]")
{
    CHECK(harmless("a\nb\x1b\xff") == "a\\x0ab\\x1b\\xff");
    CHECK(harmless("\xef\xbf\xbe \xef\xbf\xbf") == "\\xef\\xbf\\xbe \\xef\\xbf\\xbf");
    CHECK(harmless("\xef\xbf\xbd") == "\xef\xbf\xbd");  // U+FFFD is a character
}

TEST_CASE("wrapping loses nothing", "[report][cells]")
{
    CHECK(wrap("one two three", 7) == std::vector<std::string>{"one two", "three"});
    CHECK(wrap("abcdefgh", 3) == std::vector<std::string>{"abc", "def", "gh"});
    CHECK(wrap("", 10).empty());
}

TEST_CASE("narrow numbers have at most six columns", "[report][cells]")
{
    for (std::uint64_t value = 1; value != 0; value = value > ~0ULL / 3 ? 0 : value * 3) {
        CAPTURE(value);
        CHECK(narrow_count(value).size() <= 6);
        CHECK(narrow_ns(value).size() <= 6);
        CHECK(narrow_bytes(value).size() <= 6);
    }
    CHECK(narrow_ns(12'300) == "12.3us");
    CHECK(narrow_ns(725'000'000'000) == "12m05s");
    CHECK(narrow_ns(7'380'000'000'000) == "2h03m");
    CHECK(narrow_bytes(64U << 20U) == "64.0M");
    CHECK(narrow_count(1'234'567) == "1.23M");
}

TEST_CASE("log2 rows hold every bucket", "[report][cells]")
{
    flyball::profile::Histogram hist;
    for (const std::uint64_t value : {0ULL, 1ULL, 3ULL, 4ULL, 7ULL, 1000ULL, ~0ULL})
        hist.add(value);
    const auto rows = log2_rows(hist.buckets());
    REQUIRE(rows.size() == 65);
    CHECK(rows[0] == Log2Row{0, 0, 1});
    CHECK(rows[1] == Log2Row{1, 1, 1});
    CHECK(rows[2] == Log2Row{2, 3, 1});
    CHECK(rows[3] == Log2Row{4, 7, 2});
    CHECK(rows[10] == Log2Row{512, 1023, 1});
    CHECK(rows[64] == Log2Row{1ULL << 63U, ~0ULL, 1});
    CHECK(log2_rows({}).empty());
}

TEST_CASE("names of devices, sizes and days", "[report][cells]")
{
    CHECK(device_name((254U << 20U) | 16U) == "254:16");
    CHECK(op_name(FB_OP_WRITE) == "write");
    CHECK(op_name(77) == "other");
    CHECK(size_class(12) == "[4 KiB, 8 KiB)");
    CHECK(size_class(9) == "[512 B, 1 KiB)");
    CHECK(utc(0) == "1970-01-01 00:00:00 UTC");
    CHECK(utc(951'782'399'000'000'000) == "2000-02-28 23:59:59 UTC");
}
