// SPDX-License-Identifier: Apache-2.0
// Durations, sizes and counts: what people type, and what they read. Pure functions.
//
// Parse errors are ErrorKind::Usage and name the input and the form expected.
#pragma once

#include "flyball/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace flyball {

// "30s", "1m30s", "500ms", "2h", "1.5s", "250us", "100ns"; a plain number is seconds. Nanoseconds.
// Rejects zero, negative, overflow (more than ~292 years) and anything left over. Units, where there
// are several, must go from large to small, each once.
[[nodiscard]] Result<std::uint64_t> parse_duration(std::string_view text);

// "64M", "64MiB", "1.5G", "4096", "4096B": powers of 1024 (K M G T P, any case), as the kernel's
// memparse has it. Zero is allowed; "max" is not: a caller for which there is a "no limit" tests that first.
[[nodiscard]] Result<std::uint64_t> parse_bytes(std::string_view text);

// "5%", "12.5%", "0.05": a share from 0 to 1.
[[nodiscard]] Result<double> parse_share(std::string_view text);

// "0 ns", "830 ns", "1.25 ms", "12.3 s", "123 s", "2 h 03 min", ...: three significant digits.
[[nodiscard]] std::string format_ns(std::uint64_t ns);

// "0 B", "512 B", "64.0 MiB", "1.50 GiB": three significant digits.
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

// "999", "12.3 k", "4.56 M", "7.00 G", ...: three significant digits from 1000 on.
[[nodiscard]] std::string format_count(std::uint64_t count);

// 0.1234 -> "12.3%"; below 0.1 % two digits ("0.04%"), and "<0.01%" for what would round to nothing.
// Not finite: "-".
[[nodiscard]] std::string format_percent(double ratio);

}  // namespace flyball
