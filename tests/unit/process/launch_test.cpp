// SPDX-License-Identifier: Apache-2.0
// How processes begin, and what outlives us to clear up.
#include "flyball/base/stop_token.hpp"
#include "flyball/process/launch.hpp"
#include "flyball/process/reaper.hpp"
#include "support/catch.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

using namespace flyball;
using namespace flyball::process;
using flyball::test::ContainsSubstring;

namespace {

int code_of(const Born& born)
{
    int status = 0;
    REQUIRE(::waitpid(born.pid, &status, 0) == born.pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string content(int fd)
{
    std::string text(4096, '\0');
    const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
}

// Of a line of /proc/PID/status.
std::uint64_t mask(const std::string& status, const std::string& name)
{
    return std::stoull(status.substr(status.find(name) + name.size() + 1), nullptr, 16);
}

bool appears(const std::string& path)
{
    for (int i = 0; i < 500; ++i) {
        if (std::filesystem::remove(path))
            return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

}  // namespace

TEST_CASE("launch: a command has the signals that we take as they ever are", "[process]")
{
    const auto before = std::signal(SIGPIPE, SIG_IGN);
    {
        const auto stop = StopToken::install();
        REQUIRE(stop);
        const UniqueFd out(::memfd_create("out", MFD_CLOEXEC));
        const std::vector<std::string> words{"cat", "/proc/self/status"};
        const auto born = launch({.words = words, .out = out.get()});
        REQUIRE(born);
        CHECK(code_of(*born) == 0);
        const std::string status = content(out.get());
        for (const int number : {SIGINT, SIGTERM, SIGHUP})
            CHECK((mask(status, "SigBlk:") >> (number - 1) & 1U) == 0);
        CHECK((mask(status, "SigIgn:") >> (SIGPIPE - 1) & 1U) == 0);
    }
    (void)std::signal(SIGPIPE, before);
}

TEST_CASE("launch: what is not executed has the status that a shell gives", "[process]")
{
    const auto code = [](const std::vector<std::string>& words, bool own_group = false) {
        const auto born = launch({.words = words, .own_group = own_group});
        REQUIRE(born);
        return code_of(*born);
    };
    CHECK(code({"flyball-no-such-command"}) == kExitNotFound);
    CHECK(code({"/tmp"}) == kExitCannotExecute);
    CHECK(code({"sh", "-c", "exit 7"}) == 7);
    CHECK(code({"sh", "-c", "read x"}) == 1);  // its input is empty
    CHECK(code({"sh", "-c", "test $(cut -d' ' -f5 /proc/$$/stat) = $$"}, true) == 0);
    CHECK(code({"sh", "-c", "test $(cut -d' ' -f5 /proc/$$/stat) = $$"}) == 1);
}

TEST_CASE("start: a cgroup that cannot be entered is told to the new process", "[process]")
{
    const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    if (!full.valid())
        FB_SKIP("needs /dev/full");
    const std::array places{Place::Procs{.fd = full.get()}};
    const auto born = start({.place = {.procs = places}}, "a test", [](int errnum) { return errnum; });
    REQUIRE(born);
    CHECK(code_of(*born) == ENOSPC);
    const auto nowhere = start({}, "a test", [](int errnum) { return errnum == 0 ? 5 : 6; });
    REQUIRE(nowhere);
    CHECK(code_of(*nowhere) == 5);
}

TEST_CASE("reaper: clears up when its parent is killed, and not when that ends well", "[process]")
{
    const std::string mark = std::filesystem::temp_directory_path() / ("flyball-reaper-" + std::to_string(::getpid()));
    for (const bool killed : {true, false}) {
        const auto born = start({}, "a test", [&](int) {
            auto reaper = Reaper::start([&] { (void)::close(::open(mark.c_str(), O_CREAT | O_WRONLY, 0600)); });
            if (killed)
                (void)::raise(SIGKILL);
            return reaper ? 0 : 1;
        });
        REQUIRE(born);
        CHECK(code_of(*born) == (killed ? 128 + SIGKILL : 0));
        if (killed)
            CHECK(appears(mark));
        else
            CHECK_FALSE(std::filesystem::exists(mark));
    }
}
