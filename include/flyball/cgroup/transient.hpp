// SPDX-License-Identifier: Apache-2.0
// A fresh cgroup for `-- CMD`, which is gone when its owner is.
//
// It is "flyball/run-<pid>-<n>" below the mount point of each hierarchy that is needed. On v1 those are cpu,
// cpuacct, memory, pids, blkio and freezer; the v2 hierarchy always, where mounted, for its cgroup.kill, its
// pressure files and CLONE_INTO_CGROUP. No other cgroup is changed, with one exception on v2: controllers
// that the root does not hand to its children yet are enabled in its cgroup.subtree_control, and the last
// flyball to leave disables what flyball enabled (noted in the attribute trusted.flyball.enabled of
// flyball/), unless another cgroup has come to depend on it. Leftovers of flyballs that died are swept at
// creation: a directory is locked (flock) by its owner for as long as that lives.
//
// A cgroup that someone else removed meanwhile is no error for kill_all() and destroy(). Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/process/birth.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace flyball::cgroup {

// rmdir gives EBUSY while killed tasks are still exiting: how long to go on trying.
inline constexpr std::chrono::milliseconds kRemovalPatience{2000};

struct TransientOptions {
    // Accept directories that are no cgroup file system: fixtures only.
    bool any_file_system = false;
    std::chrono::milliseconds patience = kRemovalPatience;
};

class TransientCgroup {
public:
    // Usage: limits out of bounds. Unavailable: no permission, no such controller, or memory.high on v1. On
    // error nothing is left behind. A limit is read back after it was written; what differs is an Io error.
    [[nodiscard]] static Result<TransientCgroup> create(const Layout& layout, const Limits& limits = {},
                                                        const TransientOptions& options = {});
    // As destroy(), without a word about what fails.
    ~TransientCgroup();
    TransientCgroup(TransientCgroup&&) noexcept;
    TransientCgroup& operator=(TransientCgroup&&) noexcept;

    // Within the hierarchy: the same in all of them, unless mounts show different parts.
    [[nodiscard]] const std::string& path() const;
    [[nodiscard]] const std::map<int, std::uint64_t>& ids() const;  // hierarchy -> cgroup id
    // What could not be had, once each: "the io controller cannot be enabled: ...".
    [[nodiscard]] const std::vector<std::string>& notes() const;

    // Moves a process (thread group) into it, in every hierarchy.
    [[nodiscard]] Result<> attach(pid_t pid) const;
    // For a process that is to be born in it: in all hierarchies. Its descriptors are this object's, CLOEXEC.
    [[nodiscard]] process::Place place() const;

    // SIGKILL to every process in it and below, and to none outside; returns when none is left. Io: some are
    // left after the patience. By cgroup.kill (since v5.14) where there is one, else frozen first, so that
    // none can fork away.
    [[nodiscard]] Result<> kill_all();
    // kill_all(), then removes the cgroup, cgroups made below it, flyball/ when it was the last, and undoes
    // subtree_control.
    [[nodiscard]] Result<> destroy();

private:
    struct State;
    explicit TransientCgroup(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// Removes leftovers, see above, after what runs in them was killed; returns how many runs. create() does it. What holds
// this very process stays.
int sweep_leftovers(const Layout& layout);
// Kills what is in the cgroups that this process made, and removes them; returns how many. For whoever outlives it.
int end_runs_of(const Layout& layout, pid_t owner);

}  // namespace flyball::cgroup
