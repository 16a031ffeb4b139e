#include "flyball/base/clock.hpp"
#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/base/terminal.hpp"
#include "support/catch.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <map>

using namespace flyball;

namespace {
bool blocked(int number)
{
    sigset_t set;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &set);
    return ::sigismember(&set, number) == 1;
}
Environment table(std::map<std::string, std::string> entries)
{
    return [entries = std::move(entries)](const char* name) -> const char* {
        const auto found = entries.find(name);
        return found == entries.end() ? nullptr : found->second.c_str();
    };
}
}  // namespace

TEST_CASE("errno errors say what was being done", "[base]")
{
    const Error error = errno_error(ErrorKind::Io, "opening x", ENOENT, "look");
    CHECK(error.what == "opening x: No such file or directory");
    CHECK(error.hint == "look");
}

TEST_CASE("a stop signal arrives at the fd and nowhere else, and the mask comes back", "[base][signals]")
{
    REQUIRE_FALSE(blocked(SIGTERM));
    {
        auto stop = StopToken::install();
        REQUIRE(stop);
        CHECK_FALSE(stop->requested());
        CHECK_FALSE(stop->wait_ms(0));
        ::kill(::getpid(), SIGTERM);
        pollfd readable{.fd = stop->fd(), .events = POLLIN, .revents = 0};
        CHECK(::poll(&readable, 1, 1000) == 1);
        CHECK(stop->requested());
        CHECK(stop->signal_number() == SIGTERM);
        CHECK(stop->count() == 1);
        CHECK(stop->requested());
        const Error error = stop->interrupted();
        CHECK(error.kind == ErrorKind::Interrupted);
        CHECK(error.what == "stopped by SIGTERM");
        CHECK(exit_code(error) == 128 + SIGTERM);
        ::kill(::getpid(), SIGINT);  // left pending: must not kill at the end
    }
    CHECK_FALSE(blocked(SIGTERM));
    CHECK_FALSE(blocked(SIGINT));
}

TEST_CASE("what an inner stop has not taken is there for the outer one", "[base][signals]")
{
    auto outer = StopToken::install();
    REQUIRE(outer);
    {
        const auto inner = StopToken::install();
        REQUIRE(inner);
        ::kill(::getpid(), SIGINT);
    }
    CHECK(outer->requested());
    CHECK(outer->signal_number() == SIGINT);
}

TEST_CASE("Ctrl-C is heard by what a script started in the background", "[base][signals]")
{
    const auto before = ::signal(SIGINT, SIG_IGN);
    {
        auto stop = StopToken::install();
        REQUIRE(stop);
        ::kill(::getpid(), SIGINT);
        CHECK(stop->wait_ms(1000));
    }
    ::kill(::getpid(), SIGINT);  // is ignored again
    ::signal(SIGINT, before);
}

TEST_CASE("SIGHUP that is ignored stays ignored", "[base][signals]")
{
    const auto before = ::signal(SIGHUP, SIG_IGN);
    {
        auto stop = StopToken::install();
        REQUIRE(stop);
        ::kill(::getpid(), SIGHUP);
        CHECK_FALSE(stop->wait_ms(20));
    }
    ::signal(SIGHUP, before);
}

TEST_CASE("colour: option, then NO_COLOR, then CLICOLOR_FORCE, then the terminal", "[base][terminal]")
{
    const auto term = std::pair<const std::string, std::string>{"TERM", "xterm"};
    CHECK(use_color(ColorWhen::Auto, true, table({term})));
    CHECK_FALSE(use_color(ColorWhen::Auto, false, table({term})));
    CHECK_FALSE(use_color(ColorWhen::Auto, true, table({term, {"NO_COLOR", "1"}, {"CLICOLOR_FORCE", "1"}})));
    CHECK(use_color(ColorWhen::Auto, true, table({term, {"NO_COLOR", ""}})));
    CHECK(use_color(ColorWhen::Auto, false, table({{"CLICOLOR_FORCE", "1"}})));
    CHECK_FALSE(use_color(ColorWhen::Auto, false, table({term, {"CLICOLOR_FORCE", "0"}})));
    CHECK_FALSE(use_color(ColorWhen::Auto, true, table({{"TERM", "dumb"}})));
    CHECK_FALSE(use_color(ColorWhen::Auto, true, table({})));
    CHECK_FALSE(use_color(ColorWhen::Auto, true, table({term, {"CLICOLOR", "0"}})));
    CHECK(use_color(ColorWhen::Always, false, table({{"NO_COLOR", "1"}})));
    CHECK_FALSE(use_color(ColorWhen::Never, true, table({term})));
}

TEST_CASE("width: terminal, COLUMNS, default", "[base][terminal]")
{
    CHECK(terminal_width(-1, table({{"COLUMNS", "120"}})) == 120);
    CHECK(terminal_width(-1, table({{"COLUMNS", "7"}})) == 20);
    CHECK(terminal_width(-1, table({{"COLUMNS", "x"}})) == 80);
    CHECK(terminal_width(-1, table({}), 100) == 100);
}

TEST_CASE("clocks move, and the manual one only when told", "[base][clock]")
{
    const auto first = system_clock().monotonic_ns();
    system_clock().sleep_ns(1'000'000);
    CHECK(system_clock().monotonic_ns() >= first + 1'000'000);
    CHECK(realtime_ns() > 1'600'000'000'000'000'000U);
    ManualClock clock(5, 7);
    clock.sleep_ns(10);
    CHECK(clock.monotonic_ns() == 15);
    CHECK(clock.realtime_ns() == 17);
}
