// SPDX-License-Identifier: Apache-2.0
#include "kernel_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace flyball::live {
namespace {

constexpr const char* kDevice = "/dev/kmsg";
// PRINTK_MESSAGE_MAX is 2048, and a read with less room than a record has fails.
constexpr std::size_t kRecord = 8192;
// A kernel that writes on and on does not keep us from what else there is to do.
constexpr int kMostAtOnce = 5000;

}  // namespace

Result<KernelLog> KernelLog::open()
{
    UniqueFd file(::open(kDevice, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!file.valid() || ::lseek(file.get(), 0, SEEK_END) < 0)
        return std::unexpected(errno_error(ErrorKind::Unavailable, kDevice, errno));
    return KernelLog(std::move(file));
}

void KernelLog::read(const std::function<void(std::string_view record)>& each, const std::function<void()>& gap) const
{
    std::array<char, kRecord> record;
    for (int i = 0; i < kMostAtOnce; ++i) {
        const ssize_t n = ::read(file_.get(), record.data(), record.size());
        if (n > 0)
            each({record.data(), static_cast<std::size_t>(n)});
        else if (n < 0 && errno == EPIPE)
            gap();
        else if (!(n < 0 && errno == EINTR))
            return;
    }
}

}  // namespace flyball::live
