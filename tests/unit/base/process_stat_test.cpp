// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/process_stat.hpp"
#include "support/catch.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

using namespace flyball;

namespace {

// As v6.1 writes it: 52 fields.
constexpr const char* kAfterComm =
    " S 1 4242 4242 0 -1 4194560 1234 0 5 0 17 9 0 0 20 0 3 0 987654 28000256 512 18446744073709551615 1 2 3 4 5 "
    "0 0 4096 81923 0 0 0 17 1 0 0 0 0 0 6 7 8 9 10 11 12 0\n";

std::string line(const std::string& comm)
{
    return "4242 (" + comm + ")" + kAfterComm;
}

}  // namespace

TEST_CASE("process stat: the fields of a line", "[base][process]")
{
    const auto stat = parse_process_stat(line("sshd"));
    REQUIRE(stat);
    CHECK(stat->comm == "sshd");
    CHECK(stat->state == 'S');
    CHECK(stat->flags == 4194560);
    CHECK(stat->start_ticks == 987654);
}

TEST_CASE("process stat: a comm may hold parentheses, blanks and newlines, or nothing", "[base][process]")
{
    for (const std::string comm : {"a b", "(sd-pam)", "x) R 9 (y", ") Z 1", "a\nb", ""}) {
        INFO(comm);
        const auto stat = parse_process_stat(line(comm));
        REQUIRE(stat);
        CHECK(stat->comm == comm);
        CHECK(stat->state == 'S');
        CHECK(stat->start_ticks == 987654);
    }
}

TEST_CASE("process stat: a line cut in or before the 22nd field is none", "[base][process]")
{
    const std::string whole = line("cat");
    const std::string start = " 987654 ";
    const std::size_t end = whole.find(start) + start.size();
    for (std::size_t length = 0; length <= end; ++length) {
        INFO(length);
        CHECK_FALSE(parse_process_stat(whole.substr(0, length)));
    }
    // A byte of the next field tells that the 22nd is whole.
    const auto least = parse_process_stat(whole.substr(0, end + 1));
    REQUIRE(least);
    CHECK(least->start_ticks == 987654);
    CHECK_FALSE(parse_process_stat(")4242 (cat"));
    std::string signed_flags = whole;
    signed_flags.replace(signed_flags.find("4194560"), 7, "-419456");
    CHECK_FALSE(parse_process_stat(signed_flags));
}

TEST_CASE("process stat: of a living process, of a zombie, of none", "[base][process]")
{
    const auto self = process_stat(::getpid());
    REQUIRE(self);
    CHECK(self->state == 'R');
    CHECK(self->start_ticks > 0);
    std::array<char, 16> comm{};
    REQUIRE(::prctl(PR_GET_NAME, comm.data()) == 0);
    CHECK(self->comm == comm.data());

    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0)
        ::_exit(0);
    siginfo_t exited{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(child), &exited, WEXITED | WNOWAIT) == 0);
    const auto zombie = process_stat(child);
    REQUIRE(zombie);
    CHECK(zombie->state == 'Z');
    CHECK(zombie->start_ticks >= self->start_ticks);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    CHECK_FALSE(process_stat(child));
    CHECK_FALSE(process_stat(-1));
}
