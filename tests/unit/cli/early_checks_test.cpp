// SPDX-License-Identifier: Apache-2.0
// Requests that cannot be met are refused before anything is loaded: without root as well, where loading
// would be refused with another exit code.
#include "captured.hpp"
#include "flyball/cli/verbs.hpp"
#include "support/catch.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

using namespace flyball;
using namespace flyball::cli;
using flyball::test::Captured;
using flyball::test::ContainsSubstring;

namespace {

constexpr int kUsage = 2;

// What it says in its one line.
std::string refused(const RecordOptions& options)
{
    auto stop = StopToken::install();
    REQUIRE(stop);
    Captured captured;
    const int code = run_record(options, *stop);
    const std::string said = captured.text();
    INFO(said);
    CHECK(code == kUsage);
    CHECK(std::ranges::count(said, '\n') == 1);
    CHECK(said.starts_with("flyball: "));
    return said;
}

}  // namespace

TEST_CASE("record refuses what it cannot write or run before it loads anything", "[cli]")
{
    RecordOptions options;
    options.duration = "1s";
    options.out.format = Format::None;
    options.output = "/no/such/directory/x.fbr";
    CHECK_THAT(refused(options), ContainsSubstring("-o: cannot write /no/such/directory/x.fbr: No such file") &&
                                     ContainsSubstring("directory /no/such/directory?"));
    options.output = "/";
    CHECK_THAT(refused(options), ContainsSubstring("Is a directory") && ContainsSubstring("name a file in it"));
    options.output.clear();
    options.command = {"no-such-command-here", "-x"};
    CHECK_THAT(refused(options), ContainsSubstring("'no-such-command-here': no such command in $PATH"));
    options.command = {"/dev/null"};
    CHECK_THAT(refused(options), ContainsSubstring("'/dev/null': Permission denied"));
}

TEST_CASE("a refused run makes no file, and leaves one that is there alone", "[cli]")
{
    std::string dir = (std::filesystem::temp_directory_path() / "flyball-cli-XXXXXX").string();
    REQUIRE(::mkdtemp(dir.data()) != nullptr);
    RecordOptions options;
    options.duration = "1s";
    options.out.format = Format::None;
    options.output = dir + "/x.fbr";
    const auto refuse = [&] {
        options.command = {"no-such-command-here"};
        refused(options);
        // Refused later, when the file is open already: no such cgroup, or without root no cgroup at all.
        options.command.clear();
        options.cgroups = {"/no/such/cgroup-here"};
        const Captured captured;
        auto stop = StopToken::install();
        REQUIRE(stop);
        CHECK(run_record(options, *stop) != 0);
    };
    refuse();
    CHECK_FALSE(std::filesystem::exists(options.output));
    std::ofstream(options.output) << "a recording of value";
    refuse();
    CHECK(std::filesystem::file_size(options.output) == 20);
    std::filesystem::remove_all(dir);
}

TEST_CASE("record refuses a sampling rate that is none", "[cli][stacks]")
{
    RecordOptions options;
    options.duration = "1s";
    options.out.format = Format::None;
    for (const char* hz : {"0", "1000", "-1", "99x", "9.5", "often", "18446744073709551616"}) {
        options.stacks = hz;
        CHECK_THAT(refused(options), ContainsSubstring(std::string("--stacks: '") + hz + "' is no whole number") &&
                                         ContainsSubstring("from 1 to 999"));
    }
}
