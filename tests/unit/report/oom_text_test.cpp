// SPDX-License-Identifier: Apache-2.0
#include "flyball/report/oom.hpp"
#include "golden.hpp"
#include "sample_oom.hpp"

#include <algorithm>
#include <sstream>

using namespace flyball;
using namespace flyball::report;
using flyball::test::check_golden;
using flyball::test::ContainsSubstring;
namespace sample = flyball::test::oom_sample;

namespace {

std::string episodes_text(const OomTextOptions& options = {})
{
    std::string text;
    for (const oom::Judged& judged : {sample::group_kill(), sample::unexplained(), sample::blind(), sample::hostile()})
        text += render_verdict_text(judged, options) + "\n";
    for (const auto by : {profile::OtherKill::By::User, profile::OtherKill::By::Cgroup, profile::OtherKill::By::Kernel,
                          profile::OtherKill::By::Unknown})
        text += render_other_kill_text(sample::other_kill(by), options);
    return text;
}

std::size_t longest_line(const std::string& text)
{
    std::size_t longest = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const auto columns = std::ranges::count_if(line, [](char c) { return (c & 0xc0) != 0x80; });
        longest = std::max(longest, static_cast<std::size_t>(columns));
    }
    return longest;
}

std::string without_colors(std::string text)
{
    for (std::size_t at = text.find('\x1b'); at != std::string::npos; at = text.find('\x1b'))
        text.erase(at, text.find('m', at) - at + 1);
    return text;
}

}  // namespace

TEST_CASE("the texts about OOM kills are the golden ones", "[oom][golden]")
{
    check_golden("oom-episodes.txt", episodes_text());
    check_golden("oom-behavior.txt", render_test_text(sample::everything(), {}));
}

TEST_CASE("the verdict comes first, with its number", "[oom]")
{
    CHECK(render_verdict_text(sample::group_kill(), {}).starts_with("PASS  #3  /jobs/build hit memory.max"));
    CHECK(render_verdict_text(sample::unexplained(), {}).starts_with("FAIL  #4  /jobs/build"));
    CHECK(render_verdict_text(sample::blind(), {}).starts_with("INCONCLUSIVE  #1  1 process"));
}

TEST_CASE("what was not seen is not shown as zero", "[oom]")
{
    const std::string text = render_verdict_text(sample::blind(), {});
    CHECK_THAT(text, !ContainsSubstring("memory.max"));
    CHECK_THAT(text, !ContainsSubstring("score 0"));
    CHECK_THAT(text, !ContainsSubstring("0 B"));
    CHECK_THAT(text, ContainsSubstring("policy   not seen\n"));
    oom::Judged none = sample::group_kill();
    none.episode.victims.clear();
    CHECK_THAT(render_verdict_text(none, {}), ContainsSubstring("No victim was seen."));
    none.episode.limit_bytes = ~0ULL;
    CHECK_THAT(render_verdict_text(none, {}), ContainsSubstring("memory.max none"));
    CHECK_THAT(render_verdict_text({}, {}), ContainsSubstring("INCONCLUSIVE"));
}

TEST_CASE("a policy that was read afterwards is told from one that was seen", "[oom]")
{
    oom::Judged judged = sample::group_kill();
    CHECK_THAT(render_verdict_text(judged, {}),
               ContainsSubstring("policy   memory.oom.group of /jobs: the whole group\n"));
    judged.episode.group_policy.reset();
    CHECK_THAT(render_verdict_text(judged, {}),
               ContainsSubstring("policy   not seen; memory.oom.group of /jobs applied\n"));
    judged.episode.group_policy = false;
    CHECK_THAT(render_verdict_text(judged, {}), ContainsSubstring("no memory.oom.group: the chosen one alone"));
}

TEST_CASE("of a large group those are shown of whom something is to be told", "[oom]")
{
    oom::Judged judged = sample::group_kill();
    auto& victims = judged.episode.victims;
    for (std::uint32_t pid = 5000; pid < 5100; ++pid) {
        victims.push_back(victims[1]);
        victims.back().tgid = pid;
    }
    victims[80].exit_ns.reset();
    for (std::uint32_t pid = 6000; pid < 6050; ++pid)
        judged.verdict.survivors.push_back({pid, "idle", "/jobs", oom::Reason::MovedIn});
    const std::string text = render_verdict_text(judged, {});
    CHECK_THAT(text, ContainsSubstring("and 86 more"));
    CHECK_THAT(text, ContainsSubstring(std::to_string(victims[80].tgid)));
    CHECK_THAT(text, ContainsSubstring("(102 of"));
    CHECK_THAT(text, ContainsSubstring("and 46 more: moved in after the kernel's scan"));
    CHECK(std::ranges::count(text, '\n') < 45);
}

TEST_CASE("a scenario that ran more than once is summed up", "[oom]")
{
    const std::string text = render_test_text(sample::report(), {});
    CHECK_THAT(text, ContainsSubstring("2 of 3 runs passed, 1 failed;"));
    // The median and the worst of 33 us, 41 us and 1.31 s.
    CHECK_THAT(text, ContainsSubstring("41.0 us    1.31 s    1.00 s"));
    CHECK_THAT(text, ContainsSubstring("not observed 1 of 3 times"));
    CHECK_THAT(text, ContainsSubstring(" run 1  PASS"));
    CHECK_THAT(text, !ContainsSubstring(" run 2 "));
    CHECK_THAT(text, ContainsSubstring(" run 3  FAIL"));
    CHECK_THAT(render_test_text({}, {}), ContainsSubstring("No scenario ran."));
    // A run with two kills has each bound twice.
    oom::TestReport twice = sample::report();
    twice.scenarios = {sample::group_on(1, 33'000)};
    twice.scenarios[0].bounds.push_back({"time to kill", 70'000, sample::kSecond});
    CHECK_THAT(render_test_text(twice, {}), ContainsSubstring("70.0 us   70.0 us    1.00 s"));
}

TEST_CASE("no line of the OOM texts is longer than the width, and none holds a control character", "[oom]")
{
    for (const std::size_t width : {80U, 100U, 132U}) {
        CAPTURE(width);
        const OomTextOptions options{.width = width};
        for (const std::string& text : {episodes_text(options), render_test_text(sample::everything(), options)}) {
            CHECK(longest_line(text) <= width);
            CHECK(std::ranges::none_of(
                text, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f; }));
            CHECK_THAT(text, !ContainsSubstring("\xff"));
        }
    }
}

TEST_CASE("colour changes nothing but the colour", "[oom]")
{
    const OomTextOptions colored{.width = 80, .color = true};
    const std::string text = render_test_text(sample::everything(), colored);
    CHECK(text.find("\x1b[") != std::string::npos);
    CHECK((without_colors(text) == render_test_text(sample::everything(), {})));
    CHECK((without_colors(episodes_text(colored)) == episodes_text()));
}
