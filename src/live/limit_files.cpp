// SPDX-License-Identifier: Apache-2.0
#include "limit_files.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/cgroup/limits.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace flyball::live {
namespace {

// Documentation/admin-guide/cgroup-v1/memory.rst and scheduler/sched-bwc.rst. pids.max is the same in both.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kLegacyNames{{
    {"cpu.max.burst", "cpu.cfs_burst_us"},
    {"memory.max", "memory.limit_in_bytes"},
    {"pids.max", "pids.max"},
}};

std::optional<std::string> value_of(const std::string& path)
{
    auto text = text_of(path);
    if (!text)
        return std::nullopt;
    return std::string(trim(*text));
}

std::optional<std::string_view> legacy_name(std::string_view file)
{
    for (const auto& [unified, legacy] : kLegacyNames) {
        if (unified == file)
            return legacy;
    }
    return std::nullopt;
}

std::optional<std::string> legacy_cpu_max(const std::string& directory)
{
    const auto quota = value_of(directory + "/cpu.cfs_quota_us"), period = value_of(directory + "/cpu.cfs_period_us");
    if (!quota || !period)
        return std::nullopt;
    return fmt::format("{} {}", *quota == "-1" ? "max" : *quota, *period);
}

}  // namespace

std::optional<std::uint64_t> number_in(const cgroup::Layout& layout, std::string_view path, std::string_view controller,
                                       std::string_view unified, std::string_view legacy)
{
    const cgroup::Mount* const mount = layout.controller(controller);
    const auto directory = mount == nullptr ? std::nullopt : mount->directory(path);
    const auto text =
        directory ? value_of(fmt::format("{}/{}", *directory, mount->unified ? unified : legacy)) : std::nullopt;
    return text ? parse_u64(*text) : std::nullopt;
}

const cgroup::Mount* LimitFiles::mount_of(std::string_view file) const
{
    return layout_.controller(file.substr(0, file.find('.')));
}

std::optional<std::string> LimitFiles::read(std::string_view file) const
{
    const cgroup::Mount* const mount = mount_of(file);
    const auto directory = mount == nullptr ? std::nullopt : mount->directory(path_);
    if (!directory)
        return std::nullopt;
    if (mount->unified)
        return value_of(fmt::format("{}/{}", *directory, file));
    if (file == "cpu.max")
        return legacy_cpu_max(*directory);
    const auto legacy = legacy_name(file);
    return legacy ? value_of(fmt::format("{}/{}", *directory, *legacy)) : std::nullopt;
}

Result<std::vector<LimitFiles::Write>> LimitFiles::writes(std::string_view file, std::string_view value) const
{
    const cgroup::Mount* const mount = mount_of(file);
    const auto directory = mount == nullptr ? std::nullopt : mount->directory(path_);
    if (!directory)
        return fail(ErrorKind::Unavailable, fmt::format("{} of {}: that controller is not there", file, path_));
    if (mount->unified)
        return std::vector<Write>{{*directory, std::string(file), std::string(value)}};
    if (file == "cpu.max") {
        auto parsed = cgroup::parse_cpu_max(value);
        if (!parsed)
            return std::unexpected(std::move(parsed.error()));
        const std::string quota = parsed->quota_us == cgroup::kUnlimited ? "-1" : fmt::format("{}", parsed->quota_us);
        return std::vector<Write>{{*directory, "cpu.cfs_period_us", fmt::format("{}", parsed->period_us)},
                                  {*directory, "cpu.cfs_quota_us", quota}};
    }
    const auto legacy = legacy_name(file);
    if (!legacy)
        return fail(ErrorKind::Unavailable, fmt::format("{} of {}: cgroup v1 has no such limit", file, path_));
    return std::vector<Write>{{*directory, std::string(*legacy), std::string(value)}};
}

}  // namespace flyball::live
