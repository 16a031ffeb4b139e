// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>

namespace flyball {

namespace {

ErrorKind kind_of(int errnum)
{
    return errnum == EACCES || errnum == EPERM ? ErrorKind::Unavailable : ErrorKind::Io;
}

std::unexpected<Error> errno_fail(std::string_view doing, const std::string& path, int errnum)
{
    return std::unexpected(errno_error(kind_of(errnum), fmt::format("{} {}", doing, path), errnum));
}

int open_retry(int dirfd, const char* path, int flags, mode_t mode = 0)
{
    for (;;) {
        const int fd = ::openat(dirfd, path, flags | O_CLOEXEC, mode);
        if (fd >= 0 || errno != EINTR)
            return fd;
    }
}

// errno, or 0 with the text in `out`.
int read_all(int fd, std::string& out)
{
    std::array<char, 16384> buffer;
    for (;;) {
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got == 0)
            return 0;
        if (got < 0) {
            if (errno == EINTR)
                continue;
            return errno;
        }
        out.append(buffer.data(), static_cast<std::size_t>(got));
        if (out.size() > kMaxFileBytes)
            return EFBIG;
    }
}

int read_at(int dirfd, const char* path, int flags, std::string& out)
{
    const UniqueFd fd(open_retry(dirfd, path, O_RDONLY | flags));
    if (!fd.valid())
        return errno;
    return read_all(fd.get(), out);
}

bool means_absent(int errnum)
{
    return errnum == ENOENT || errnum == ENOTDIR || errnum == ENODEV || errnum == EOPNOTSUPP || errnum == EINVAL;
}

Result<> write_once(UniqueFd fd, const std::string& path, std::string_view text)
{
    if (!fd.valid())
        return errno_fail("opening for writing", path, errno);
    for (;;) {
        const ssize_t put = ::write(fd.get(), text.data(), text.size());
        if (put == static_cast<ssize_t>(text.size()))
            return {};
        if (put >= 0)
            return fail(ErrorKind::Io, fmt::format("writing {}: only {} of {} bytes taken", path, put, text.size()));
        if (errno != EINTR)
            return errno_fail("writing", path, errno);
    }
}

}  // namespace

Result<std::string> read_file(const std::string& path)
{
    std::string out;
    if (const int errnum = read_at(AT_FDCWD, path.c_str(), 0, out))
        return errno_fail("reading", path, errnum);
    return out;
}

Result<std::string> read_file_at(int dirfd, const std::string& name)
{
    std::string out;
    if (const int errnum = read_at(dirfd, name.c_str(), O_NOFOLLOW, out))
        return errno_fail("reading", name, errnum);
    return out;
}

Result<std::optional<std::string>> read_if_exists(const std::string& path)
{
    std::string out;
    if (const int errnum = read_at(AT_FDCWD, path.c_str(), 0, out)) {
        if (means_absent(errnum))
            return std::nullopt;
        return errno_fail("reading", path, errnum);
    }
    return out;
}

std::optional<std::string> text_of(const std::string& path)
{
    auto text = read_if_exists(path);
    return text ? std::move(*text) : std::nullopt;
}

Result<> write_file_once(const std::string& path, std::string_view text)
{
    return write_once(UniqueFd(open_retry(AT_FDCWD, path.c_str(), O_WRONLY)), path, text);
}

Result<> write_file_once_at(int dirfd, const std::string& name, std::string_view text)
{
    return write_once(UniqueFd(open_retry(dirfd, name.c_str(), O_WRONLY | O_NOFOLLOW)), name, text);
}

Result<> save_file(const std::string& path, std::string_view text)
{
    const UniqueFd fd(open_retry(AT_FDCWD, path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644));
    if (!fd.valid())
        return errno_fail("creating", path, errno);
    while (!text.empty()) {
        const ssize_t put = ::write(fd.get(), text.data(), text.size());
        if (put < 0 && errno != EINTR)
            return errno_fail("writing", path, errno);
        if (put > 0)
            text.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
}

Result<UniqueFd> open_fd(const std::string& path, int flags)
{
    UniqueFd fd(open_retry(AT_FDCWD, path.c_str(), flags, 0644));
    if (!fd.valid())
        return errno_fail("opening", path, errno);
    return fd;
}

}  // namespace flyball
