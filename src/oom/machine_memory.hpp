// SPDX-License-Identifier: Apache-2.0
// What this machine has left, in bytes. 0 where it cannot be read.
#pragma once

#include <cstdint>

namespace flyball::oom {

[[nodiscard]] std::uint64_t free_swap_bytes();
// Without swapping (MemAvailable of /proc/meminfo).
[[nodiscard]] std::uint64_t available_bytes();

}  // namespace flyball::oom
