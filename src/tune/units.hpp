// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace flyball::tune {

inline constexpr std::uint64_t kPage = 4096;
inline constexpr double kNsPerS = 1e9;

[[nodiscard]] constexpr std::uint64_t pages_up(std::uint64_t bytes)
{
    return (bytes + kPage - 1) / kPage * kPage;
}

}  // namespace flyball::tune
