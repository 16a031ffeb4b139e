// SPDX-License-Identifier: Apache-2.0
// Changing a cgroup file system: directories, processes, controllers. Private to the room; everything here is
// given directories that belong to flyball, except where it says otherwise.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::cgroup::detail {

inline constexpr std::string_view kOwnDirectory = "flyball";

[[nodiscard]] bool is_cgroup_file_system(const std::string& directory);
[[nodiscard]] bool is_directory(const std::string& path);
[[nodiscard]] std::vector<std::string> child_directories(const std::string& directory);

// An advisory lock on a mount point, so that two flyballs do not make and remove flyball/ at the same time.
// It changes nothing; without it within half a second the caller goes on, for each step copes with losing a
// race.
[[nodiscard]] UniqueFd lock_mount(const std::string& mount_point);

// 0 or errno. EEXIST is 0.
[[nodiscard]] int make_directory(const std::string& path);

enum class Removal { Gone, Busy };
// A cgroup and those below it, leaves first, without force: the kernel refuses what holds processes.
Removal remove_tree(const std::string& directory);
Removal remove_tree(const std::string& directory, std::chrono::milliseconds patience);

// Processes in it and below, without those of other pid namespaces (listed as 0).
[[nodiscard]] std::vector<pid_t> processes_in(const std::string& directory);

// One hierarchy's view of the same group of processes.
struct KillPlace {
    std::string directory;
    bool unified = false;
    bool freezer = false;  // v1's
};
// Io: some are left after the patience.
[[nodiscard]] Result<> kill_processes(const std::vector<KillPlace>& places, std::chrono::milliseconds patience);

// v2: enables in `mount_point`'s subtree_control those of `wanted` that are available and missing, and
// remembers them at `own` (mount_point/flyball) and in `enabled`. What cannot be had becomes a note.
void enable_in_root(const std::string& mount_point, const std::string& own, const std::vector<std::string>& wanted,
                    std::vector<std::string>& enabled, std::vector<std::string>& notes);
// The same for own/cgroup.subtree_control, nothing remembered.
void enable_in_own(const std::string& own, const std::vector<std::string>& wanted);
// Removes `own`; and, when that was possible (nobody else is in it), disables in the root what it remembered.
void leave_unified(const std::string& mount_point, const std::string& own, const std::vector<std::string>& enabled);

}  // namespace flyball::cgroup::detail
