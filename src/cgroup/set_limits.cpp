// SPDX-License-Identifier: Apache-2.0
#include "set_limits.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace flyball::cgroup::detail {

namespace {

bool has(const Mount& mount, std::string_view controller)
{
    return std::ranges::find(mount.controllers, controller) != mount.controllers.end();
}

// v1 reads "no limit" back as the largest number of whole pages (PAGE_COUNTER_MAX).
bool same_bytes(std::uint64_t asked, std::string_view read)
{
    if (read == "max")
        return asked == kUnlimited;
    const auto value = parse_u64(read);
    if (!value)
        return false;
    if (asked == kUnlimited)
        return *value >= kMaxMemoryBytes;
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return *value == asked / page * page;
}

Result<> write_and_verify(const std::string& file, const std::string& text, const auto& same)
{
    auto written = write_file_once(file, text);
    if (!written) {
        if (::access(file.c_str(), F_OK) != 0)
            return fail(ErrorKind::Unavailable,
                        fmt::format("{} is not there: its controller is not available to new cgroups", file),
                        "flyball doctor lists the controllers");
        return std::unexpected(std::move(written.error()).context(fmt::format("setting '{}'", text)));
    }
    const auto read = read_file(file);
    if (!read)
        return std::unexpected(read.error());
    if (same(trim(*read)))
        return {};
    return fail(ErrorKind::Io, fmt::format("{}: '{}' was written, and it says '{}'", file, text, trim(*read)));
}

Result<> exactly(const std::string& file, const std::string& text)
{
    return write_and_verify(file, text, [&text](std::string_view read) { return read == text; });
}

Result<> bytes(const std::string& file, const std::string& text, std::uint64_t asked)
{
    return write_and_verify(file, text, [asked](std::string_view read) { return same_bytes(asked, read); });
}

std::string v1_text(std::uint64_t limit)
{
    return limit == kUnlimited ? "-1" : std::to_string(limit);
}

Result<> set_cpu(const Mount& mount, const std::string& directory, const CpuMax& limit)
{
    if (mount.unified)
        return exactly(directory + "/cpu.max", cpu_max_text(limit));
    // The period first: a fresh cgroup has no quota that a shorter period could turn into too large a share.
    if (auto set = exactly(directory + "/cpu.cfs_period_us", std::to_string(limit.period_us)); !set)
        return set;
    return exactly(directory + "/cpu.cfs_quota_us", v1_text(limit.quota_us));
}

}  // namespace

Result<> check_available(const Layout& layout, const Limits& limits)
{
    const auto lacks = [&layout](std::string_view controller) { return layout.controller(controller) == nullptr; };
    const auto missing = [](std::string_view limit, std::string_view controller) {
        return fail(ErrorKind::Unavailable,
                    fmt::format("{} cannot be set: there is no {} controller here", limit, controller),
                    "flyball doctor lists the controllers");
    };
    if (limits.cpu_max && lacks("cpu"))
        return missing("cpu.max", "cpu");
    if (limits.memory_max && lacks("memory"))
        return missing("memory.max", "memory");
    if (limits.pids_max && lacks("pids"))
        return missing("pids.max", "pids");
    if (limits.memory_high && (lacks("memory") || !layout.controller("memory")->unified))
        return fail(ErrorKind::Unavailable, "memory.high cannot be set: the memory controller is not in cgroup v2 here",
                    "boot with systemd.unified_cgroup_hierarchy=1, use tools/lab, or limit with memory.max");
    return {};
}

Result<> set_limits(const Mount& mount, const std::string& directory, const Limits& limits)
{
    if (limits.cpu_max && has(mount, "cpu"))
        if (auto set = set_cpu(mount, directory, *limits.cpu_max); !set)
            return set;
    if (limits.memory_max && has(mount, "memory")) {
        const std::uint64_t max = *limits.memory_max;
        auto set = mount.unified ? bytes(directory + "/memory.max", limit_text(max), max)
                                 : bytes(directory + "/memory.limit_in_bytes", v1_text(max), max);
        if (!set)
            return set;
    }
    if (limits.memory_high && has(mount, "memory"))
        if (auto set = bytes(directory + "/memory.high", limit_text(*limits.memory_high), *limits.memory_high); !set)
            return set;
    if (limits.pids_max && has(mount, "pids"))
        if (auto set = exactly(directory + "/pids.max", limit_text(*limits.pids_max)); !set)
            return set;
    return {};
}

}  // namespace flyball::cgroup::detail
