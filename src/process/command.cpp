// SPDX-License-Identifier: Apache-2.0
// Would a command be executed? The kernel's own answer comes too late: after everything has been set up for it.
#include "flyball/base/fd.hpp"
#include "flyball/process/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace flyball::process {

namespace {

constexpr std::size_t kFirstLine = 256;  // BINPRM_BUF_SIZE: what the kernel reads of a script

// 0, or the errno that execve() would give; EISDIR for a directory, of which it says EACCES.
int refusal(const std::string& path)
{
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0)
        return errno;
    if (S_ISDIR(status.st_mode))
        return EISDIR;
    if (!S_ISREG(status.st_mode))
        return EACCES;
    return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

// The interpreter that a script names; empty: none, or it cannot be read.
std::string interpreter_of(const std::string& path)
{
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, kFirstLine> start{};
    const ssize_t got = file.valid() ? ::read(file.get(), start.data(), start.size()) : 0;
    std::string_view line(start.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    if (!line.starts_with("#!"))
        return {};
    line.remove_prefix(2);
    line = line.substr(0, line.find('\n'));
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return std::string(line.substr(0, line.find_first_of(std::string_view(" \t\0", 3))));
}

std::unexpected<Error> refuse(const std::string& name, int errnum)
{
    std::string hint;
    if (errnum == EISDIR)
        hint = "name a command after --";
    else if (errnum == EACCES)
        hint = "chmod +x makes a script executable; a mount with noexec forbids it";
    else if (errnum == ENOENT || errnum == ENOTDIR)
        hint = "check the path after --";
    return std::unexpected(errno_error(ErrorKind::Usage, fmt::format("cannot run '{}'", name), errnum, hint));
}

Result<> check_interpreter(const std::string& path)
{
    std::string interpreter = interpreter_of(path);
    const int errnum = interpreter.empty() ? 0 : refusal(interpreter);
    if (errnum == 0)
        return {};
    const bool windows = interpreter.ends_with('\r');
    if (windows)
        interpreter.pop_back();
    return std::unexpected(
        errno_error(ErrorKind::Usage, fmt::format("cannot run '{}': its interpreter '{}'", path, interpreter), errnum,
                    windows ? "its lines end in CR LF: the CR is taken for a part of the name" : "see its first line"));
}

}  // namespace

Result<> check_command(const std::vector<std::string>& command)
{
    if (command.empty())
        return fail(ErrorKind::Usage, "no command was given");
    const std::string& name = command.front();
    if (name.find('/') != std::string::npos) {
        if (const int errnum = refusal(name))
            return refuse(name, errnum);
        return check_interpreter(name);
    }
    // As execvp() goes: what it may not execute it passes over.
    const char* variable = std::getenv("PATH");
    std::string_view directories = variable != nullptr ? variable : "/bin:/usr/bin";
    std::string forbidden;
    for (bool more = !name.empty(); more;) {
        const auto colon = directories.find(':');
        more = colon != std::string_view::npos;
        const std::string_view directory = directories.substr(0, colon);
        const std::string path = directory.empty() ? "./" + name : fmt::format("{}/{}", directory, name);
        if (more)
            directories.remove_prefix(colon + 1);
        const int errnum = refusal(path);
        if (errnum == 0)
            return check_interpreter(path);
        if (errnum == EACCES && forbidden.empty())
            forbidden = path;
    }
    if (!forbidden.empty())
        return refuse(forbidden, EACCES);
    return fail(ErrorKind::Usage, fmt::format("cannot run '{}': no such command in $PATH", name),
                "give its path if it is elsewhere");
}

}  // namespace flyball::process
