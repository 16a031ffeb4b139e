// SPDX-License-Identifier: Apache-2.0
#include "flyball/process/child.hpp"
#include "support/catch.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

using namespace flyball;
using namespace flyball::process;

TEST_CASE("a child waits at its gate, and says how it ended", "[process][child]")
{
    const std::string mark = fmt::format("{}/mark-{}", std::filesystem::temp_directory_path().string(), ::getpid());
    auto child = Child::spawn({"sh", "-c", "echo >" + mark + "; exit 7"}, {});
    REQUIRE(child);
    CHECK_FALSE(child->wait_ms(30).value().has_value());
    CHECK_FALSE(std::filesystem::exists(mark));
    REQUIRE(child->release());
    const auto status = child->wait_ms(10'000);
    REQUIRE(status);
    REQUIRE(*status);
    CHECK((*status)->code == 7);
    CHECK((*status)->shell_code() == 7);
    CHECK(std::filesystem::remove(mark));
    CHECK(child->wait_ms(0)->has_value());
}

TEST_CASE("a command that cannot be run: 127 and 126", "[process][child]")
{
    auto absent = Child::spawn({"flyball-no-such-command"}, {});
    REQUIRE(absent);
    const auto released = absent->release();
    REQUIRE_FALSE(released);
    CHECK(released.error().kind == ErrorKind::Usage);
    CHECK(released.error().what == "running 'flyball-no-such-command': No such file or directory");
    CHECK(absent->wait_ms(-1).value()->code == kExitNotFound);
    auto directory = Child::spawn({"/tmp"}, {});
    REQUIRE(directory);
    CHECK_FALSE(directory->release());
    CHECK(directory->wait_ms(-1).value()->code == kExitCannotExecute);
    CHECK_FALSE(Child::spawn({}, {}));
}

TEST_CASE("a child killed by a signal, before its gate and after", "[process][child]")
{
    auto child = Child::spawn({"sleep", "100"}, {});
    REQUIRE(child);
    REQUIRE(child->release());
    REQUIRE(child->send_signal(SIGTERM));
    CHECK(child->wait_ms(10'000).value()->shell_code() == 128 + SIGTERM);
    auto early = Child::spawn({"true"}, {});
    REQUIRE(early);
    REQUIRE(early->send_signal(SIGKILL));
    CHECK(early->wait_ms(10'000).value()->signal == SIGKILL);
    CHECK_FALSE(early->release());
    pid_t pid = 0;
    {
        auto dropped = Child::spawn({"sleep", "100"}, {});
        REQUIRE(dropped);
        pid = dropped->pid();
        REQUIRE(dropped->release());
    }
    CHECK(::kill(pid, 0) == -1);
}
