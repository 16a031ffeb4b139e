// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/clock.hpp"
#include "flyball/base/fd.hpp"
#include "flyball/base/patient_write.hpp"
#include "support/catch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

using namespace flyball;
using flyball::test::ContainsSubstring;

namespace {

struct Pipe {
    UniqueFd read, write;
};

Pipe small_pipe()
{
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    return {.read = UniqueFd(ends[0]), .write = UniqueFd(ends[1])};
}

constexpr std::uint64_t kMsNs = 1'000'000;

}  // namespace

TEST_CASE("patient write: a pipe is made large enough, up to what everybody may", "[base]")
{
    const Pipe pipe = small_pipe();
    // Nobody reads.
    CHECK(write_patiently(pipe.write.get(), std::string(300'000, 'x'), {.until_ns = 0}));
    std::string got(300'000, '\0');
    std::size_t filled = 0;
    while (filled < got.size())
        filled += static_cast<std::size_t>(::read(pipe.read.get(), got.data() + filled, got.size() - filled));
    CHECK(got == std::string(300'000, 'x'));
}

TEST_CASE("patient write: who does not read is waited for until it is over", "[base]")
{
    const Pipe pipe = small_pipe();
    const std::string much(3 << 20, 'x');
    const std::uint64_t begin_ns = monotonic_ns();
    const auto put = write_patiently(pipe.write.get(), much, {.until_ns = begin_ns + 100 * kMsNs});
    REQUIRE_FALSE(put);
    CHECK(put.error().kind == ErrorKind::Io);
    CHECK_THAT(put.error().what, ContainsSubstring("nobody reads"));
    CHECK(monotonic_ns() - begin_ns >= 100 * kMsNs);
}

TEST_CASE("patient write: a stop ends the wait, and not what is read on", "[base]")
{
    auto stop = StopToken::install();
    REQUIRE(stop);
    REQUIRE(::raise(SIGTERM) == 0);
    const std::string much(3 << 20, 'x');
    {
        const Pipe pipe = small_pipe();
        const auto put = write_patiently(pipe.write.get(), much, {.stop = &*stop});
        REQUIRE_FALSE(put);
        CHECK(exit_code(put.error()) == 128 + SIGTERM);
    }
    Pipe pipe = small_pipe();
    std::size_t got = 0;
    std::jthread reader([&] {
        std::string piece(65'536, '\0');
        for (ssize_t n = 0; (n = ::read(pipe.read.get(), piece.data(), piece.size())) > 0;)
            got += static_cast<std::size_t>(n);
    });
    CHECK(write_patiently(pipe.write.get(), much, {.stop = &*stop}));
    pipe.write.reset();
    reader.join();
    CHECK(got == much.size());
}

TEST_CASE("patient write: a reader that has gone, and a disk that is full", "[base]")
{
    const auto before = std::signal(SIGPIPE, SIG_IGN);
    Pipe pipe = small_pipe();
    pipe.read.reset();
    const auto put = write_patiently(pipe.write.get(), "x", {});
    REQUIRE_FALSE(put);
    CHECK(exit_code(put.error()) == 128 + SIGPIPE);
    (void)std::signal(SIGPIPE, before);
    const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    if (full.valid()) {
        const auto lost = write_patiently(full.get(), "x", {});
        REQUIRE_FALSE(lost);
        CHECK_THAT(lost.error().what, ContainsSubstring("No space left"));
    }
}

TEST_CASE("patient open: a FIFO is opened when somebody reads it, and a stop ends the wait", "[base]")
{
    const std::string path = std::filesystem::temp_directory_path() / ("flyball-fifo-" + std::to_string(::getpid()));
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    CHECK(open_patiently(path.c_str(), O_WRONLY | O_CLOEXEC, 0, {.until_ns = 0}) == -1);
    CHECK(errno == EINTR);
    std::jthread reader([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(80));
        const UniqueFd fifo(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        char byte = 0;
        (void)!::read(fifo.get(), &byte, 1);
    });
    {
        const UniqueFd fd(open_patiently(path.c_str(), O_WRONLY | O_CLOEXEC, 0, {}));
        REQUIRE(fd.valid());
        CHECK((::fcntl(fd.get(), F_GETFL) & O_NONBLOCK) == 0);
    }
    reader.join();
    std::filesystem::remove(path);
}
