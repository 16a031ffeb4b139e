// SPDX-License-Identifier: Apache-2.0
#include "flyball/report/tune.hpp"
#include "golden.hpp"
#include "sample_tune.hpp"

#include <algorithm>
#include <sstream>

using namespace flyball;
using namespace flyball::report;
using flyball::test::check_golden;
using flyball::test::ContainsSubstring;
namespace sample = flyball::test::tune_sample;

namespace {

std::string text_of(const tune::Proposal& proposal, const TuneTextOptions& options = {})
{
    return render_proposals_text({&proposal, 1}, options);
}

// Each answer and each resource by itself.
std::string each(const TuneTextOptions& options = {})
{
    std::string text;
    for (const tune::Proposal& proposal : sample::all())
        text += text_of(proposal, options) + "\n";
    return text;
}

// Without the block of commands, which are not cut.
std::size_t longest_line(const std::string& text)
{
    std::size_t longest = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const auto columns = std::ranges::count_if(line, [](char c) { return (c & 0xc0) != 0x80; });
        if (!line.starts_with("    cgroup="))
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

TEST_CASE("the texts about tuning are the golden ones", "[tune][golden]")
{
    check_golden("tune-answers.txt", each());
    check_golden("tune-service.txt", render_proposals_text(sample::one_service(), {.run = sample::run()}));
    check_golden("tune-narrow.txt", render_proposals_text(sample::one_service(), {.width = 60, .run = sample::run()}));
}

TEST_CASE("the answers come first, a sentence each", "[tune]")
{
    CHECK(
        text_of(sample::cpu_limit()).starts_with("LIMIT  cpu of /system.slice/checkout.service: 20.4 ms each 100 ms"));
    CHECK(text_of(sample::cpu_none()).starts_with("NO LIMIT  cpu of /batch.slice: no cpu.max"));
    CHECK(text_of(sample::memory_leak()).starts_with("REFUSED  memory of /leaky: it leaks"));
    CHECK(text_of(sample::pids_inconclusive()).starts_with("INCONCLUSIVE  pids of /: 12 forks"));
    CHECK(text_of(sample::io_aborted()).starts_with("ABORTED  io of /a\\x0a"));
    const std::string text = render_proposals_text(sample::one_service(), {});
    CHECK(text.find("LIMIT  io of") < text.find("VALUES"));
    CHECK(render_proposals_text({}, {}) == "Nothing was tuned.\n");
}

TEST_CASE("values are written as people write them", "[tune]")
{
    const std::string cpu = text_of(sample::cpu_limit(), {.width = 120});
    CHECK_THAT(cpu, ContainsSubstring("cpu.max        200 ms / 100 ms  20.4 ms / 100 ms  18.9 to 20.4 ms (95%)\n"));
    CHECK_THAT(cpu, ContainsSubstring("= 2.00 CPUs      = 0.204 CPUs      = 0.189 to 0.204 CPUs\n"));
    // Its file has microseconds.
    CHECK_THAT(cpu, ContainsSubstring("cpu.max.burst  none             18.0 ms           n/a\n"));
    const std::string memory = text_of(sample::memory_limit(), {.width = 120});
    CHECK_THAT(memory, ContainsSubstring("memory.high  no limit  48.2 MiB  45.1 to 48.2 MiB (95%)\n"));
    CHECK_THAT(memory, ContainsSubstring("memory.max   1.00 GiB  64.0 MiB  at least 61.0 MiB (98.3%)\n"));
    CHECK_THAT(memory, ContainsSubstring("5.10 per s  (-0.400 to 9.75 per s)"));
    CHECK_THAT(text_of(sample::pids_limit()),
               ContainsSubstring("pids.max  n/a  129 tasks  100 to 129 tasks (98.3%)\n"));
    CHECK_THAT(text_of(sample::io_limit()), ContainsSubstring("io.weight  100  150       n/a\n"));
    CHECK_THAT(text_of(sample::io_aborted()), ContainsSubstring("-3.00 MiB"));
}

TEST_CASE("what is not known is not shown as zero", "[tune]")
{
    CHECK_THAT(text_of(sample::cpu_limit()), ContainsSubstring("stolen by the hypervisor         n/a  "));
    CHECK_THAT(text_of(sample::pids_inconclusive()),
               ContainsSubstring("took n/a; no experiment was made. Nothing was written."));
    CHECK_THAT(text_of(sample::cpu_limit()), ContainsSubstring("0.99 to 1.03  n/a"));
    tune::Proposal none = sample::cpu_limit();
    none.values[0].interval = stats::Interval{std::numeric_limits<double>::quiet_NaN(), 1};
    none.values[0].before = "";
    CHECK_THAT(text_of(none), ContainsSubstring("cpu.max        n/a   20.4 ms / 100 ms  n/a\n"));
    // No time was taken, that is: none is known.
    CHECK_THAT(text_of(sample::io_aborted()), ContainsSubstring("      0   n/a\n"));
}

TEST_CASE("an interval is never said to be certain", "[tune]")
{
    tune::Proposal p = sample::pids_limit();
    p.values[0].confidence = 0.99999;
    CHECK_THAT(text_of(p), ContainsSubstring("(99.9%)"));
}

TEST_CASE("empty lists have no headings", "[tune]")
{
    const std::string text = text_of({});
    for (const char* heading : {"VALUES", "METHOD", "EVIDENCE", "TRIALS", "REFUSED", "NOTES", "BY HAND"})
        CHECK_THAT(text, !ContainsSubstring(heading));
    CHECK_THAT(text, ContainsSubstring("cpu of an unknown cgroup: nothing was said"));
}

TEST_CASE("it is said what has become of the values", "[tune]")
{
    CHECK_THAT(text_of(sample::memory_limit()),
               ContainsSubstring("took 312 s; experiments cost 0.00 s of the workload's work. The values"));
    CHECK_THAT(text_of(sample::cpu_limit()), ContainsSubstring("put back"));
    CHECK_THAT(text_of(sample::pids_limit()), ContainsSubstring("no experiment was made. Nothing was written."));
    // What no trial confirmed is not proposed, and there is no command for it.
    const std::string unconfirmed = text_of(sample::cpu_unconfirmed());
    CHECK_THAT(unconfirmed, ContainsSubstring("VALUES  not confirmed: not to be set"));
    CHECK_THAT(unconfirmed, !ContainsSubstring("BY HAND"));
    CHECK_THAT(text_of(sample::io_aborted()), !ContainsSubstring("BY HAND"));
}

TEST_CASE("who lowers memory.max by hand is warned", "[tune]")
{
    tune::Proposal p = sample::memory_limit();
    p.applied = false;
    CHECK_THAT(text_of(p), ContainsSubstring("! Look at memory.current first"));
    p.values[1].before = "67108863";
    CHECK_THAT(text_of(p), !ContainsSubstring("memory.current first"));
    p.values[1].before = "max";
    CHECK_THAT(text_of(p), ContainsSubstring("memory.current first"));
    p.applied = true;
    CHECK_THAT(text_of(p), !ContainsSubstring("memory.current first"));
}

TEST_CASE("units are said once where they are the same", "[tune]")
{
    tune::Proposal p = sample::cpu_none();
    const auto with = [&](double low, double high, tune::Unit unit) {
        p.evidence = {{"x", low, unit, stats::Interval{low, high}, ""}};
        return text_of(p);
    };
    CHECK_THAT(with(9e8, 1.1e9, tune::Unit::Nanoseconds), ContainsSubstring("(900 ms to 1.10 s)"));
    CHECK_THAT(with(663e9, 723e9, tune::Unit::Nanoseconds), ContainsSubstring("(11 min 03 s to 12 min 03 s)"));
    CHECK_THAT(with(0.05, 0.1, tune::Unit::Share), ContainsSubstring("(5.0% to 10.0%)"));
    CHECK_THAT(with(1, 2, tune::Unit::Tasks), ContainsSubstring("1 task  (1 task to 2 tasks)"));
    CHECK_THAT(with(3, 3, tune::Unit::Cpus), ContainsSubstring("3.00 CPUs  (3.00 CPUs)"));
    CHECK_THAT(with(1'234'567, 2e12, tune::Unit::None), ContainsSubstring("1234567  (1234567 to 2.00 T)"));
    CHECK_THAT(with(1, 1e300, tune::Unit::Bytes), ContainsSubstring("1 B  (1 B to n/a)"));
}

TEST_CASE("long notes hang below their beginning", "[tune]")
{
    tune::Proposal p = sample::cpu_none();
    p.notes = {"a word and another one, as long as it takes to reach the end of the line, and then some more of it",
               "short"};
    CHECK_THAT(text_of(p),
               ContainsSubstring("\n - a word and another one, as long as it takes to reach the end of the line, and\n"
                                 "   then some more of it\n - short\n"));
}

TEST_CASE("no line of the tuning texts is longer than the width, and none holds a control character", "[tune]")
{
    for (const std::size_t width : {60U, 72U, 80U, 100U, 132U}) {
        CAPTURE(width);
        const TuneTextOptions options{.width = width, .run = sample::run()};
        for (const std::string& text : {each(options), render_proposals_text(sample::all(), options)}) {
            CHECK(longest_line(text) <= width);
            CHECK(std::ranges::none_of(
                text, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f; }));
            CHECK_THAT(text, !ContainsSubstring("\xff"));
        }
    }
}

TEST_CASE("colour changes nothing but the colour of the tuning texts", "[tune]")
{
    const TuneTextOptions colored{.color = true, .run = sample::run()}, plain{.run = sample::run()};
    const std::string text = render_proposals_text(sample::all(), colored);
    CHECK(text.find("\x1b[") != std::string::npos);
    CHECK((without_colors(text) == render_proposals_text(sample::all(), plain)));
}
