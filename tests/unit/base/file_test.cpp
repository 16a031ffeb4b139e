#include "flyball/base/file.hpp"
#include "support/catch.hpp"

#include <fcntl.h>
#include <stdlib.h>

#include <filesystem>

using namespace flyball;
using flyball::test::ContainsSubstring;

namespace {
struct TempDir {
    TempDir()
    {
        char name[] = "/tmp/flyball-test-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path = name;
    }
    ~TempDir() { std::filesystem::remove_all(path); }
    std::string path;
};
}  // namespace

TEST_CASE("files without a size are read whole", "[base][file]")
{
    const auto status = read_file("/proc/self/status");
    REQUIRE(status);
    CHECK_THAT(*status, ContainsSubstring("Pid:"));
}

TEST_CASE("a large file takes several reads", "[base][file]")
{
    const TempDir dir;
    const std::string text(100'000, 'x');
    REQUIRE(save_file(dir.path + "/f", text));
    CHECK(read_file(dir.path + "/f") == text);
    const auto fd = open_fd(dir.path, O_RDONLY | O_DIRECTORY);
    REQUIRE(fd);
    CHECK(read_file_at(fd->get(), "f") == text);
    CHECK(write_file_once_at(fd->get(), "f", "short"));
}

TEST_CASE("errors name the path and the reason; absence is a value where asked", "[base][file]")
{
    const auto absent = read_file("/nonexistent/file");
    REQUIRE_FALSE(absent);
    CHECK(absent.error().what == "reading /nonexistent/file: No such file or directory");
    const auto optional = read_if_exists("/nonexistent/file");
    REQUIRE(optional);
    CHECK_FALSE(optional->has_value());
    CHECK_FALSE(read_if_exists("/"));
}

TEST_CASE("write_file_once never creates", "[base][file]")
{
    const TempDir dir;
    CHECK_FALSE(write_file_once(dir.path + "/new", "1"));
    CHECK_FALSE(std::filesystem::exists(dir.path + "/new"));
    const auto full = write_file_once("/dev/full", "1");
    REQUIRE_FALSE(full);
    CHECK_THAT(full.error().what, ContainsSubstring("No space left"));
}

TEST_CASE("a UniqueFd has one owner", "[base][file]")
{
    auto opened = open_fd("/dev/null", O_RDONLY);
    REQUIRE(opened);
    UniqueFd fd = *std::move(opened);
    const int number = fd.get();
    UniqueFd other = std::move(fd);
    CHECK_FALSE(fd.valid());
    CHECK(other.get() == number);
    CHECK((::fcntl(number, F_GETFD) & FD_CLOEXEC) != 0);
    other.reset();
    CHECK(::fcntl(number, F_GETFD) == -1);
}
