// SPDX-License-Identifier: Apache-2.0
// The texts about a calibration.
#include "flyball/base/strings.hpp"
#include "flyball/report/calibration.hpp"
#include "golden.hpp"
#include "sample_calibration.hpp"

#include <algorithm>

using namespace flyball;
using namespace flyball::report;
using flyball::test::check_golden;
using flyball::test::ContainsSubstring;
namespace sample = flyball::test::calibration_sample;

namespace {

std::size_t columns(std::string_view line)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(line, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::size_t longest_line(const std::string& text)
{
    std::size_t longest = 0;
    for_each_line(text, [&](std::string_view line) { longest = std::max(longest, columns(line)); });
    return longest;
}

std::vector<std::string> all_texts(const calibrate::Calibration& calibration,
                                   const CalibrationTextOptions& options = {})
{
    return {render_calibration_report(calibration, {}, options),
            render_performance_comparison(calibration, {}, options), render_oom_behavior(calibration, options)};
}

std::string report_of(calibrate::ComponentResult component)
{
    return render_calibration_report(sample::of({std::move(component)}));
}

}  // namespace

TEST_CASE("the texts about a calibration are the golden ones", "[calibration][golden]")
{
    check_golden("calibration-report.txt", render_calibration_report(sample::all()));
    check_golden("calibration-performance.txt", render_performance_comparison(sample::all()));
    check_golden("calibration-oom.txt", render_oom_behavior(sample::all()));
}

TEST_CASE("no line about a calibration is longer than the width, and none holds a control character", "[calibration]")
{
    for (const std::size_t width : {60U, 80U, 120U}) {
        for (const std::string& text : all_texts(sample::all(), {.width = width})) {
            CAPTURE(width);
            CHECK(longest_line(text) <= width);
            CHECK(std::ranges::none_of(
                text, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f; }));
            CHECK_THAT(text, !ContainsSubstring("\xff"));
            CHECK_THAT(text, !ContainsSubstring("\u202e"));
        }
    }
}

TEST_CASE("colour changes nothing but the colour of the texts about a calibration", "[calibration]")
{
    const auto colored = all_texts(sample::all(), {.color = true}), plain = all_texts(sample::all());
    for (std::size_t i = 0; i < plain.size(); ++i) {
        std::string text = colored[i];
        CHECK(text.find("\x1b[") != std::string::npos);
        for (std::size_t at = text.find("\x1b["); at != std::string::npos; at = text.find("\x1b["))
            text.erase(at, text.find('m', at) - at + 1);
        CHECK((text == plain[i]));
    }
}

TEST_CASE("the verdict comes first", "[calibration]")
{
    const auto first = [](std::vector<calibrate::ComponentResult> components) {
        const std::string text = render_calibration_report(sample::of(std::move(components)));
        return text.substr(0, text.find('.') + 1);
    };
    CHECK(first({}) == "Nothing was calibrated.");
    CHECK(first({sample::router()}) == "Everything holds: 1 is right as it is.");
    CHECK(first({sample::ebpf_agent()}) == "Not everything holds: 1 did not converge.");
    auto doubtful = sample::router();
    doubtful.scenarios[0].targets[0].after.outcome = calibrate::Outcome::Inconclusive;
    CHECK_THAT(first({doubtful}), ContainsSubstring("Nothing fails, and 1 target could not be decided"));
    auto slow = sample::agent_loop();
    slow.scenarios[0].retention = 0.79;
    CHECK_THAT(first({slow}), ContainsSubstring("Not everything holds"));
    auto dies = sample::router();
    dies.oom.reports.front().scenarios.front().status = oom::Status::Fail;
    CHECK_THAT(first({dies}), ContainsSubstring("Not everything holds"));
}

TEST_CASE("limits are held against what is expected of them", "[calibration]")
{
    const auto with = [](const char* file, const char* before, const char* after) {
        return report_of({.name = "c", .summary = {}, .before = {{file, before}}, .after = {{file, after}}, .oom = {}});
    };
    CHECK_THAT(with("memory.max", "104857600", "94371840"),
               ContainsSubstring("-10.0%\n") && ContainsSubstring("as expected (-10 to -20%)"));
    CHECK_THAT(with("memory.max", "104857600", "95420416"), ContainsSubstring("less than expected"));
    CHECK_THAT(with("memory.max", "104857600", "73400320"),
               ContainsSubstring("-30.0%") && ContainsSubstring("more than expected"));
    CHECK_THAT(with("memory.max", "104857600", "115343360"),
               ContainsSubstring("+10.0%") && ContainsSubstring("raised"));
    CHECK_THAT(with("cpu.max", "100000 100000", "95000 100000"),
               ContainsSubstring("-5.0%") && ContainsSubstring("as expected"));
    CHECK_THAT(with("cpu.max", "100000 100000", "84000 100000"), ContainsSubstring("more than expected"));
    CHECK_THAT(with("pids.max", "100", "130"), ContainsSubstring("+30.0%") && ContainsSubstring("as expected"));
    CHECK_THAT(with("io.weight", "default 100", "default 106"),
               ContainsSubstring("+6.0%") && ContainsSubstring("as expected"));
    CHECK_THAT(with("memory.max", "max", "104857600"), ContainsSubstring("no limit") && ContainsSubstring("new limit"));
    CHECK_THAT(with("memory.max", "104857600", "max"), ContainsSubstring("no limit now"));
}

