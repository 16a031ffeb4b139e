// SPDX-License-Identifier: Apache-2.0
#include "flyball/cgroup/limits.hpp"

#include "flyball/base/strings.hpp"
#include "flyball/base/units.hpp"

#include <fmt/format.h>

namespace flyball::cgroup {

namespace {

constexpr std::string_view kCpuForms = "give QUOTA/PERIOD such as 20ms/100ms, microseconds as in cpu.max "
                                       "(20000 100000), a share such as 50%, or max";

std::unexpected<Error> usage(std::string what, std::string_view hint)
{
    return fail(ErrorKind::Usage, std::move(what), std::string(hint));
}

Result<> in_bounds(const CpuMax& limit)
{
    if (limit.quota_us != kUnlimited && (limit.quota_us < kMinCpuQuotaUs || limit.quota_us > kMaxCpuQuotaUs))
        return usage(fmt::format("a CPU quota of {} us is outside the kernel's bounds, {} us to {} us", limit.quota_us,
                                 kMinCpuQuotaUs, kMaxCpuQuotaUs),
                     "a longer period allows the same share with a larger quota");
    if (limit.period_us < kMinCpuPeriodUs || limit.period_us > kMaxCpuPeriodUs)
        return usage(fmt::format("a CPU period of {} us is outside the kernel's bounds, {} us to {} us",
                                 limit.period_us, kMinCpuPeriodUs, kMaxCpuPeriodUs),
                     "the default period is 100ms");
    return {};
}

Result<> memory_in_bounds(std::uint64_t bytes, std::string_view file)
{
    if (bytes == kUnlimited || (bytes >= kMinMemoryBytes && bytes <= kMaxMemoryBytes))
        return {};
    return usage(
        fmt::format("{} of {} bytes is outside the bounds, {} to {}", file, bytes, kMinMemoryBytes, kMaxMemoryBytes),
        "give a size such as 64M, or max");
}

Result<> pids_in_bounds(std::uint64_t tasks)
{
    if (tasks == kUnlimited || (tasks >= kMinPids && tasks <= kMaxPids))
        return {};
    return usage(fmt::format("pids.max of {} is outside the bounds, {} to {}", tasks, kMinPids, kMaxPids),
                 "give a number of tasks, or max");
}

// A bare number is microseconds, as in cpu.max; anything else is a duration.
std::optional<std::uint64_t> parse_us(std::string_view text)
{
    if (const auto bare = parse_u64(text))
        return bare;
    const auto ns = parse_duration(text);
    if (!ns || *ns % 1000 != 0)
        return std::nullopt;
    return *ns / 1000;
}

// A share of one CPU, in steps of the kernel's microsecond.
std::optional<std::uint64_t> parse_percent(std::string_view text)
{
    text.remove_suffix(1);
    const auto point = text.find('.');
    const auto whole = parse_u64(text.substr(0, point));
    if (!whole || *whole > kMaxCpuQuotaUs / 1000)
        return std::nullopt;
    std::uint64_t quota = *whole * (kDefaultCpuPeriodUs / 100);
    if (point == std::string_view::npos)
        return quota;
    const std::string_view decimals = text.substr(point + 1);
    const auto fraction = parse_u64(decimals);
    if (!fraction || decimals.size() > 3)
        return std::nullopt;
    std::uint64_t step = kDefaultCpuPeriodUs / 100;
    for (std::size_t i = 0; i < decimals.size(); ++i)
        step /= 10;
    return quota + *fraction * step;
}

std::optional<CpuMax> parse_cpu_form(std::string_view text)
{
    if (text.ends_with('%')) {
        const auto quota = parse_percent(text);
        if (!quota)
            return std::nullopt;
        return CpuMax{.quota_us = *quota, .period_us = kDefaultCpuPeriodUs};
    }
    const bool slash = text.find('/') != std::string_view::npos;
    const auto parts = slash ? split(text, '/') : split_blanks(text);
    if (parts.empty() || parts.size() > 2)
        return std::nullopt;
    CpuMax limit;
    if (trim(parts[0]) != "max") {
        const auto quota = parse_us(trim(parts[0]));
        if (!quota)
            return std::nullopt;
        limit.quota_us = *quota;
    }
    if (parts.size() == 2) {
        const auto period = parse_us(trim(parts[1]));
        if (!period)
            return std::nullopt;
        limit.period_us = *period;
    }
    return limit;
}

}  // namespace

Result<CpuMax> parse_cpu_max(std::string_view text)
{
    const auto limit = parse_cpu_form(trim(text));
    // kUnlimited itself as a number is garbage, not "max".
    if (!limit || (limit->quota_us == kUnlimited && !trim(text).starts_with("max")))
        return usage(fmt::format("'{}' is not a CPU limit", text), kCpuForms);
    if (auto checked = in_bounds(*limit); !checked)
        return std::unexpected(std::move(checked.error()).context(fmt::format("'{}'", text)));
    return *limit;
}

Result<std::uint64_t> parse_memory_limit(std::string_view text)
{
    if (trim(text) == "max")
        return kUnlimited;
    const auto bytes = parse_bytes(text);
    if (!bytes)
        return std::unexpected(bytes.error());
    if (*bytes == kUnlimited)
        return usage(fmt::format("'{}' is too large for a memory limit", text), "give a size such as 64M, or max");
    if (auto checked = memory_in_bounds(*bytes, "a memory limit"); !checked)
        return std::unexpected(checked.error());
    return *bytes;
}

Result<std::uint64_t> parse_pids_max(std::string_view text)
{
    if (trim(text) == "max")
        return kUnlimited;
    const auto tasks = parse_u64(trim(text));
    if (!tasks || *tasks == kUnlimited)
        return usage(fmt::format("'{}' is not a number of tasks", text), "give a number such as 512, or max");
    if (auto checked = pids_in_bounds(*tasks); !checked)
        return std::unexpected(checked.error());
    return *tasks;
}

Result<> validate(const Limits& limits)
{
    if (limits.cpu_max)
        if (auto checked = in_bounds(*limits.cpu_max); !checked)
            return checked;
    if (limits.memory_max)
        if (auto checked = memory_in_bounds(*limits.memory_max, "memory.max"); !checked)
            return checked;
    if (limits.memory_high)
        if (auto checked = memory_in_bounds(*limits.memory_high, "memory.high"); !checked)
            return checked;
    if (limits.pids_max)
        if (auto checked = pids_in_bounds(*limits.pids_max); !checked)
            return checked;
    const std::uint64_t high = limits.memory_high.value_or(kUnlimited);
    const std::uint64_t max = limits.memory_max.value_or(kUnlimited);
    if (high != kUnlimited && high > max)
        return usage(
            fmt::format("memory.high of {} bytes is above memory.max of {} bytes and would never act", high, max),
            "give a memory.high below memory.max");
    return {};
}

std::string cpu_max_text(const CpuMax& limit)
{
    return fmt::format("{} {}", limit_text(limit.quota_us), limit.period_us);
}

std::string limit_text(std::uint64_t limit)
{
    return limit == kUnlimited ? "max" : std::to_string(limit);
}

}  // namespace flyball::cgroup
