// SPDX-License-Identifier: Apache-2.0
// What commands tell through the pipe, and what is read of FIFOs and files.
#include "fixture.hpp"
#include "flyball/cgroup/workload_channel.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace flyball;
using namespace flyball::cgroup;
using namespace flyball::process;
using flyball::test::ContainsSubstring;
using flyball::test::FakeRoot;

namespace {

std::string read_all(auto& from)
{
    std::string text;
    while (from.read(text).value()) {
    }
    return text;
}

struct Ran {
    int code = -1;
    std::string metrics, output;
};

// With both pipes, drained as it runs.
Ran run(const std::vector<std::string>& command, SpawnOptions options = {})
{
    const auto metrics = WorkloadPipe::make(), output = WorkloadPipe::make();
    REQUIRE(metrics);
    REQUIRE(output);
    metrics->give_metrics(options);
    output->give_output(options);
    auto child = Child::spawn(command, {}, options);
    REQUIRE(child);
    REQUIRE(child->release());
    Ran ran;
    for (int i = 0; i < 6000; ++i) {
        const auto status = child->wait_ms(10);
        REQUIRE(status);
        (void)metrics->read(ran.metrics).value();
        (void)output->read(ran.output).value();
        if (*status) {
            ran.code = (*status)->shell_code();
            break;
        }
    }
    ran.metrics += read_all(*metrics);
    ran.output += read_all(*output);
    return ran;
}

Ran shell(const std::string& script)
{
    return run({"sh", "-c", script});
}

void append(const std::string& path, const std::string& text)
{
    std::ofstream(path, std::ios::app) << text;
}

}  // namespace

TEST_CASE("a command tells through its environment's pipe", "[cgroup][workload]")
{
    const Ran ran = shell(R"(echo done 1 > "$FLYBALL_METRICS"; echo done 2 >> "$FLYBALL_METRICS"
        echo done 3 >&$FLYBALL_METRICS_FD; sh -c 'sh -c "echo done 4 > $FLYBALL_METRICS"'
        echo out; (sleep 0.05; echo done 5 > "$FLYBALL_METRICS") & wait; exit 3)");
    CHECK(ran.metrics == "done 1\ndone 2\ndone 3\ndone 4\ndone 5\n");
    CHECK(ran.output == "out\n");
    CHECK(ran.code == 3);
}

TEST_CASE("a command that changes its user tells as well", "[cgroup][workload]")
{
    if (::geteuid() != 0)
        FB_SKIP("needs root to change the user");
    const Ran ran =
        run({"setpriv", "--reuid=65534", "--clear-groups", "sh", "-c", "id -u; echo done 1 > $FLYBALL_METRICS"});
    CHECK(ran.output == "65534\n");
    CHECK(ran.metrics == "done 1\n");
}

