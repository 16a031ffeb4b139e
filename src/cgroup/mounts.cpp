// SPDX-License-Identifier: Apache-2.0
#include "flyball/cgroup/mounts.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::cgroup {

namespace {

constexpr std::string_view kNamed = "name=";

std::string_view v2_name(std::string_view controller)
{
    return controller == "blkio" ? "io" : controller;
}

// mountinfo writes blank, tab, newline and backslash as \ooo (fs/proc_namespace.c, mangle()).
std::string unescape(std::string_view text)
{
    std::string out;
    const auto octal = [](char c) { return c >= '0' && c <= '7'; };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) && octal(text[i + 3])) {
            out += static_cast<char>(((text[i + 1] - '0') << 6) | ((text[i + 2] - '0') << 3) | (text[i + 3] - '0'));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::vector<std::string> strings(const std::vector<std::string_view>& views)
{
    return {views.begin(), views.end()};
}

std::optional<int> parse_hierarchy(std::string_view text)
{
    const auto value = parse_u64(text);
    if (!value || *value > 1'000'000)
        return std::nullopt;
    return static_cast<int>(*value);
}

bool above_namespace(std::string_view root)
{
    return root == "/.." || root.starts_with("/../");
}

// What is known of v1 hierarchies: controller, or "name=x", -> hierarchy.
std::map<std::string, int> v1_hierarchies(const std::vector<SelfLine>& self,
                                          const std::map<std::string, int>& proc_cgroups)
{
    std::map<std::string, int> known;
    for (const auto& [name, hierarchy] : proc_cgroups)
        if (hierarchy != 0)
            known[name] = hierarchy;
    for (const SelfLine& line : self)
        for (const std::string& name : line.controllers)
            if (line.hierarchy != 0)
                known[name] = line.hierarchy;
    return known;
}

// A hierarchy mounted twice: the mount that shows more of it wins, then the first.
void keep_better(std::map<int, Mount>& by_hierarchy, Mount mount)
{
    const auto [found, added] = by_hierarchy.try_emplace(mount.hierarchy, mount);
    if (!added && found->second.root != "/" && mount.root == "/")
        found->second = std::move(mount);
}

std::optional<Mount> v1_mount(const MountLine& line, const std::map<std::string, int>& known)
{
    Mount mount{.hierarchy = 0, .unified = false, .controllers = {}, .path = line.point, .root = line.root, .name = {}};
    for (const std::string& option : line.options) {
        const auto found = known.find(option);
        if (option.starts_with(kNamed))
            mount.name = option.substr(kNamed.size());
        else if (found != known.end())
            mount.controllers.push_back(option);
        if (found != known.end())
            mount.hierarchy = found->second;
    }
    if (mount.hierarchy == 0)
        return std::nullopt;
    return mount;
}

void add_notes(Layout& layout, const std::map<std::string, int>& known)
{
    for (const Mount& mount : layout.mounts) {
        if (above_namespace(mount.root))
            layout.notes.push_back(fmt::format(
                "{} shows cgroups above this process's cgroup namespace: paths are relative to the mount", mount.path));
        else if (mount.root != "/")
            layout.notes.push_back(fmt::format("{} shows only {} and what is below it", mount.path, mount.root));
    }
    for (const auto& [name, hierarchy] : known) {
        const bool ours = std::ranges::find(kControllers, v2_name(name)) != std::end(kControllers);
        if (ours && layout.hierarchy(hierarchy) == nullptr)
            layout.notes.push_back(
                fmt::format("the {} controller is in v1 hierarchy {}, which is not mounted here", name, hierarchy));
    }
}

}  // namespace

std::optional<std::string> Mount::directory(std::string_view hierarchy_path) const
{
    while (hierarchy_path.ends_with('/'))
        hierarchy_path.remove_suffix(1);
    if (!hierarchy_path.empty() && !hierarchy_path.starts_with('/'))
        return std::nullopt;
    if (root != "/" && !above_namespace(root)) {
        if (!hierarchy_path.starts_with(root))
            return std::nullopt;
        hierarchy_path.remove_prefix(root.size());
        if (!hierarchy_path.empty() && !hierarchy_path.starts_with('/'))
            return std::nullopt;
    }
    return path + std::string(hierarchy_path);
}

std::string Mount::hierarchy_path(std::string_view below) const
{
    while (below.ends_with('/'))
        below.remove_suffix(1);
    std::string full = (root == "/" || above_namespace(root) ? std::string() : root) + std::string(below);
    return full.empty() ? "/" : full;
}

const Mount* Layout::controller(std::string_view name) const
{
    for (const Mount& mount : mounts)
        for (const std::string& has : mount.controllers)
            if (v2_name(has) == v2_name(name))
                return &mount;
    return nullptr;
}

const Mount* Layout::unified() const
{
    const auto found = std::ranges::find_if(mounts, &Mount::unified);
    return found == mounts.end() ? nullptr : &*found;
}

const Mount* Layout::hierarchy(int id) const
{
    const auto found = std::ranges::find(mounts, id, &Mount::hierarchy);
    return found == mounts.end() ? nullptr : &*found;
}

