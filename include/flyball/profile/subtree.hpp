// SPDX-License-Identifier: Apache-2.0
// Sums over a cgroup and all below it, as the kernel's hierarchical counters (io.stat,
// memory.events) see it. "/" also takes in the cgroups that no name was found for.
#pragma once

#include "flyball/profile/snapshot.hpp"

#include <map>
#include <string>
#include <string_view>

namespace flyball::profile {

// Is PATH the cgroup ROOT or below it?
[[nodiscard]] bool in_subtree(std::string_view path, std::string_view root);

// "/a/b" of "/a/b/c", "/" of "/a"; empty of "/" and of what is no path.
[[nodiscard]] std::string_view parent_of(std::string_view path);

[[nodiscard]] Histogram subtree(const Snapshot& snapshot, std::string_view path, fb_metric metric);
[[nodiscard]] Count subtree_count(const Snapshot& snapshot, std::string_view path, fb_metric metric);

// The same for every path of the snapshot and every ancestor of one, in one pass.
[[nodiscard]] std::map<std::string, Histogram> subtrees(const Snapshot& snapshot, fb_metric metric);
[[nodiscard]] std::map<std::string, Count> subtree_counts(const Snapshot& snapshot, fb_metric metric);

}  // namespace flyball::profile
