// SPDX-License-Identifier: Apache-2.0
// Which cgroups -c selects.
#include "flyball/profile/accumulator.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::profile {
namespace {

constexpr std::string_view kMount = "/sys/fs/cgroup";

std::vector<std::string> components(std::string_view path)
{
    std::vector<std::string> result;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        if (end > 0)
            result.emplace_back(path.substr(0, end));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return result;
}

// NOESCAPE: systemd puts backslashes into unit names ("dev-disk\x2did.device").
bool matches(const std::string& pattern, const std::string& name)
{
    return pattern == name || fnmatch(pattern.c_str(), name.c_str(), FNM_NOESCAPE) == 0;
}

bool anchored_match(std::span<const std::string> pattern, std::span<const std::string> path)
{
    return pattern.size() <= path.size() && std::equal(pattern.begin(), pattern.end(), path.begin(), matches);
}

// Where version 1 hierarchies are mounted: /sys/fs/cgroup/memory/a is /a.
bool is_v1_mount(std::string_view name)
{
    for (const std::string_view known :
         {"cpu", "cpuacct", "cpu,cpuacct", "memory", "blkio", "pids", "systemd", "unified"}) {
        if (name == known)
            return true;
    }
    return false;
}

bool selects(std::string_view pattern, std::string_view path, std::span<const std::string> parts)
{
    if (pattern == path)
        return true;
    const bool below_mount =
        pattern.starts_with(kMount) && (pattern.size() == kMount.size() || pattern[kMount.size()] == '/');
    if (below_mount)
        pattern.remove_prefix(kMount.size());

    const std::vector<std::string> wanted = components(pattern);
    if (wanted.empty())
        return below_mount || pattern.starts_with('/');  // the root: everything
    if (!path.starts_with('/'))
        return false;  // "(none)", "?0:17"
    if (pattern.find('/') == std::string_view::npos) {
        return std::ranges::any_of(parts, [&](const std::string& part) { return matches(wanted[0], part); });
    }
    if (anchored_match(wanted, parts))
        return true;
    return below_mount && is_v1_mount(wanted[0]) && anchored_match(std::span(wanted).subspan(1), parts);
}

}  // namespace

bool filter_selects(std::span<const std::string> patterns, std::string_view path)
{
    if (patterns.empty())
        return true;
    const std::vector<std::string> parts = components(path);
    return std::ranges::any_of(patterns, [&](const std::string& pattern) { return selects(pattern, path, parts); });
}

}  // namespace flyball::profile
