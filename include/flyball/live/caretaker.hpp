// SPDX-License-Identifier: Apache-2.0
// What flyballs that were killed have left is cleared up, and this one leaves nothing either, whatever becomes of it.
// Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/live/progress.hpp"
#include "flyball/process/reaper.hpp"

#include <memory>
#include <optional>

namespace flyball::live {

// Undoes what a flyball that was killed together with its watchdog has left in limits, and says so.
void put_back(Progress& progress);
// Ends what runs still in the cgroups of flyballs that are gone, removes those, and says so.
void sweep(const cgroup::Layout& layout, Progress& progress);

// Before a verb makes a cgroup: sweeps, and has a process wait that ends what is in this flyball's cgroups and removes
// them when it is killed.
class Caretaker {
public:
    // It forks: first thing, while there is one thread and little memory. Where cgroups cannot be found it does
    // nothing: whoever needs them says so. Unavailable: it cannot fork.
    [[nodiscard]] static Result<Caretaker> start(Progress& progress);

private:
    std::unique_ptr<cgroup::Layout> layout_;
    std::optional<process::Reaper> reaper_;
};

}  // namespace flyball::live
