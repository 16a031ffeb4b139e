// SPDX-License-Identifier: Apache-2.0
// Where a recording goes: what cannot be written is refused at once, and nothing is lost before the writer begins.
#include "flyball/profile/recording.hpp"
#include "make.hpp"
#include "support/catch.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace flyball;
using namespace flyball::profile;
using namespace flyball::profile::test;
using flyball::test::ContainsSubstring;

namespace {

namespace fs = std::filesystem;

class TempDir {
public:
    TempDir()
    {
        std::string name = (fs::temp_directory_path() / "flyball-file-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~TempDir() { fs::remove_all(path_); }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

void save(const std::string& path, const std::string& text)
{
    std::ofstream(path, std::ios::binary) << text;
}

std::string load(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// Root may write anywhere: nobody does the checking then.
class AsNobody {
public:
    AsNobody()
    {
        constexpr uid_t kNobody = 65534;
        if (was_ == 0)
            REQUIRE(::seteuid(kNobody) == 0);
    }
    ~AsNobody()
    {
        if (::seteuid(was_) != 0)
            std::abort();
    }
    AsNobody(const AsNobody&) = delete;
    AsNobody& operator=(const AsNobody&) = delete;

private:
    uid_t was_ = ::geteuid();
};

Error refused(const std::string& path)
{
    const auto file = RecordingFile::open(path);
    INFO(path);
    REQUIRE_FALSE(file);
    CHECK(file.error().kind == ErrorKind::Usage);
    CHECK_THAT(file.error().what, ContainsSubstring(path));
    CHECK_FALSE(file.error().hint.empty());
    return file.error();
}

}  // namespace

TEST_CASE("recording file: a path that cannot be written is refused, with what to do")
{
    const TempDir dir;
    CHECK_THAT(refused(dir.path().string()).what, ContainsSubstring("Is a directory"));
    CHECK_THAT(refused(dir.file("no/such/x")).hint, ContainsSubstring(dir.file("no/such")));
    save(dir.file("plain"), "x");
    CHECK_THAT(refused(dir.file("plain/x")).what, ContainsSubstring("Not a directory"));

    save(dir.file("kept"), "kept");
    fs::permissions(dir.file("kept"), fs::perms::owner_read);
    fs::permissions(dir.path(),
                    fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
    {
        const AsNobody nobody;
        CHECK_THAT(refused(dir.file("new")).what, ContainsSubstring("Permission denied"));
        CHECK_THAT(refused(dir.file("kept")).what, ContainsSubstring("Permission denied"));
    }
    fs::permissions(dir.path(), fs::perms::owner_all);
    CHECK(load(dir.file("kept")) == "kept");
    CHECK_FALSE(fs::exists(dir.file("new")));
}

TEST_CASE("recording file: what is there stays until the writer begins")
{
    const TempDir dir;
    const std::string path = dir.file("r.fbr");
    save(path, std::string(100'000, 'x'));
    {
        const auto file = RecordingFile::open(path);
        REQUIRE(file);
        CHECK(fs::file_size(path) == 100'000);
    }
    CHECK(fs::file_size(path) == 100'000);

    auto file = RecordingFile::open(path);
    REQUIRE(file);
    auto writer = RecordingWriter::create(std::move(*file), v2_meta(), {});
    REQUIRE(writer);
    REQUIRE(writer->close({}));
    CHECK(fs::file_size(path) == writer->bytes_written());
    CHECK(replay(path));
}

TEST_CASE("recording file: one that it made goes if nobody writes it")
{
    const TempDir dir;
    const std::string path = dir.file("new.fbr");
    {
        const auto file = RecordingFile::open(path);
        REQUIRE(file);
        CHECK(fs::exists(path));
    }
    CHECK_FALSE(fs::exists(path));
    {
        const auto file = RecordingFile::open(path);
        REQUIRE(file);
        save(dir.file("other"), "of another");
        fs::rename(dir.file("other"), path);
    }
    CHECK(load(path) == "of another");
    fs::remove(path);
    {
        auto file = RecordingFile::open(path);
        REQUIRE(file);
        const auto writer = RecordingWriter::create(std::move(*file), v2_meta(), {});
        REQUIRE(writer);
    }
    CHECK(fs::file_size(path) > 0);
}

TEST_CASE("recording file: a device and a link are as good as a file")
{
    const TempDir dir;
    CHECK(RecordingWriter::create("/dev/null", v2_meta(), {}));
    CHECK(fs::is_character_file("/dev/null"));
    save(dir.file("target"), "old");
    fs::create_symlink(dir.file("target"), dir.file("link"));
    CHECK(RecordingFile::open(dir.file("link")));
    CHECK(load(dir.file("target")) == "old");
    REQUIRE(RecordingWriter::create(dir.file("link"), v2_meta(), {}));
    CHECK(fs::is_symlink(dir.file("link")));
    CHECK(load(dir.file("target")).starts_with("FLYBALL"));
}