TEST_CASE("a metric is called worse only where runs and interval say so", "[calibration]")
{
    const auto line_of = [](const sample::Load& before, const sample::Load& after, const std::string& label) {
        auto component = sample::agent_loop();
        component.scenarios = {sample::judged(sample::asked("c"), sample::scenario("s", {}),
                                              sample::measured(before, 5), sample::measured(after, 6))};
        const std::string text = render_performance_comparison(sample::of({component}));
        const auto at = text.find(" " + label + " ");
        return text.substr(at, text.find('\n', at) - at);
    };
    CHECK_THAT(line_of({.rate = 1000}, {.rate = 800}, "throughput"), ContainsSubstring("worse"));
    CHECK_THAT(line_of({.rate = 1000}, {.rate = 1200}, "throughput"), ContainsSubstring("better"));
    CHECK_THAT(line_of({.rate = 1000}, {.rate = 1000}, "throughput"), ContainsSubstring("same"));
    CHECK_THAT(line_of({.latency_ms = 10}, {.latency_ms = 14}, "latency p99"), ContainsSubstring("worse"));
    CHECK_THAT(line_of({.latency_ms = 10}, {.latency_ms = 7}, "latency p50"), ContainsSubstring("better"));
    CHECK_THAT(line_of({.latency_ms = 10}, {.latency_ms = 10.1}, "latency p50"), ContainsSubstring("same"));
    // A peak has no interval, and from nothing there is no percentage.
    const std::string kills = line_of({}, {.oom_kills = 2}, "oom_kills");
    CHECK_THAT(kills, ContainsSubstring("+6"));
    CHECK_THAT(kills, !ContainsSubstring("worse"));
    CHECK_THAT(kills, !ContainsSubstring("%"));
}

TEST_CASE("what was measured once is not compared with itself", "[calibration]")
{
    const std::string text = render_performance_comparison(sample::of({sample::router()}));
    CHECK_THAT(text, ContainsSubstring("no limit was changed"));
    CHECK_THAT(text, !ContainsSubstring("before"));
    CHECK_THAT(text, !ContainsSubstring("100.0%"));
}

TEST_CASE("P4.2's criterion: held, likely held and below", "[calibration]")
{
    auto component = sample::agent_loop();
    component.scenarios.resize(1);
    calibrate::ScenarioResult& scenario = component.scenarios[0];
    const auto text = [&] { return render_performance_comparison(sample::of({component})); };
    scenario.retention = 0.9;
    scenario.retention_interval = stats::Interval{0.85, 0.95};
    CHECK_THAT(text(),
               ContainsSubstring("[✓] at least 80.0% of the baseline's throughput: 90.0% (85.0% to 95.0%), held"));
    scenario.retention_interval = stats::Interval{0.75, 0.95};
    CHECK_THAT(text(), ContainsSubstring("[?] at least") && ContainsSubstring("95.0%), likely"));
    scenario.retention = 0.7999;
    CHECK_THAT(text(), ContainsSubstring("[✗] at least") && ContainsSubstring("below its floor in 1 of 1 scenario"));
    scenario.retention.reset();
    CHECK_THAT(text(), ContainsSubstring("[?] at least 80.0% of the baseline's throughput: not measured"));
    // The specification may demand something else.
    calibrate::Component asked = sample::asked("agent-loop");
    asked.tuning.floor = 0.95;
    scenario.retention = 0.9;
    const std::string other = render_performance_comparison(sample::of({component}), {&asked, 1});
    CHECK_THAT(other, ContainsSubstring("[✗] at least 95.0%"));
}

TEST_CASE("advice is given where it applies", "[calibration]")
{
    CHECK_THAT(report_of(sample::router()), !ContainsSubstring("ADVICE"));
    const std::string text = report_of(sample::ebpf_agent());
    CHECK_THAT(text, ContainsSubstring("It did not converge.") && ContainsSubstring("contention") &&
                         ContainsSubstring("`tuning.step_up` is 20.0% now"));
    CHECK_THAT(text, ContainsSubstring("memory.oom.group has to be 0"));
    CHECK_THAT(text, ContainsSubstring("memory was not tuned.") && ContainsSubstring("it leaks"));
    CHECK_THAT(text, !ContainsSubstring("max_iterations"));
    calibrate::Component asked = sample::asked("ebpf-agent");
    asked.tuning.max_iterations = 3;
    CHECK_THAT(render_calibration_report(sample::of({sample::ebpf_agent()}), {&asked, 1}),
               ContainsSubstring("All 3 attempts were used"));
    CHECK_THAT(report_of(sample::clawfs()), ContainsSubstring("Targets are missed with and without the new limits."));
    auto calm = sample::router();
    calm.critical = true;
    CHECK_THAT(report_of(calm), ContainsSubstring("memory.oom.group is 0 for it"));
}

