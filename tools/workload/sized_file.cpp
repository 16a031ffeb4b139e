// SPDX-License-Identifier: Apache-2.0
#include "sized_file.hpp"

#include "args.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace workload {

namespace {

constexpr std::uint64_t kPiece = std::uint64_t{1} << 20U;

void write_up_to(const std::string& path, std::uint64_t bytes)
{
    const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (file.get() < 0)
        fail_errno("making " + path);
    const std::vector<char> piece(kPiece, 'f');
    for (std::uint64_t at = 0; at < bytes;) {
        const ssize_t put = pwrite(file.get(), piece.data(), std::min(kPiece, bytes - at), static_cast<off_t>(at));
        if (put <= 0)
            fail_errno("writing " + path);
        at += static_cast<std::uint64_t>(put);
    }
    if (fsync(file.get()) != 0)
        fail_errno("writing " + path);
    posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
}

std::uint64_t size_of(const std::string& path)
{
    const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const off_t end = file.get() < 0 ? 0 : lseek(file.get(), 0, SEEK_END);
    return static_cast<std::uint64_t>(std::max<off_t>(end, 0));
}

}  // namespace

Fd open_sized(const std::string& path, std::uint64_t bytes, int flags)
{
    if (path.starts_with("/dev/")) {
        if (size_of(path) < bytes)
            throw UsageError(path + " is too small");
    } else if (size_of(path) < bytes) {
        write_up_to(path, bytes);
    }
    Fd file(open(path.c_str(), flags | O_CLOEXEC));
    if (file.get() < 0)
        fail_errno("opening " + path);
    return file;
}

}  // namespace workload
