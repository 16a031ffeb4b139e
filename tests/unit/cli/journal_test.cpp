// SPDX-License-Identifier: Apache-2.0
#include "../../../src/cli/journal.hpp"
#include "support/catch.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

using namespace flyball;
using namespace flyball::cli;

TEST_CASE("journal: one line a field; a value with newlines has its length before it")
{
    CHECK(encode_journal_entry({{"MESSAGE", "a=b"}, {"PRIORITY", "5"}}) == "MESSAGE=a=b\nPRIORITY=5\n");
    const std::string two_lines = encode_journal_entry({{"MESSAGE", "a\nb"}});
    CHECK(two_lines == std::string("MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n", 20));
}

TEST_CASE("journal: an entry is one datagram; without a journal it says so")
{
    const auto path = std::filesystem::temp_directory_path() / ("flyball-journal-" + std::to_string(::getpid()));
    const auto none = Journal::open(path);
    REQUIRE_FALSE(none);
    CHECK(none.error().kind == ErrorKind::Unavailable);
    const UniqueFd server(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    REQUIRE(::bind(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    auto journal = Journal::open(path);
    REQUIRE(journal);
    CHECK(journal->send({{"MESSAGE", "x"}}));
    char buffer[64];
    const ssize_t n = ::recv(server.get(), buffer, sizeof buffer, 0);
    CHECK(std::string(buffer, static_cast<std::size_t>(n)) == "MESSAGE=x\n");
    std::filesystem::remove(path);
}
