// SPDX-License-Identifier: Apache-2.0
// Wrong command lines: which line is said, and the exit code. None of them gets as far as its verb.
#include "../../../src/cli/command_line.hpp"
#include "captured.hpp"
#include "support/catch.hpp"

#include <string>
#include <utility>
#include <vector>

using namespace flyball;
using flyball::test::Captured;

namespace {

// Exit code and what stderr got.
std::pair<int, std::string> flyball_says(std::vector<std::string> words)
{
    words.insert(words.begin(), "flyball");
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    auto stop = StopToken::install();
    REQUIRE(stop);
    Captured captured;
    const int code = cli::run_command_line(static_cast<int>(words.size()), argv.data(), "", *stop);
    return {code, captured.text()};
}

struct Case {
    std::vector<std::string> words;
    const char* line;
};

void check_each(const std::vector<Case>& cases)
{
    for (const Case& wrong : cases) {
        std::string said = "flyball";
        for (const std::string& word : wrong.words)
            said += ' ' + word;
        const auto [code, text] = flyball_says(wrong.words);
        INFO(said);
        CHECK(code == 2);
        CHECK(text == std::string("flyball: ") + wrong.line + "\n");
    }
}

}  // namespace

TEST_CASE("command line: what cannot be parsed names the help that has the answer", "[cli]")
{
    check_each({
        {{}, "A subcommand is required (try `flyball --help`)"},
        {{"no-such-verb"}, "A subcommand is required (try `flyball no-such-verb --help`)"},
        {{"doctor", "report"}, "The following argument was not expected: report (try `flyball doctor --help`)"},
        {{"oom"}, "A subcommand is required (try `flyball oom --help`)"},
        {{"oom", "foo"}, "A subcommand is required (try `flyball oom --help`)"},
        {{"oom", "watch", "--no-such"},
         "The following argument was not expected: --no-such (try `flyball oom watch --help`)"},
        {{"record", "--no-such"}, "The following argument was not expected: --no-such (try `flyball record --help`)"},
    });
}

TEST_CASE("command line: a command goes to verbs that take one", "[cli]")
{
    const char* const only =
        "only `record`, `explain`, `oom watch`, `oom test`, `tune` and `load` take a command after -- "
        "(try `flyball record -- CMD`)";
    const char* const none = "no command after -- (try `flyball record -- sleep 1`)";
    check_each({
        {{"doctor", "--", "true"}, only},
        {{"doctor", "--"}, only},
        {{"report", "x.fbr", "--", "true"}, only},
        {{"record", "--"}, none},
        {{"explain", "--"}, none},
        {{"oom", "watch", "--"}, none},
        {{"oom", "test", "--"}, none},
    });
}

TEST_CASE("command line: options that make no sense together", "[cli]")
{
    const char* const no_stacks = "--stacks: this run would show no stacks (try `flyball explain --stacks -f folded`, "
                                  "or add -o FILE)";
    const char* const explains = "explain either replays x.fbr or records (leave out FILE to record)";
    const char* const of_a_service =
        "--restart, --health, --setup, --state, --group and --lower-memory-max are about a service of yours "
        "(name it by --unit, --command or -c)";
    const char* const watches = "oom watch either replays x.fbr or watches this machine (leave out FILE to watch)";
    check_each({
        {{"record", "--stacks", "--", "true"}, no_stacks},
        {{"explain", "--stacks", "--", "true"}, no_stacks},
        {{"explain", "--stacks", "-j", "--", "true"}, no_stacks},
        {{"explain", "x.fbr", "-d", "1s"}, explains},
        {{"explain", "x.fbr", "-o", "y.fbr"}, explains},
        {{"explain", "x.fbr", "--", "true"}, explains},
        {{"explain", "x.fbr", "--without", "a"}, explains},
        {{"explain", "x.fbr", "--stacks", "-f", "folded"}, explains},
        {{"explain", "x.fbr", "--cpu-max", "50%"}, explains},
        {{"explain", "-o", "-"}, "explain needs standard output for itself (give -o a file)"},
        {{"oom", "watch", "x.fbr", "-d", "1s"}, watches},
        {{"oom", "watch", "x.fbr", "--", "true"}, watches},
        {{"oom", "watch", "x.fbr", "--without", "a"}, watches},
        {{"oom", "watch", "x.fbr", "--memory-max", "1M"}, watches},
        {{"oom", "watch", "x.fbr", "--record", "y.fbr"}, watches},
        {{"oom", "watch", "--record", "-"}, "--record -: a recording goes to a file (name one)"},
        {{"oom", "test", "--record", "-"}, "--record -: a recording goes to a file (name one)"},
        {{"oom", "watch", "--salvage"}, "--salvage is for a recording (give its FILE)"},
        {{"oom", "test", "--kill-in-that-cgroup"},
         "--kill-in-that-cgroup without a cgroup (give -c CGROUP or --unit NAME)"},
        {{"oom", "test", "--unit", "a.service", "-c", "a"},
         "--unit, --command and -c each name what is tested (give one of them)"},
        {{"oom", "test", "--command", "true", "--restart", "true"},
         "--restart with --command: flyball starts that one again itself (leave --restart away)"},
        {{"oom", "test", "--health", "true"}, of_a_service},
        {{"oom", "test", "--restart", "true", "recover"}, of_a_service},
        {{"oom", "test", "--lower-memory-max"}, of_a_service},
    });
}
