// SPDX-License-Identifier: Apache-2.0
// The page about a calibration: whole, self-contained, and not to be taken over by a name.
#include "flyball/report/calibration.hpp"
#include "sample_calibration.hpp"
#include "support/catch.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace flyball;
using namespace flyball::report;
using flyball::test::ContainsSubstring;
namespace sample = flyball::test::calibration_sample;

namespace {

std::string page_of(std::vector<calibrate::ComponentResult> components)
{
    return render_calibration_html(sample::of(std::move(components)));
}

std::size_t count(const std::string& text, std::string_view what)
{
    std::size_t n = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size()))
        ++n;
    return n;
}

// The tags of the page balance, and each attribute is quoted: "" or what is wrong.
std::string structure_fault(const std::string& page)
{
    std::vector<std::string> open;
    for (std::size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at)) {
        const std::size_t end = page.find('>', at);
        if (end == std::string::npos)
            return "a tag without an end";
        const std::string tag = page.substr(at + 1, end - at - 1);
        at = end;
        if (tag.starts_with('!'))
            continue;
        if (std::ranges::count(tag, '"') % 2 != 0)
            return "an odd quote in <" + tag + ">";
        const std::string name = tag.substr(0, tag.find_first_of(" /", 1));
        if (tag.starts_with('/')) {
            if (open.empty() || open.back() != tag.substr(1))
                return "</" + tag + "> closes nothing";
            open.pop_back();
        } else if (!tag.ends_with('/')) {
            open.push_back(name);
        }
    }
    return open.empty() ? "" : "<" + open.back() + "> is open at the end";
}

std::string body_of(const std::string& page)
{
    return page.substr(page.find("<body"));
}

}  // namespace

TEST_CASE("the page is well-formed", "[calibration][html]")
{
    for (const auto& calibration : {sample::all(), sample::plausible(), sample::of({}), calibrate::Calibration{}})
        CHECK(structure_fault(render_calibration_html(calibration)) == "");
    // It would notice.
    CHECK(structure_fault("<a><b></a></b>") != "");
    CHECK(structure_fault("<a href=\"x><b/></a>") != "");
}

TEST_CASE("an XML parser takes the page", "[calibration][html]")
{
    if (std::system("xmllint --version > /dev/null 2>&1") != 0)
        FB_SKIP("needs xmllint");
    const auto file = std::filesystem::temp_directory_path() / ("flyball-page-" + std::to_string(::getpid()) + ".html");
    std::ofstream(file, std::ios::binary) << render_calibration_html(sample::all());
    const int status = std::system(("xmllint --noout '" + file.string() + "'").c_str());
    std::filesystem::remove(file);
    CHECK(status == 0);
}

TEST_CASE("the page needs nothing from elsewhere and runs nothing", "[calibration][html]")
{
    const std::string page = render_calibration_html(sample::all());
    for (const char* what : {"http://", "https://", "<script", "<link", "<img", "<iframe", "url(", "@import",
                             "src=", "onload", "javascript:"}) {
        CAPTURE(what);
        CHECK(page.find(what) == std::string::npos);
    }
    CHECK_THAT(page, ContainsSubstring("default-src 'none'"));
    // Every link is to a place of the page.
    CHECK(count(page, "href=") == count(page, "href=\"#c"));
    for (std::size_t i = 0; i < sample::all().components.size(); ++i) {
        CHECK(count(page, "href=\"#c" + std::to_string(i) + "\"") == 1);
        CHECK(count(page, "id=\"c" + std::to_string(i) + "\"") == 1);
    }
}

TEST_CASE("names and texts on the page are escaped", "[calibration][html]")
{
    const std::string page = render_calibration_html(sample::all());
    CHECK_THAT(page,
               ContainsSubstring("a\\x0a&quot;b'&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;]]&gt;\\xff\\x1b[2J"));
    CHECK(page.find("\xff") == std::string::npos);
    CHECK(page.find("\x1b") == std::string::npos);
    CHECK(page.find("\u202e") == std::string::npos);
    // The name of the specification, too.
    calibrate::Calibration hostile = sample::plausible();
    hostile.spec_name = hostile.spec_file = hostile.host = hostile.kernel = hostile.profile = "\"><script>";
    CHECK(render_calibration_html(hostile).find("<script") == std::string::npos);
}

