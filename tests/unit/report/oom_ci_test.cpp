// SPDX-License-Identifier: Apache-2.0
// JUnit XML and TAP: their form, and that no name breaks it.
#include "flyball/report/oom.hpp"
#include "golden.hpp"
#include "sample_oom.hpp"

#include <algorithm>
#include <map>
#include <vector>

using namespace flyball;
using namespace flyball::report;
using flyball::test::check_golden;
using flyball::test::ContainsSubstring;
namespace sample = flyball::test::oom_sample;

namespace {

// As much of an XML reader as tells a well-formed document: elements nest, attributes are quoted, entities
// are known.
struct Xml {
    std::map<std::string, std::size_t> elements;
    std::vector<std::string> faults;

    explicit Xml(const std::string& text)
    {
        std::vector<std::string> open;
        std::size_t at = text.find("?>") + 2;
        while (at < text.size()) {
            const std::size_t next = std::min(text.find('<', at), text.size());
            check_text(text.substr(at, next - at));
            if (next == text.size())
                break;
            const std::size_t end = text.find('>', next);
            std::string tag = text.substr(next + 1, end - next - 1);
            at = end + 1;
            if (tag.starts_with('/')) {
                if (open.empty() || open.back() != tag.substr(1))
                    faults.push_back("closes what is not open: " + tag);
                else
                    open.pop_back();
                continue;
            }
            const std::string name = tag.substr(0, tag.find_first_of(" /"));
            ++elements[name];
            check_text(tag);
            if (std::ranges::count(tag, '"') % 2 != 0)
                faults.push_back("quotes: " + tag);
            if (!tag.ends_with('/'))
                open.push_back(name);
        }
        if (!open.empty())
            faults.push_back("is left open: " + open.back());
    }

    void check_text(std::string text)
    {
        for (std::size_t at = text.find('&'); at != std::string::npos; at = text.find('&', at + 1)) {
            const std::string entity = text.substr(at, text.find(';', at) - at + 1);
            if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;")
                faults.push_back("entity: " + entity);
        }
        for (const char c : text) {
            if (static_cast<unsigned char>(c) < 0x20 && c != '\n')
                faults.emplace_back("a control character");
        }
        for (const char* no_character : {"\xff", "\xef\xbf\xbe", "\xef\xbf\xbf"}) {
            if (text.find(no_character) != std::string::npos)
                faults.emplace_back("no character of XML");
        }
    }
};

std::vector<std::string> lines_of(const std::string& text)
{
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

}  // namespace

TEST_CASE("JUnit and TAP are the golden ones", "[oom][golden]")
{
    check_golden("oom-junit.xml", render_junit(sample::everything()));
    check_golden("oom.tap", render_tap(sample::everything()));
}

TEST_CASE("JUnit is well-formed, and counts what is in it", "[oom][junit]")
{
    const Xml xml(render_junit(sample::everything()));
    CHECK(xml.faults == std::vector<std::string>{});
    const std::map<std::string, std::size_t> expected{{"testsuites", 1}, {"testsuite", 1}, {"properties", 1},
                                                      {"property", 6},   {"testcase", 6},  {"failure", 2},
                                                      {"error", 1},      {"skipped", 1},   {"system-out", 6}};
    CHECK(xml.elements == expected);
    CHECK_THAT(render_junit(sample::everything()),
               ContainsSubstring(R"(tests="6" failures="2" errors="1" skipped="1" time="6.150000")"));
    CHECK(Xml(render_junit(sample::hostile_report())).faults == std::vector<std::string>{});
    CHECK(Xml(render_junit({})).faults == std::vector<std::string>{});
    // It would notice.
    CHECK(Xml("<?xml?><a><b></a>").faults.size() == 2);
    CHECK(Xml("<?xml?><a b=\"&c;\x01\"/>").faults.size() == 2);
}

TEST_CASE("a testcase of JUnit has a name of its own in each run", "[oom][junit]")
{
    const std::string text = render_junit(sample::report());
    CHECK_THAT(text, ContainsSubstring(R"(<testcase classname="flyball.oom" name="group-on" time="1.750000">)"));
    CHECK_THAT(text, ContainsSubstring(R"x(name="group-on (run 2)")x"));
    CHECK_THAT(text, ContainsSubstring(R"(<error message="2 control records were dropped" type="inconclusive">)"));
    CHECK_THAT(text, ContainsSubstring(R"(<skipped message="this machine has no swap"/>)"));
    CHECK_THAT(text, ContainsSubstring(R"(timestamp="2026-01-02T03:04:05" hostname="bench-7")"));
}

TEST_CASE("TAP has its plan first and a line for each run", "[oom][tap]")
{
    const std::vector<std::string> lines = lines_of(render_tap(sample::everything()));
    CHECK(lines.at(0) == "TAP version 14");
    CHECK(lines.at(1) == "1..6");
    std::vector<std::string> points;
    std::ranges::copy_if(lines, std::back_inserter(points), [](const std::string& line) {
        return line.starts_with("ok ") || line.starts_with("not ok ");
    });
    REQUIRE(points.size() == 6);
    CHECK(points[0] == "ok 1 - group-on");
    CHECK(points[1] == "ok 2 - group-on (run 2)");
    CHECK(points[2] == "not ok 3 - group-on (run 3)");
    CHECK(points[3] == "not ok 4 - single-victim");
    CHECK(points[4] == "ok 5 - swap # SKIP this machine has no swap");
    // No name is a directive, and none ends its line.
    CHECK(points[5] == R"(not ok 6 - a\\x0a"b'<c>&\#\\d\\xff\\x1b[2J\\xef\\xbf\\xbf \# SKIP)");
    CHECK(std::ranges::count(lines, "  ---") == std::ranges::count(lines, "  ..."));
    CHECK(std::ranges::count(lines, "  ---") == 5);
    CHECK(lines_of(render_tap({})).at(1) == "1..0 # SKIP no scenario ran");
    for (const std::string& line : lines_of(render_tap(sample::hostile_report()))) {
        CAPTURE(line);
        const bool known = line.starts_with("  ") || line.starts_with("# ") || line.starts_with("TAP ") ||
                           line.starts_with("1..") || line.starts_with("not ok 1 - ");
        CHECK(known);
    }
}
