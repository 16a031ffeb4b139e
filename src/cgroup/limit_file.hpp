// SPDX-License-Identifier: Apache-2.0
// The files that may be written, what may be written to them, and when two texts mean the same. Pure, but for
// what a value would do now.
#pragma once

#include "flyball/base/result.hpp"

#include <string>
#include <string_view>

namespace flyball::cgroup::detail {

// Usage: no such limit file, or a value that the kernel would refuse or that nobody means.
[[nodiscard]] Result<> check_value(std::string_view file, std::string_view value);

// Usage: it would kill at once. The directory is that of the cgroup.
[[nodiscard]] Result<> check_harmless(const std::string& directory, std::string_view file, std::string_view value);

// The kernel rounds bytes down to pages, and has its own way of saying "no limit".
[[nodiscard]] bool same_value(std::string_view file, std::string_view a, std::string_view b);

// A file that the kernel may change along: sched_group_set_bandwidth scales the burst with the quota on some
// kernels. Empty: none.
[[nodiscard]] std::string_view companion(std::string_view file);

// Lower goes first when several are put back.
[[nodiscard]] int restore_order(std::string_view file);

}  // namespace flyball::cgroup::detail
