// SPDX-License-Identifier: Apache-2.0
#include "workload_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

namespace flyball::live {

Result<WorkloadLog> WorkloadLog::open(const std::string& path)
{
    if (path.empty())
        return WorkloadLog(path, UniqueFd());
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
    // Appended to: several processes write to it, each with an offset of its own if they open it by /dev/stdout.
    UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644));
    if (!file.valid())
        return std::unexpected(errno_error(ErrorKind::Io, path, errno));
    return WorkloadLog(path, std::move(file));
}

WorkloadLog::~WorkloadLog()
{
    struct stat now{};
    if (file_.valid() && ::fstat(file_.get(), &now) == 0 && now.st_size == 0)
        (void)::unlink(path_.c_str());
}

}  // namespace flyball::live
