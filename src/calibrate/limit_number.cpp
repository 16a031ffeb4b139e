// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/strings.hpp"
#include "flyball/calibrate/decision.hpp"
#include "flyball/cgroup/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flyball::calibrate {
namespace {

constexpr double kPage = 4096;

}  // namespace

std::optional<double> limit_number(std::string_view file, std::string_view text)
{
    if (file == "cpu.max") {
        const auto limit = cgroup::parse_cpu_max(text);
        if (!limit || limit->quota_us == cgroup::kUnlimited)
            return std::nullopt;
        return static_cast<double>(limit->quota_us) / static_cast<double>(limit->period_us);
    }
    const auto number = parse_u64(trim(text));
    return number ? std::optional(static_cast<double>(*number)) : std::nullopt;
}

std::string limit_with(std::string_view file, std::string_view text, double number)
{
    if (file == "cpu.max") {
        const auto was = cgroup::parse_cpu_max(text);
        const std::uint64_t period_us = was ? was->period_us : cgroup::kDefaultCpuPeriodUs;
        const auto quota_us = static_cast<std::uint64_t>(std::ceil(number * static_cast<double>(period_us)));
        return cgroup::cpu_max_text({std::max(quota_us, cgroup::kMinCpuQuotaUs), period_us});
    }
    if (file.starts_with("memory."))
        return fmt::format("{:.0f}", std::ceil(number / kPage) * kPage);
    return fmt::format("{:.0f}", std::ceil(number));
}

}  // namespace flyball::calibrate
