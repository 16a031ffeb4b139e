// SPDX-License-Identifier: Apache-2.0
// Where this machine's cgroup hierarchies are mounted, and which controller is in which.
//
// Three kinds of machine: v2 alone ("unified", hierarchy 0 has all controllers), v1 alone, and hybrid
// (v1 hierarchies for the controllers and a v2 mount with few or none). Controllers go by their v2
// names here: "cpu", "memory", "io" ("blkio" on v1), "pids"; v1 has others too: "cpuacct", "freezer".
//
// Plain values; const use from any thread.
#pragma once

#include "flyball/base/result.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::cgroup {

// The controllers that flyball measures.
inline constexpr std::string_view kControllers[] = {"cpu", "memory", "io", "pids"};

struct Mount {
    int hierarchy = 0;  // /proc/self/cgroup's number; 0: v2
    bool unified = false;
    std::vector<std::string> controllers;  // as the kernel spells them: v1 "blkio", v2 "io"
    std::string path;                      // mount point, without a trailing slash
    std::string root = "/";  // the part of the hierarchy that is mounted here; "/.." is above our namespace
    std::string name;        // of a v1 hierarchy without controllers: "systemd"

    // A path within the hierarchy -> the directory; nullopt: not below what is mounted here.
    [[nodiscard]] std::optional<std::string> directory(std::string_view hierarchy_path) const;
    // The path below the mount point ("/", "/a/b") -> the path within the hierarchy.
    [[nodiscard]] std::string hierarchy_path(std::string_view below) const;
};

enum class Mode { None, Unified, Hybrid, Legacy };

struct Layout {
    std::vector<Mount> mounts;                // one a hierarchy, in order of hierarchy
    std::map<std::string, int> hierarchy_of;  // of kControllers: those that are mounted
    std::map<int, std::string> self;          // hierarchy -> path of the reading process's own cgroup
    std::vector<std::string> notes;           // what a user of the layout should know, in words

    // nullptr: not there. "io" and "blkio" are the same.
    [[nodiscard]] const Mount* controller(std::string_view name) const;
    [[nodiscard]] const Mount* unified() const;
    [[nodiscard]] const Mount* hierarchy(int id) const;
    [[nodiscard]] Mode mode() const;
};

// One mount of type cgroup or cgroup2 in a mountinfo text.
struct MountLine {
    std::string root, point;
    bool unified = false;
    std::vector<std::string> options;  // super options: v1's controllers are among them
};
// Lines that are malformed or of other types are skipped. Escapes (\040) are resolved.
[[nodiscard]] std::vector<MountLine> parse_mountinfo(std::string_view text);

// /proc/cgroups: v1 controller -> hierarchy; 0 is "not in a v1 hierarchy". Kernels from 6.15 on leave
// v2-only controllers out.
[[nodiscard]] std::map<std::string, int> parse_proc_cgroups(std::string_view text);

struct SelfLine {
    int hierarchy = 0;
    std::vector<std::string> controllers;  // "name=systemd" without controllers
    std::string path;
};
[[nodiscard]] std::vector<SelfLine> parse_self_cgroup(std::string_view text);

// Pure but for `controllers_at`, which is given a v2 mount point and returns its cgroup.controllers.
using ControllersAt = std::function<std::optional<std::string>(const std::string& mount_point)>;
[[nodiscard]] Layout make_layout(std::string_view mountinfo, std::string_view proc_cgroups,
                                 std::string_view self_cgroup, const ControllersAt& controllers_at);

// Reads ROOT/proc/self/mountinfo and so on; mount points are prefixed with ROOT. Unavailable: no cgroup
// hierarchy is mounted. ROOT other than "/" is for tests.
[[nodiscard]] Result<Layout> detect(const std::string& root = "/");

}  // namespace flyball::cgroup