TEST_CASE("what is not known is said first, with its reason, in every form, and is never all right", "[calibration]")
{
    const auto unknown = sample::of({sample::unknown(), sample::router()});
    const std::string text = render_calibration_report(unknown);
    CHECK(text.starts_with("Not known, memory-search: cpu has no answer: the machine is too busy to measure"));
    CHECK_THAT(text, ContainsSubstring("NOT KNOWN --") && ContainsSubstring(" 1  not known"));
    CHECK_FALSE(unknown.all_met());
    CHECK_THAT(render_calibration_html(unknown), ContainsSubstring("chip doubt\">not known") &&
                                                     ContainsSubstring("verdict doubt") &&
                                                     ContainsSubstring("Not known, memory-search: cpu has no answer"));
    CHECK_THAT(render_optimal_values(unknown), ContainsSubstring("\"not_known\""));
    // A target that nothing decides is not met either.
    auto undecided = sample::router();
    undecided.scenarios[0].targets[0].after.outcome = calibrate::Outcome::Inconclusive;
    CHECK_FALSE(sample::of({undecided}).all_met());
    CHECK(report_of(undecided).starts_with("Nothing fails, and 1 target could not be decided"));
}

TEST_CASE("what got worse is on the first screen, target or not, the worst first", "[calibration]")
{
    const std::string text = report_of(sample::agent_loop());
    const auto worse = text.find("WORSE THAN BEFORE"), limits = text.find("\nLIMITS");
    INFO(text);
    REQUIRE(worse != std::string::npos);
    CHECK(worse < limits);
    const std::string block = text.substr(worse, limits - worse);
    CHECK_THAT(block, ContainsSubstring("throttled"));
    CHECK(block.find("burst") < block.find("normal"));
    // Nothing is worse where nothing was changed, and less memory is what limits are for.
    CHECK_THAT(report_of(sample::router()), !ContainsSubstring("WORSE THAN BEFORE"));
    CHECK_THAT(block, !ContainsSubstring("memory "));
}

TEST_CASE("each new limit is said to be needed, to have room, or not known", "[calibration]")
{
    const std::string text = report_of(sample::agent_loop());
    CHECK_THAT(text, ContainsSubstring("cpu.max 176000 1000000 is needed: at 140800 1000000") &&
                         ContainsSubstring("pids.max 290 has room: at 232") &&
                         ContainsSubstring("whether io.weight 94 is needed is not known"));
}

TEST_CASE("limits that were refused for the floor bring the advice on it", "[calibration]")
{
    // By the reason that decide() gives, whatever its words are.
    const calibrate::Component component = sample::asked("c");
    const auto slow = sample::judged(component, sample::scenario("s", {}), sample::measured({.rate = 1000}, 1),
                                     sample::measured({.rate = 700}, 2));
    const auto decision =
        calibrate::decide(component, {&slow, 1}, {{"memory.max", "1048576"}}, {}, calibrate::Runs::AreAll);
    REQUIRE_FALSE(decision.accepted);
    auto result = sample::router();
    result.end = calibrate::End::NotConverged;
    CHECK_THAT(report_of(result), !ContainsSubstring("reverted"));
    result.attempts = {{1, {}, false, decision.reasons}};
    CHECK_THAT(report_of(result), ContainsSubstring("Performance fell below 80.0% of the baseline.") &&
                                      ContainsSubstring("reverted") && ContainsSubstring("/proc/pressure/cpu") &&
                                      ContainsSubstring("`tuning.step_down` is 100.0% now"));
}

TEST_CASE("without OOM tests the text says so", "[calibration]")
{
    auto untested = sample::router();
    untested.oom = {};
    CHECK_THAT(render_oom_behavior(sample::of({untested})),
               ContainsSubstring("The OOM behaviour of no component was tested."));
    CHECK_THAT(render_oom_behavior(sample::of({untested})), ContainsSubstring("NOT TESTED"));
    CHECK_THAT(render_oom_behavior(sample::of({untested, sample::router(), sample::clawfs()})),
               ContainsSubstring("1 of 3 components passed the OOM tests, 1 failed, 1 not tested."));
    CHECK_THAT(render_oom_behavior({}), ContainsSubstring("of no component"));
}