TEST_CASE("every component, scenario, target and limit is on the page", "[calibration][html]")
{
    const std::string body = body_of(render_calibration_html(sample::plausible()));
    for (const auto& component : sample::plausible().components) {
        CHECK_THAT(body, ContainsSubstring("<h2>" + component.name + "</h2>"));
        for (const auto& scenario : component.scenarios)
            CHECK(count(body, ">" + scenario.name + "</th>") >= 2);
        for (const auto& [file, text] : component.after)
            CHECK_THAT(body, ContainsSubstring("<code>" + text + "</code>"));
    }
    for (const char* target : {"p99 &lt; 100ms", "memory &lt;= 640MiB", "throughput &gt;= 4000/s"})
        CHECK_THAT(body, ContainsSubstring(target));
}

TEST_CASE("the matrix has the outcome of each target, with its reason", "[calibration][html]")
{
    auto component = sample::router();
    component.scenarios[0].targets[1].after = {
        .outcome = calibrate::Outcome::Missed, .reason = "because of <this>", .estimate = 12e6, .interval = {}};
    component.after["memory.max"] = "1048576";
    const std::string page = page_of({component});
    const std::size_t at = page.find("<td class=\"missed\" title=\"missed: because of &lt;this&gt; | before, met: ");
    REQUIRE(at != std::string::npos);
    const std::string cell = page.substr(at, page.find("</td>", at) - at);
    CHECK_THAT(cell, ContainsSubstring("✓ → ✗") && ContainsSubstring("12.0 ms") && ContainsSubstring(">missed</span>"));
}

TEST_CASE("dots are where the figures are", "[calibration][html]")
{
    // 60 % to 110 % is the axis where nothing lies beyond it.
    calibrate::ComponentResult component{.name = "c",
                                         .end = calibrate::End::Calibrated,
                                         .summary = {},
                                         .before = {{"memory.max", "1000000000"}},
                                         .after = {{"memory.max", "850000000"}},
                                         .oom = {}};
    calibrate::ScenarioResult scenario{.name = "s",
                                       .before = {},
                                       .after = {},
                                       .targets = {},
                                       .retention = 0.9,
                                       .retention_interval = stats::Interval{0.85, 0.95},
                                       .troubles = {}};
    component.scenarios = {scenario};
    const std::string page = page_of({component});
    CHECK_THAT(page, ContainsSubstring("cx=\"80.00%\" cy=\"20\" r=\"5.5\" class=\"dot-before\""));
    CHECK_THAT(page, ContainsSubstring("cx=\"50.00%\" cy=\"20\" r=\"6.5\" class=\"dot-after\""));
    // 80 % to 90 % is what is expected.
    CHECK_THAT(page, ContainsSubstring("<rect x=\"40.00%\" width=\"20.00%\" y=\"0\" height=\"100%\" class=\"zone\""));
    // Performance: from 70 % to 110 %.
    CHECK_THAT(page, ContainsSubstring("<line x1=\"25.00%\" x2=\"25.00%\" y1=\"0\" y2=\"100%\" class=\"floor\""));
    CHECK_THAT(page, ContainsSubstring("cx=\"50.00%\" cy=\"20\" r=\"5.5\" class=\"dot-after\""));
    CHECK_THAT(page, ContainsSubstring("<rect x=\"37.50%\" width=\"25.00%\""));
}

TEST_CASE("a curve that is slower lies higher", "[calibration][html]")
{
    // y of the last point: from above.
    const auto end_of = [](const std::string& page, const std::string& line) {
        const std::size_t shown = page.find("class=\"" + line + "\"");
        REQUIRE(shown != std::string::npos);
        const std::size_t blank = page.rfind(' ', shown - 2);
        return std::stod(page.substr(blank + 1));
    };
    auto component = sample::agent_loop();
    component.scenarios = {sample::judged(sample::asked("c"), sample::scenario("s", {}),
                                          sample::measured({.latency_ms = 10}, 1),
                                          sample::measured({.latency_ms = 20}, 2))};
    const std::string page = page_of({component});
    CHECK(end_of(page, "line-after") < end_of(page, "line-before"));
    component.scenarios = {sample::judged(sample::asked("c"), sample::scenario("s", {}),
                                          sample::measured({.latency_ms = 20}, 1),
                                          sample::measured({.latency_ms = 10}, 2))};
    const std::string faster = page_of({component});
    CHECK(end_of(faster, "line-after") > end_of(faster, "line-before"));
    // What was measured once is one curve.
    CHECK(count(page_of({sample::router()}), "<path d=\"M0.00") == 1 + 1);  // with its band
}
