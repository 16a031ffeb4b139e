// SPDX-License-Identifier: Apache-2.0
#include "flyball/cgroup/tree.hpp"

#include "flyball/base/fd.hpp"
#include "flyball/base/strings.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>

namespace flyball::cgroup {

namespace {

struct CloseDir {
    void operator()(DIR* dir) const { ::closedir(dir); }
};
using Directory = std::unique_ptr<DIR, CloseDir>;

// cgroup.max.depth is INT_MAX by default; paths beyond PATH_MAX could not be opened anyway.
constexpr int kMaxDepth = 2048;

Directory open_directory(int parent, const char* name)
{
    const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return nullptr;
    Directory dir(::fdopendir(fd));
    if (!dir)
        ::close(fd);
    return dir;
}

std::vector<std::string> child_names(DIR* dir)
{
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(dir)) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..")
            continue;
        // Without d_type (other file systems, in tests) opening as a directory decides.
        if (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN)
            names.emplace_back(name);
    }
    std::ranges::sort(names);
    return names;
}

void walk_below(const Mount& mount, Directory dir, const std::string& below, int depth, std::vector<Node>& nodes)
{
    struct stat status{};
    if (::fstat(::dirfd(dir.get()), &status) != 0)
        return;
    nodes.push_back({.hierarchy = mount.hierarchy, .id = status.st_ino, .path = mount.hierarchy_path(below)});
    if (depth >= kMaxDepth)
        return;
    for (const std::string& name : child_names(dir.get())) {
        Directory child = open_directory(::dirfd(dir.get()), name.c_str());
        if (child)
            walk_below(mount, std::move(child), below + "/" + name, depth + 1, nodes);
    }
}

std::string_view last_component(std::string_view path)
{
    return path.substr(path.rfind('/') + 1);
}

// The directory below one of the mount points -> the path in the hierarchy. The innermost mount wins.
std::optional<std::string> below_mount(const Layout& layout, const std::string& given)
{
    const Mount* best = nullptr;
    for (const Mount& mount : layout.mounts) {
        const bool inside = given == mount.path || given.starts_with(mount.path + "/");
        if (inside && (best == nullptr || mount.path.size() > best->path.size()))
            best = &mount;
    }
    if (best == nullptr)
        return std::nullopt;
    return best->hierarchy_path(std::string_view(given).substr(best->path.size()));
}

std::vector<std::string> matching(const std::vector<std::string>& paths, const std::string& pattern)
{
    std::vector<std::string> found;
    const bool by_name = pattern.find('/') == std::string::npos;
    const bool deep = pattern.find("**") != std::string::npos;
    const std::string anchored = pattern.starts_with('/') ? pattern : "/" + pattern;
    for (const std::string& path : paths) {
        const std::string name(last_component(path));
        const bool matched = by_name ? !name.empty() && ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0
                                     : ::fnmatch(anchored.c_str(), path.c_str(), deep ? 0 : FNM_PATHNAME) == 0;
        if (matched)
            found.push_back(path);
    }
    return found;
}

// Up to three existing names that the pattern may have meant.
std::vector<std::string> near_names(const std::vector<std::string>& paths, std::string_view pattern)
{
    const std::string_view wanted = last_component(pattern);
    std::vector<std::pair<std::size_t, std::string>> scored;
    for (const std::string& path : paths) {
        const std::string_view name = last_component(path);
        if (name.empty() || wanted.empty())
            continue;
        const bool contains = name.find(wanted) != std::string_view::npos;
        const std::size_t distance = contains ? 0 : edit_distance(name, wanted);
        if (contains || distance * 3 <= std::max(name.size(), wanted.size()))
            scored.emplace_back(distance, path);
    }
    std::ranges::sort(scored);
    std::vector<std::string> names;
    for (auto& [distance, path] : scored)
        if (names.size() < 3)
            names.push_back(std::move(path));
    return names;
}

std::string strip_slashes(std::string_view text)
{
    std::string out;
    for (const char c : text)
        if (c != '/' || out.empty() || out.back() != '/')
            out += c;
    while (out.size() > 1 && out.back() == '/')
        out.pop_back();
    return out;
}

}  // namespace

Result<std::vector<Node>> walk(const Mount& mount)
{
    Directory root = open_directory(AT_FDCWD, (mount.path + "/").c_str());
    if (!root)
        return std::unexpected(errno_error(errno == EACCES ? ErrorKind::Unavailable : ErrorKind::Io,
                                           fmt::format("reading the cgroups of {}", mount.path), errno));
    std::vector<Node> nodes;
    walk_below(mount, std::move(root), "", 0, nodes);
    return nodes;
}

Result<std::vector<Node>> walk_all(const Layout& layout)
{
    std::vector<Node> all;
    for (const Mount& mount : layout.mounts) {
        const bool measured = std::ranges::any_of(layout.hierarchy_of,
                                                  [&](const auto& entry) { return entry.second == mount.hierarchy; });
        if (!measured && !mount.unified)
            continue;
        auto nodes = walk(mount);
        if (!nodes)
            return std::unexpected(std::move(nodes.error()));
        std::ranges::move(*nodes, std::back_inserter(all));
    }
    return all;
}

std::optional<std::uint64_t> id_of(const Mount& mount, std::string_view path)
{
    const auto directory = mount.directory(path);
    struct stat status{};
    if (!directory || ::stat(directory->c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
        return std::nullopt;
    return status.st_ino;
}

Result<std::vector<std::string>> resolve_among(const Layout& layout, const std::vector<std::string>& paths,
                                               std::string_view pattern)
{
    if (trim(pattern).empty())
        return fail(ErrorKind::Usage, "an empty name was given for a cgroup", "the root cgroup is /");
    const std::string given = strip_slashes(trim(pattern));
    const std::string in_hierarchy = given.starts_with('/') ? given : "/" + given;
    const auto exists = [&paths](const std::string& path) { return std::ranges::find(paths, path) != paths.end(); };

    const auto mounted = below_mount(layout, given);
    if (mounted && exists(*mounted))
        return std::vector{*mounted};
    if (exists(in_hierarchy))
        return std::vector{in_hierarchy};
    std::vector<std::string> found;
    if (is_glob(given))
        found = matching(paths, mounted ? *mounted : given);
    // A name may hold '[' or '*' itself: compared as it is too.
    if (given.find('/') == std::string::npos)
        for (const std::string& path : paths)
            if (last_component(path) == given)
                found.push_back(path);
    std::ranges::sort(found);
    found.erase(std::unique(found.begin(), found.end()), found.end());
    if (!found.empty())
        return found;

    std::string tried =
        is_glob(given) ? "as a pattern of paths" : fmt::format("as the path {}", mounted ? *mounted : in_hierarchy);
    if (given.find('/') == std::string::npos)
        tried += is_glob(given) ? " and of names" : " and as a cgroup's own name";
    const auto near = near_names(paths, given);
    return fail(ErrorKind::Usage,
                fmt::format("no cgroup matches '{}' (looked for {} among {})", pattern, tried, paths.size()),
                near.empty() ? "systemd-cgls lists the cgroups of a machine with systemd"
                             : fmt::format("did you mean {}?", fmt::join(near, ", ")));
}

Result<std::vector<std::string>> resolve(const Layout& layout, std::string_view pattern)
{
    const auto nodes = walk_all(layout);
    if (!nodes)
        return std::unexpected(nodes.error());
    std::set<std::string> paths;
    for (const Node& node : *nodes)
        paths.insert(node.path);
    return resolve_among(layout, {paths.begin(), paths.end()}, pattern);
}

}  // namespace flyball::cgroup