Mode Layout::mode() const
{
    if (mounts.empty())
        return Mode::None;
    const bool v1 =
        std::ranges::any_of(mounts, [](const Mount& mount) { return !mount.unified && !mount.controllers.empty(); });
    if (unified() == nullptr)
        return Mode::Legacy;
    return v1 ? Mode::Hybrid : Mode::Unified;
}

std::vector<MountLine> parse_mountinfo(std::string_view text)
{
    std::vector<MountLine> mounts;
    for_each_line(text, [&mounts](std::string_view line) {
        const auto fields = split_blanks(line);
        const auto dash = std::ranges::find(fields, std::string_view("-"));
        // 5 fields and the options before any optional field, then "- type source options".
        if (dash - fields.begin() < 6 || fields.end() - dash < 4)
            return;
        const std::string_view type = dash[1];
        if (type != "cgroup" && type != "cgroup2")
            return;
        if (!fields[3].starts_with('/') || !fields[4].starts_with('/'))
            return;
        MountLine mount{.root = unescape(fields[3]),
                        .point = unescape(fields[4]),
                        .unified = type == "cgroup2",
                        .options = strings(split(dash[3], ','))};
        // A later mount on the same point hides the earlier.
        std::erase_if(mounts, [&mount](const MountLine& other) { return other.point == mount.point; });
        mounts.push_back(std::move(mount));
    });
    return mounts;
}

std::map<std::string, int> parse_proc_cgroups(std::string_view text)
{
    std::map<std::string, int> controllers;
    for_each_line(text, [&controllers](std::string_view line) {
        const auto fields = split_blanks(line);
        if (fields.size() < 4 || fields[0].starts_with('#'))
            return;
        if (const auto hierarchy = parse_hierarchy(fields[1]))
            controllers[std::string(fields[0])] = *hierarchy;
    });
    return controllers;
}

std::vector<SelfLine> parse_self_cgroup(std::string_view text)
{
    std::vector<SelfLine> lines;
    for_each_line(text, [&lines](std::string_view line) {
        // The path may have colons itself.
        const auto first = line.find(':');
        const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
        if (second == std::string_view::npos)
            return;
        const auto hierarchy = parse_hierarchy(line.substr(0, first));
        const std::string_view names = line.substr(first + 1, second - first - 1);
        if (!hierarchy || !line.substr(second + 1).starts_with('/'))
            return;
        lines.push_back({.hierarchy = *hierarchy,
                         .controllers = names.empty() ? std::vector<std::string>{} : strings(split(names, ',')),
                         .path = std::string(line.substr(second + 1))});
    });
    return lines;
}

Layout make_layout(std::string_view mountinfo, std::string_view proc_cgroups, std::string_view self_cgroup,
                   const ControllersAt& controllers_at)
{
    const auto self = parse_self_cgroup(self_cgroup);
    const auto known = v1_hierarchies(self, parse_proc_cgroups(proc_cgroups));
    std::map<int, Mount> by_hierarchy;
    for (const MountLine& line : parse_mountinfo(mountinfo)) {
        if (!line.unified) {
            if (auto mount = v1_mount(line, known))
                keep_better(by_hierarchy, *std::move(mount));
            continue;
        }
        const auto controllers = controllers_at(line.point);
        keep_better(by_hierarchy, {.hierarchy = 0,
                                   .unified = true,
                                   .controllers = controllers ? strings(split_blanks(trim(*controllers)))
                                                              : std::vector<std::string>{},
                                   .path = line.point,
                                   .root = line.root,
                                   .name = {}});
    }
    Layout layout;
    for (auto& [hierarchy, mount] : by_hierarchy)
        layout.mounts.push_back(std::move(mount));
    for (const std::string_view name : kControllers)
        if (const Mount* mount = layout.controller(name))
            layout.hierarchy_of[std::string(name)] = mount->hierarchy;
    for (const SelfLine& line : self)
        layout.self[line.hierarchy] = line.path;
    add_notes(layout, known);
    return layout;
}

Result<Layout> detect(const std::string& root)
{
    std::string prefix = root;
    while (prefix.ends_with('/'))
        prefix.pop_back();
    const auto mountinfo = read_file(prefix + "/proc/self/mountinfo");
    if (!mountinfo)
        return std::unexpected(mountinfo.error());
    const auto text_of = [&prefix](const char* name) {
        auto text = read_if_exists(prefix + name);
        return text && *text ? **text : std::string();
    };
    Layout layout = make_layout(*mountinfo, text_of("/proc/cgroups"), text_of("/proc/self/cgroup"),
                                [&](const std::string& point) -> std::optional<std::string> {
                                    auto text = read_if_exists(prefix + point + "/cgroup.controllers");
                                    return text ? *text : std::nullopt;
                                });
    if (layout.mounts.empty())
        return fail(ErrorKind::Unavailable, "no cgroup hierarchy is mounted", "mount -t cgroup2 none /sys/fs/cgroup");
    for (Mount& mount : layout.mounts)
        mount.path = prefix + mount.path;
    return layout;
}

}  // namespace flyball::cgroup
