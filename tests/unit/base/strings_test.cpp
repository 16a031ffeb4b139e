#include "flyball/base/strings.hpp"
#include "support/catch.hpp"

using namespace flyball;
using Views = std::vector<std::string_view>;

TEST_CASE("splitting keeps or drops empty fields as said", "[base][strings]")
{
    CHECK(split("a,,b", ',') == Views{"a", "", "b"});
    CHECK(split("", ',') == Views{""});
    CHECK(split_blanks("  a \t b  ") == Views{"a", "b"});
    CHECK(split_blanks("").empty());
    CHECK(trim(" \ta b\n ") == "a b");
    CHECK(trim("\n").empty());
}

TEST_CASE("lines end with a newline, or with the text", "[base][strings]")
{
    Views lines;
    for_each_line("a\n\nb", [&](std::string_view line) { lines.push_back(line); });
    CHECK(lines == Views{"a", "", "b"});
}

TEST_CASE("parse_u64 takes decimal digits and nothing else", "[base][strings]")
{
    CHECK(parse_u64("0") == 0U);
    CHECK(parse_u64("18446744073709551615") == ~0ULL);
    for (const char* text : {"", "-1", "+1", " 1", "1 ", "1x", "0x1", "18446744073709551616", "1.0"}) {
        INFO(text);
        CHECK_FALSE(parse_u64(text));
    }
}

TEST_CASE("edit distance and globs", "[base][strings]")
{
    CHECK(edit_distance("", "abc") == 3);
    CHECK(edit_distance("kitten", "sitting") == 3);
    CHECK(edit_distance("ssh.service", "ssh.service") == 0);
    CHECK(is_glob("a*"));
    CHECK_FALSE(is_glob("a.b"));
    CHECK(glob_match("*.service", "ssh.service"));
}
