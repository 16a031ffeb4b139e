// SPDX-License-Identifier: Apache-2.0
// The values of tuners as people write them. "n/a" for what is not known.
#pragma once

#include "flyball/tune/proposal.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flyball::report {

// Of the text of cpu.max: "20400 100000"; the kernel's period where there is none. nullopt: no such text, or "max".
struct Quota {
    std::uint64_t quota_us = 0, period_us = 0;
    [[nodiscard]] double cpus() const { return static_cast<double>(quota_us) / static_cast<double>(period_us); }
};
[[nodiscard]] std::optional<Quota> quota_of(std::string_view text);
// "max", or what begins with it: no limit.
[[nodiscard]] bool unlimited(std::string_view text);
// "default 150" -> "150": io.weight without the word for all devices.
[[nodiscard]] std::string_view without_default(std::string_view text);

// 0.204 -> "0.204 CPUs", 135 -> "135 tasks", 0.05 -> "5.0%", 12.3 s, 48.2 MiB, "2.10 per s".
[[nodiscard]] std::string quantity(double value, tune::Unit unit);
// "18.9 to 20.4 ms".
[[nodiscard]] std::string range(const std::optional<stats::Interval>& interval, tune::Unit unit);
// "18.9 ms" and "20.4 ms" as "18.9 to 20.4 ms"; "900 KiB to 1.10 MiB" where the units differ.
[[nodiscard]] std::string joined(const std::string& low, const std::string& high);
// Of a ratio: "0.981 to 1.02".
[[nodiscard]] std::string ratio_range(const std::optional<stats::Interval>& interval);

// 0.95 -> "95%". Never rounded up to certainty.
[[nodiscard]] std::string confidence_words(double confidence);

// The text of a limit file: "20.4 ms / 100 ms\n= 0.204 CPUs", "48.2 MiB", "129 tasks", "no limit".
[[nodiscard]] std::string limit_words(const tune::Value& value, std::string_view text);
// The interval of a value, with its confidence.
[[nodiscard]] std::string interval_words(const tune::Value& value);

}  // namespace flyball::report