TEST_CASE("a command tells more than a pipe holds", "[cgroup][workload]")
{
    const Ran ran = shell("seq -f 'done %g' 400000 > $FLYBALL_METRICS");
    CHECK(ran.code == 0);
    CHECK(ran.metrics.size() > 4 * kWorkloadPipeBytes);
    CHECK(std::ranges::count(ran.metrics, '\n') == 400'000);
    CHECK(ran.metrics.ends_with("done 400000\n"));
}

TEST_CASE("the pipe is large, and its end is seen by the writer", "[cgroup][workload]")
{
    auto pipe = WorkloadPipe::make();
    REQUIRE(pipe);
    std::ifstream most("/proc/sys/fs/pipe-max-size");
    std::size_t bytes = 0;
    most >> bytes;
    CHECK(pipe->capacity() == (bytes >= kWorkloadPipeBytes ? kWorkloadPipeBytes : 65536));
    std::string nothing;
    CHECK_FALSE(pipe->read(nothing).value());
    CHECK(nothing.empty());
    SpawnOptions options;
    pipe->give_metrics(options);
    auto child = Child::spawn({"sh", "-c", "cat /dev/zero > $FLYBALL_METRICS"}, {}, options);
    REQUIRE(child);
    REQUIRE(child->release());
    CHECK_FALSE(child->wait_ms(200).value());  // waits: it is not told that bytes were lost
    {
        const auto gone = std::move(*pipe);
    }
    const auto status = child->wait_ms(10'000).value();
    REQUIRE(status);
    CHECK(status->shell_code() != 0);
}

TEST_CASE("descriptors and variables of a child", "[cgroup][child]")
{
    const FakeRoot root;
    const std::string path = root.path() + "/told";
    UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(file.valid());
    ::setenv("FLYBALL_TEST_OLD", "old", 1);
    // The numbers below are those of the gate and of the status pipe, which must survive until the exec.
    SpawnOptions options{
        .environment = {"FLYBALL_TEST_OLD=new", "FLYBALL_TEST=a=b"}, .descriptors = {}, .stdout_fd = -1};
    for (int number = 3; number < 30; ++number)
        options.descriptors.push_back({.fd = file.get(), .as = number});
    auto child = Child::spawn({"bash", "-c", "for n in {3..29}; do echo $n $FLYBALL_TEST_OLD $FLYBALL_TEST >&$n; done"},
                              {}, options);
    REQUIRE(child);
    REQUIRE(child->release());
    CHECK(child->wait_ms(10'000).value()->code == 0);
    std::string expected;
    for (int number = 3; number < 30; ++number)
        expected += fmt::format("{} new a=b\n", number);
    std::ifstream told(path);
    CHECK(std::string(std::istreambuf_iterator<char>(told), {}) == expected);
    CHECK(std::string(::getenv("FLYBALL_TEST_OLD")) == "old");
    ::unsetenv("FLYBALL_TEST_OLD");
    CHECK((::fcntl(file.get(), F_GETFD) & FD_CLOEXEC) != 0);

    auto absent = Child::spawn({"flyball-no-such-command"}, {}, options);
    REQUIRE(absent);
    const auto released = absent->release();
    REQUIRE_FALSE(released);
    CHECK(released.error().kind == ErrorKind::Usage);
    CHECK_FALSE(Child::spawn({"true"}, {}, {.environment = {}, .descriptors = {{.fd = 12345}}}));
    CHECK_FALSE(Child::spawn({"true"}, {}, {.environment = {}, .descriptors = {}, .stdout_fd = 12345}));
}

TEST_CASE("a number that the command inherits already is not taken for the metrics", "[cgroup][workload]")
{
    const UniqueFd taken(::fcntl(STDIN_FILENO, F_DUPFD, 9));
    REQUIRE(taken.get() == 9);
    const auto pipe = WorkloadPipe::make();
    SpawnOptions options;
    pipe->give_metrics(options);
    CHECK(options.descriptors.front().as == 8);
    pipe->give_metrics(options);
    CHECK(options.descriptors.back().as == 7);
}

TEST_CASE("a FIFO is followed across its writers", "[cgroup][workload]")
{
    const FakeRoot root;
    const std::string path = root.path() + "/fifo";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    auto file = WorkloadFile::open(path);
    REQUIRE(file);
    CHECK(read_all(*file).empty());
    append(path, "done 1\n");
    append(path, "done 2\n");
    CHECK(read_all(*file) == "done 1\ndone 2\n");
    CHECK(read_all(*file).empty());
    append(path, "done 3\n");
    CHECK(read_all(*file) == "done 3\n");
}

TEST_CASE("a file is followed from its end on, shortened and replaced too", "[cgroup][workload]")
{
    const FakeRoot root;
    const std::string path = root.path() + "/log";
    append(path, "done 1\ndon");
    auto file = WorkloadFile::open(path);
    REQUIRE(file);
    CHECK(read_all(*file).empty());
    append(path, "e 2");
    CHECK(read_all(*file).empty());
    append(path, "2\ndone 3\ndo");
    CHECK(read_all(*file) == "done 3\ndo");
    std::ofstream(path, std::ios::trunc) << "done 4\n";
    CHECK(read_all(*file) == "\ndone 4\n");  // the newline ends the "do"
    append(path, "done 5\n");
    std::filesystem::rename(path, path + ".1");
    CHECK(read_all(*file) == "done 5\n");
    append(path + ".1", "done 6\n");
    append(path, "done 7\n");
    CHECK(read_all(*file) == "done 6\ndone 7\n");
    append(path, "done 8\n");
    CHECK(read_all(*file) == "done 8\n");
    std::filesystem::remove(path);
    CHECK(read_all(*file).empty());
    append(path, std::string(3 << 20, 'x'));
    CHECK(read_all(*file).size() == 3 << 20);
}

TEST_CASE("what cannot be followed is refused", "[cgroup][workload]")
{
    const FakeRoot root;
    for (const std::string& path : {root.path() + "/none", root.path(), std::string("/dev/null")}) {
        const auto file = WorkloadFile::open(path);
        INFO(path);
        REQUIRE_FALSE(file);
        CHECK(file.error().kind == ErrorKind::Usage);
        CHECK_THAT(file.error().what, ContainsSubstring(path));
        CHECK_THAT(file.error().hint, ContainsSubstring("mkfifo"));
    }
}
