// SPDX-License-Identifier: Apache-2.0
#include "../../../src/live/workload_listener.hpp"
#include "support/catch.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace flyball;
using namespace flyball::live;

namespace {

int run(const WorkloadListener& listener, const std::string& script)
{
    auto child = process::Child::spawn({"sh", "-c", script}, {}, listener.spawn_options());
    REQUIRE(child);
    REQUIRE(child->release());
    const auto status = child->wait_ms(30'000).value();
    REQUIRE(status);
    return status->shell_code();
}

std::string content(int fd)
{
    std::string text(1 << 20, '\0');
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(::pread(fd, text.data(), text.size(), 0), 0)));
    return text;
}

}  // namespace

TEST_CASE("listener: what commands tell, in stretches", "[cli][workload]")
{
    auto listener = WorkloadListener::start({});
    REQUIRE(listener);
    CHECK_FALSE(listener->take().rate);
    CHECK(run(*listener, "echo done 3 > $FLYBALL_METRICS; exit 4") == 4);
    CHECK(listener->take().done == 3);
    CHECK(run(*listener, "echo op 2ms > $FLYBALL_METRICS; echo doen 1 >&$FLYBALL_METRICS_FD") == 0);
    const auto second = listener->take();
    CHECK(second.done == 1);
    CHECK(second.latency_ns.max() == 2'000'000);
    CHECK(listener->take().rate == 0.0);
    CHECK(listener->understanding().understood == 2);
    CHECK(listener->understanding().not_understood == 1);
    CHECK(listener->understanding().first_not_understood == "doen 1");
    CHECK(listener->trouble().empty());
}

TEST_CASE("listener: a command does not wait while we do something else", "[cli][workload]")
{
    auto listener = WorkloadListener::start({});
    REQUIRE(listener);
    // Some 6 MB, which no pipe holds; nobody takes meanwhile.
    CHECK(run(*listener, "seq -f 'done %g' 500000 > $FLYBALL_METRICS") == 0);
    auto moved = std::move(*listener);
    CHECK(moved.take().done == 500'000.0 * 500'001 / 2);
}

TEST_CASE("listener: output is passed on as it is", "[cli][workload]")
{
    const UniqueFd out(::memfd_create("out", MFD_CLOEXEC));
    REQUIRE(out.valid());
    {
        auto listener =
            WorkloadListener::start({.file = {}, .patterns = {"done:did ([0-9]+)"}, .output_fd = out.get()});
        REQUIRE(listener);
        CHECK(run(*listener, "echo did 5; printf 'no end'; echo did 6 > $FLYBALL_METRICS") == 0);
        CHECK(listener->take().done == 5);
        CHECK(listener->understanding().first_not_understood == "did 6");
    }
    CHECK(content(out.get()) == "did 5\nno end");
}

TEST_CASE("listener: output that nobody takes", "[cli][workload]")
{
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const UniqueFd write_end(ends[1]);
    ::close(ends[0]);
    auto listener =
        WorkloadListener::start({.file = {}, .patterns = {"done:did ([0-9]+)"}, .output_fd = write_end.get()});
    REQUIRE(listener);
    CHECK(run(*listener, "echo did 5; sleep 0.1; echo did 6") == 0);
    CHECK(listener->take().done == 11);  // still listened to
    CHECK_THAT(listener->trouble(), test::ContainsSubstring("passing on the command's output"));
}

TEST_CASE("listener: a file that others write", "[cli][workload]")
{
    const std::string path =
        std::filesystem::temp_directory_path() / ("flyball-listener-" + std::to_string(::getpid()));
    std::ofstream(path) << "done 100\n";
    auto listener = WorkloadListener::start({.file = path, .patterns = {}, .output_fd = -1});
    REQUIRE(listener);
    std::ofstream(path, std::ios::app) << "done 7\n";
    CHECK(listener->take().done == 7);  // at once
    std::ofstream(path, std::ios::app) << "done 8\n";
    for (int i = 0; i < 500 && listener->understanding().understood < 2; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    CHECK(listener->understanding().understood == 2);  // nobody asked
    CHECK(listener->take().done == 8);
    std::filesystem::remove(path);
    CHECK_FALSE(WorkloadListener::start({.file = path, .patterns = {}, .output_fd = -1}));
    CHECK_FALSE(WorkloadListener::start({.file = {}, .patterns = {"done:none"}, .output_fd = -1}));
}
