// SPDX-License-Identifier: Apache-2.0
// What an event means: which metrics of which cgroup it feeds. bpf/fold.bpf.h says the same in
// the kernel; a folded run must equal an unfolded one.
#pragma once

#include "flyball/abi/events.h"
#include "names.hpp"

namespace flyball::profile {

// False: a type or kind that this version does not know. Allocates only at an entity's firsts.
[[nodiscard]] bool apply_event(Names& names, const fb_event& event);

// False: not a metric.
[[nodiscard]] bool apply_folded(Names& names, const FoldedEntry& entry);

// Adds all that was measured for FROM to INTO.
void merge_measures(Entity& into, const Entity& from);

// Was anything measured?
[[nodiscard]] bool has_measures(const Entity& entity);

}  // namespace flyball::profile
