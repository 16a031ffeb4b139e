// SPDX-License-Identifier: Apache-2.0
#include "scratch_file.hpp"

#include "flyball/base/fd.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace flyball::live {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;

Result<> fill(int fd, const std::string& path, std::uint64_t bytes)
{
    // Not zeros: some file systems keep those as holes.
    std::vector<char> piece(kPiece);
    for (std::size_t i = 0; i < kPiece; ++i)
        piece[i] = static_cast<char>(i * 131 + 7);
    for (std::uint64_t at = 0; at < bytes;) {
        const ssize_t n = ::write(fd, piece.data(), std::min<std::uint64_t>(kPiece, bytes - at));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return std::unexpected(errno_error(ErrorKind::Io, "filling " + path, n < 0 ? errno : ENOSPC));
        at += static_cast<std::uint64_t>(n);
    }
    if (::fsync(fd) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "writing " + path, errno));
    return {};
}

}  // namespace

Result<> make_scratch_file(const std::string& path, std::uint64_t bytes)
{
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd.valid())
        return std::unexpected(errno_error(ErrorKind::Usage, path, errno));
    struct statvfs space{};
    // Half of what is free at most: others write there as well.
    if (::fstatvfs(fd.get(), &space) == 0 && bytes > space.f_bavail * space.f_frsize / 2) {
        (void)::unlink(path.c_str());
        return fail(ErrorKind::Usage,
                    fmt::format("{}: {} bytes would take more than half of what is free there", path, bytes));
    }
    auto filled = fill(fd.get(), path, bytes);
    if (!filled)
        (void)::unlink(path.c_str());
    return filled;
}

}  // namespace flyball::live
