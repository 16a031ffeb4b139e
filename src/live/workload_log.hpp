// SPDX-License-Identifier: Apache-2.0
// A file for what a workload prints, which never makes it wait. Not thread-safe.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"

#include <string>

namespace flyball::live {

class WorkloadLog {
public:
    // Makes the file anew, and its directory. An empty path: standard error instead.
    [[nodiscard]] static Result<WorkloadLog> open(const std::string& path);
    // Nothing printed, no file.
    ~WorkloadLog();
    WorkloadLog(WorkloadLog&&) noexcept = default;
    WorkloadLog& operator=(WorkloadLog&&) = delete;

    [[nodiscard]] int fd() const { return file_.valid() ? file_.get() : STDERR_FILENO; }

private:
    WorkloadLog(std::string path, UniqueFd file) : path_(std::move(path)), file_(std::move(file)) {}
    std::string path_;
    UniqueFd file_;
};

}  // namespace flyball::live
