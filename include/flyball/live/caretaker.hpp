// SPDX-License-Identifier: Apache-2.0
// What flyballs that were killed have left is cleared up, and this one leaves nothing either, whatever becomes of it.
// Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/live/progress.hpp"
#include "flyball/process/reaper.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace flyball::live {

// Undoes what a flyball that was killed together with its watchdog has left in limits, and says so.
void put_back(Progress& progress);
// Ends what runs still in the cgroups of flyballs that are gone, removes those, and says so.
void sweep(const cgroup::Layout& layout, Progress& progress);

// When a verb starts: sweeps; and where it is to make cgroups, has a process wait that ends what is in them and removes
// them when flyball is killed.
class Caretaker {
public:
    enum class Makes : std::uint8_t { Nothing, Cgroups };
    // A verb that makes a cgroup for its command, if it has one.
    [[nodiscard]] static Makes of(const std::vector<std::string>& command)
    {
        return command.empty() ? Makes::Nothing : Makes::Cgroups;
    }
    // It forks: first thing, while there is one thread and little memory. Where cgroups cannot be found it does
    // nothing: whoever needs them says so. Unavailable: it cannot fork.
    [[nodiscard]] static Result<Caretaker> start(Progress& progress, Makes makes = Makes::Cgroups);

private:
    std::unique_ptr<cgroup::Layout> layout_;
    std::optional<process::Reaper> reaper_;
};

}  // namespace flyball::live
