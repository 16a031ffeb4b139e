// SPDX-License-Identifier: Apache-2.0
// A file that has at least so many bytes, with blocks of its own.
#pragma once

#include "system.hpp"

#include <cstdint>
#include <string>

namespace workload {

// Opens FILE with the flags; made, or written to its size, when it is missing or shorter. It then is on disk and out of
// the page cache. A block device has its size.
[[nodiscard]] Fd open_sized(const std::string& path, std::uint64_t bytes, int flags);

}  // namespace workload
