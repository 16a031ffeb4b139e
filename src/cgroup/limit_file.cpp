// SPDX-License-Identifier: Apache-2.0
#include "limit_file.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/cgroup/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace flyball::cgroup::detail {
namespace {

enum class Form { CpuMax, Bytes, Count, Weight, Microseconds, SignedMicroseconds, Flag };

struct LimitFile {
    std::string_view name;
    Form form;
    std::uint64_t least, most;
    int order;
};

// Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/: those that a tuner has a use for.
constexpr std::uint64_t kMaxWeight = 10'000, kMaxBfqWeight = 1'000;
constexpr std::array kFiles{
    LimitFile{"cpu.max", Form::CpuMax, 0, 0, 1},
    LimitFile{"cpu.max.burst", Form::Microseconds, 0, kMaxCpuQuotaUs, 2},
    LimitFile{"cpu.weight", Form::Weight, 1, kMaxWeight, 1},
    LimitFile{"memory.max", Form::Bytes, kMinMemoryBytes, kMaxMemoryBytes, 0},
    LimitFile{"memory.high", Form::Bytes, 0, kMaxMemoryBytes, 1},
    LimitFile{"memory.low", Form::Bytes, 0, kMaxMemoryBytes, 1},
    LimitFile{"memory.swap.max", Form::Bytes, 0, kMaxMemoryBytes, 0},
    LimitFile{"memory.oom.group", Form::Flag, 0, 1, 1},
    LimitFile{"pids.max", Form::Count, kMinPids, kMaxPids, 1},
    LimitFile{"io.weight", Form::Weight, 1, kMaxWeight, 1},
    LimitFile{"io.bfq.weight", Form::Weight, 1, kMaxBfqWeight, 1},
    // v1
    LimitFile{"cpu.cfs_quota_us", Form::SignedMicroseconds, kMinCpuQuotaUs, kMaxCpuQuotaUs, 1},
    LimitFile{"cpu.cfs_period_us", Form::Microseconds, kMinCpuPeriodUs, kMaxCpuPeriodUs, 1},
    LimitFile{"cpu.cfs_burst_us", Form::Microseconds, 0, kMaxCpuQuotaUs, 2},
    LimitFile{"cpu.shares", Form::Weight, 2, 262'144, 1},
    LimitFile{"memory.limit_in_bytes", Form::Bytes, kMinMemoryBytes, kMaxMemoryBytes, 0},
};

const LimitFile* find(std::string_view name)
{
    const auto found = std::ranges::find(kFiles, name, &LimitFile::name);
    return found == kFiles.end() ? nullptr : &*found;
}

bool has_no_limit(Form form)
{
    return form == Form::Bytes || form == Form::Count || form == Form::CpuMax;
}

// "default 100", as io.weight says it, is 100.
std::string_view plain(std::string_view text)
{
    text = trim(text);
    constexpr std::string_view kDefault = "default ";
    return text.starts_with(kDefault) ? trim(text.substr(kDefault.size())) : text;
}

std::optional<std::string> usage_file(std::string_view file)
{
    if (file == "memory.max")
        return "memory.current";
    if (file == "memory.limit_in_bytes")
        return "memory.usage_in_bytes";
    if (file == "pids.max")
        return "pids.current";
    return std::nullopt;
}

}  // namespace

Result<> check_value(std::string_view file, std::string_view value)
{
    const LimitFile* const known = find(file);
    if (known == nullptr)
        return fail(ErrorKind::Usage, fmt::format("{}: not a limit that flyball writes", file));
    const std::string_view text = plain(value);
    if (known->form == Form::CpuMax) {
        auto parsed = parse_cpu_max(text);
        return parsed ? Result<>{} : std::unexpected(std::move(parsed.error()).context(file));
    }
    if ((text == "max" && has_no_limit(known->form)) || (text == "-1" && known->form == Form::SignedMicroseconds))
        return {};
    const auto number = parse_u64(text);
    if (!number || *number < known->least || *number > known->most)
        return fail(ErrorKind::Usage,
                    fmt::format("{}: '{}' is not from {} to {}", file, text, known->least, known->most));
    return {};
}

Result<> check_harmless(const std::string& directory, std::string_view file, std::string_view value)
{
    const auto in_use = usage_file(file);
    const auto wanted = parse_u64(plain(value));
    if (!in_use || !wanted)
        return {};
    auto text = read_if_exists(directory + "/" + *in_use);
    const auto now = text && *text ? parse_u64(trim(**text)) : std::nullopt;
    // Below what is used, memory.max kills (v2) and pids.max makes every fork fail.
    if (now && *wanted < *now)
        return fail(
            ErrorKind::Usage,
            fmt::format("{} of {}: {} is below the {} in use, which would kill", file, directory, *wanted, *now),
            "lower the use first, with memory.high or memory.reclaim");
    return {};
}

bool same_value(std::string_view file, std::string_view a, std::string_view b)
{
    a = plain(a);
    b = plain(b);
    if (a == b)
        return true;
    const LimitFile* const known = find(file);
    if (known == nullptr)
        return false;
    if (known->form == Form::CpuMax) {
        const auto x = parse_cpu_max(a), y = parse_cpu_max(b);
        return x && y && *x == *y;
    }
    const auto x = parse_u64(a), y = parse_u64(b);
    // mm/page_counter.c rounds to pages, of 64 KiB at most on what flyball runs on.
    constexpr std::uint64_t kPage = 65536;
    if (known->form == Form::Bytes) {
        if (x && y)
            return (*x > *y ? *x - *y : *y - *x) < kPage;
        // v1 says no limit in bytes.
        return (a == "max" && y && *y >= kMaxMemoryBytes) || (b == "max" && x && *x >= kMaxMemoryBytes);
    }
    return x && y && *x == *y;
}

std::string_view companion(std::string_view file)
{
    if (file == "cpu.max")
        return "cpu.max.burst";
    if (file == "cpu.cfs_quota_us" || file == "cpu.cfs_period_us")
        return "cpu.cfs_burst_us";
    return {};
}

int restore_order(std::string_view file)
{
    const LimitFile* const known = find(file);
    return known == nullptr ? 3 : known->order;
}

}  // namespace flyball::cgroup::detail
