// SPDX-License-Identifier: Apache-2.0
// The cgroups that exist, and which of them a user means.
//
// A cgroup's id is the 64-bit number of its kernfs node. On 64-bit machines it is the directory's
// inode number (fs/kernfs, since v5.5: kernfs_ino(kn) == kernfs_id(kn)) and what BPF's
// bpf_get_current_cgroup_id() and cgroup->kn->id give. Functions here may be called from any thread.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/mounts.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::cgroup {

struct Node {
    int hierarchy = 0;
    std::uint64_t id = 0;
    std::string path;  // within the hierarchy: "/", "/a/b"
    friend bool operator==(const Node&, const Node&) = default;
};

// All cgroups of one hierarchy as they were met, parents before children, siblings by name. Cgroups that
// vanish meanwhile are left out. Io or Unavailable: the mount point itself cannot be read.
[[nodiscard]] Result<std::vector<Node>> walk(const Mount& mount);

// Those of every hierarchy with one of kControllers, and of the unified one.
[[nodiscard]] Result<std::vector<Node>> walk_all(const Layout& layout);

// nullopt: no such cgroup.
[[nodiscard]] std::optional<std::uint64_t> id_of(const Mount& mount, std::string_view path);

// What a user's -c means, as paths that exist in some hierarchy, sorted, never empty:
//   a directory below a mount point   /sys/fs/cgroup/memory/a/b
//   a path in the hierarchy           /a/b or a/b, "/" the root
//   a glob                            /a/*  ('*' stays within a component, "**" does not; without a
//                                     slash it is matched against last components)
//   a name                            ssh.service: all cgroups whose last component is that
// Usage: nothing matches; the message says what was looked for, the hint names near ones.
[[nodiscard]] Result<std::vector<std::string>> resolve(const Layout& layout, std::string_view pattern);

// The same, pure, over paths that exist.
[[nodiscard]] Result<std::vector<std::string>>
resolve_among(const Layout& layout, const std::vector<std::string>& paths, std::string_view pattern);

}  // namespace flyball::cgroup
