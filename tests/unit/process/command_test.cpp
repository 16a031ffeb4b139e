// SPDX-License-Identifier: Apache-2.0
// Whether a command would be executed, known without executing it.
#include "flyball/process/child.hpp"
#include "support/catch.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace flyball;
using namespace flyball::process;
using flyball::test::ContainsSubstring;

namespace {

namespace fs = std::filesystem;

// Two directories that are $PATH meanwhile.
class SearchPath {
public:
    SearchPath() : before_(std::getenv("PATH"))
    {
        std::string name = (fs::temp_directory_path() / "flyball-command-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
        for (const char* directory : {"a", "b"})
            fs::create_directory(path_ / directory);
        ::setenv("PATH", (file("a") + ":" + file("b")).c_str(), 1);
    }
    ~SearchPath()
    {
        ::setenv("PATH", before_.c_str(), 1);
        fs::remove_all(path_);
    }
    SearchPath(const SearchPath&) = delete;
    SearchPath& operator=(const SearchPath&) = delete;

    [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }
    std::string write(const std::string& name, const std::string& text, bool executable = true) const
    {
        std::ofstream(file(name), std::ios::binary) << text;
        fs::permissions(file(name), executable ? fs::perms::owner_all : fs::perms::owner_read);
        return file(name);
    }

private:
    std::string before_;
    fs::path path_;
};

Error refused(const std::string& name)
{
    const auto checked = check_command({name});
    INFO(name);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().kind == ErrorKind::Usage);
    CHECK_FALSE(checked.error().hint.empty());
    return checked.error();
}

// The check must foretell what the kernel says.
bool executes(const std::string& name)
{
    auto child = Child::spawn({name}, {});
    REQUIRE(child);
    return child->release().has_value();
}

}  // namespace

TEST_CASE("command: found as execvp finds it", "[cgroup][command]")
{
    const SearchPath search;
    search.write("b/tool", "#!/bin/sh\n");
    CHECK(check_command({"tool"}));
    CHECK(check_command({search.file("b/tool")}));
    CHECK(executes("tool"));
    search.write("a/tool", "#!/bin/sh\n", false);  // passed over
    CHECK(check_command({"tool"}));
    CHECK(executes("tool"));

    CHECK_THAT(refused("no-such-tool").what, ContainsSubstring("'no-such-tool': no such command in $PATH"));
    CHECK_FALSE(executes("no-such-tool"));
    CHECK_THAT(refused("").what, ContainsSubstring("$PATH"));
    CHECK_FALSE(check_command({}));

    fs::create_directory(search.file("a/sub"));
    CHECK_THAT(refused("sub").what, ContainsSubstring("$PATH"));
    ::unsetenv("PATH");
    CHECK(check_command({"sh"}));
    CHECK(executes("sh"));
    ::setenv("PATH", "", 1);
    CHECK_FALSE(check_command({"sh"}));
    CHECK_FALSE(executes("sh"));
}

TEST_CASE("command: what is there and cannot be executed", "[cgroup][command]")
{
    const SearchPath search;
    const std::string plain = search.write("a/plain", "#!/bin/sh\n", false);
    CHECK_THAT(refused("plain").what, ContainsSubstring("Permission denied"));
    CHECK_THAT(refused(plain).what, ContainsSubstring("'" + plain + "': Permission denied"));
    CHECK_THAT(refused(plain).hint, ContainsSubstring("chmod"));
    CHECK_THAT(refused(search.file("a")).what, ContainsSubstring("Is a directory"));
    CHECK_THAT(refused(search.file("a/nowhere")).what, ContainsSubstring("No such file"));
    CHECK_THAT(refused(plain + "/below").what, ContainsSubstring("Not a directory"));
    for (const std::string& path : {plain, search.file("a"), search.file("a/nowhere"), plain + "/below"})
        CHECK_FALSE(executes(path));
}

TEST_CASE("command: a script without its interpreter", "[cgroup][command]")
{
    const SearchPath search;
    search.write("a/orphan", "#! /no/such/interpreter -x\necho\n");
    CHECK_THAT(refused("orphan").what, ContainsSubstring("'/no/such/interpreter': No such file"));
    CHECK_FALSE(executes("orphan"));
    search.write("a/windows", "#!/bin/sh\r\necho\r\n");
    CHECK_THAT(refused("windows").hint, ContainsSubstring("CR LF"));
    CHECK_FALSE(executes("windows"));
    // Without a first line of that kind execvp() takes the shell.
    for (const std::string text : {"exit 0\n", "", "#!\n", "#!/bin/sh"}) {
        INFO(text);
        search.write("a/script", text);
        CHECK(check_command({"script"}));
    }
}
