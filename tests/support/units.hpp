// SPDX-License-Identifier: Apache-2.0
// Times of tests, in nanoseconds.
#pragma once

#include <cstdint>

namespace flyball::test {

inline constexpr std::uint64_t kMs = 1'000'000, kSecond = 1'000 * kMs;

}  // namespace flyball::test
