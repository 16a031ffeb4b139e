// SPDX-License-Identifier: Apache-2.0
// What the kernel writes to its log from now on, record by record (Documentation/ABI/testing/dev-kmsg).
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"

#include <cstddef>
#include <functional>
#include <string_view>

namespace flyball::live {

class KernelLog {
public:
    // Unavailable: it may not be read here (CONFIG_PRINTK, CAP_SYSLOG, a container without the device).
    [[nodiscard]] static Result<KernelLog> open();
    // What there is by now, at most so many records. gap: some were written over before they were read.
    void read(const std::function<void(std::string_view record)>& each, const std::function<void()>& gap) const;

private:
    explicit KernelLog(UniqueFd file) : file_(std::move(file)) {}
    UniqueFd file_;
};

}  // namespace flyball::live
