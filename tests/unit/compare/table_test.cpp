// SPDX-License-Identifier: Apache-2.0
#include "flyball/compare/load.hpp"
#include "flyball/compare/table.hpp"
#include "support/catch.hpp"

#include <string>

using namespace flyball;
using namespace flyball::compare;

namespace {

std::string error_of(std::string_view text)
{
    const auto table = parse_table(text);
    return table ? "" : table.error().what;
}

std::string load_error(std::string_view text)
{
    const auto runs = runs_of_text(text, "x", {});
    return runs ? "" : runs.error().what;
}

}  // namespace

TEST_CASE("table: CSV with its quotes", "[compare]")
{
    const auto table = parse_table("# made by hand\r\n\"p99, ms\",\"say \"\"rate\"\"\"\r\n1.5,2\r\n\r\n\"3\",4e2\r\n");
    REQUIRE(table);
    CHECK(table->header == std::vector<std::string>{"p99, ms", "say \"rate\""});
    REQUIRE(table->rows.size() == 2);
    CHECK(table->rows[1].fields == std::vector<std::string>{"3", "4e2"});
    CHECK(table->rows[1].line == 5);
}

TEST_CASE("table: tabs, lines of numbers, and numbers without a header", "[compare]")
{
    CHECK(parse_table("a\tb\n1\t2\n")->header.size() == 2);
    const auto lines = parse_table("1\n2\n 3 \n");
    REQUIRE(lines);
    CHECK(lines->header == std::vector<std::string>{"value"});
    CHECK(lines->rows.size() == 3);
    CHECK(parse_table("1,2\n3,4")->header == std::vector<std::string>{"column1", "column2"});
    CHECK(parse_table("\xef\xbb\xbf"
                      "a\n1\n")
              ->header.front() == "a");
}

TEST_CASE("table: what is wrong is said, with its line", "[compare]")
{
    CHECK(error_of("a,b\n1,2\n1\n") == "line 3: 1 fields, but there are 2 columns");
    CHECK(error_of("a,a\n1,2\n") == "line 1: two columns are called 'a'");
    CHECK(error_of("a,\n1,2\n") == "line 1: column 2 has no name");
    CHECK(error_of("a\n\"1\n2\n") == "line 2: a quote that is never closed");
    CHECK(error_of("a\n1\"2\n") == "line 2: a quote inside a field that does not begin with one");
    CHECK(error_of("a\n\"1\"2\n") == "line 2: something follows a closing quote");
    CHECK(error_of("a,b\n") == "there is no row of results");
    CHECK(error_of("") == "there is no row of results");
    CHECK(error_of(std::string_view("a\n1\0\n", 5)) == "byte 3 is a NUL: this is no text");
}

TEST_CASE("numbers: finite decimals and nothing else", "[compare]")
{
    CHECK(*parse_number("-1.5e3") == -1500);
    CHECK(*parse_number("+2") == 2);
    for (const char* text : {"", "nan", "inf", "-inf", "1e999", "0x10", "1 2", "1,5", "+-1", "--1", "12ms"}) {
        INFO(text);
        CHECK_FALSE(parse_number(text));
    }
}

TEST_CASE("results: a field that is no number names its line and column", "[compare]")
{
    CHECK(load_error("lat_ms,rps\n1,2\nnan,3\n") == "line 3: lat_ms 'nan' is not finite");
    CHECK(load_error("lat_ms,rps\n1,2\n,3\n") == "line 3: lat_ms is empty");
    CHECK(load_error("lat_ms,rps\nx,2\n") == "line 2: lat_ms 'x' is no number");
    CHECK(load_error("  \n") == "is empty");
    LoadOptions only;
    only.column = [](std::string_view name) { return name == "rps"; };
    const auto runs = runs_of_text("config,rps\nfast,2\nslow,3\n", "x", only);
    REQUIRE(runs);
    CHECK(runs->size() == 2);
    CHECK(runs->at(1).values.at({"", "rps"}).value == 3);
    CHECK(runs->at(1).source == "x, line 3");
}
