// SPDX-License-Identifier: Apache-2.0
// The kernel's counters of removed cgroups: its files are gone, its removal record has the end.
#pragma once

#include "flyball/abi/events.h"
#include "flyball/profile/snapshot.hpp"
#include "names.hpp"

namespace flyball::profile {

// Keeps what the kernel said at a removal. A path made and removed again adds up.
void add_final_counters(Entity& entity, const fb_cgroup& removal);

// Puts it into the window that was sampled from the files.
void complete(CounterWindow& window, const KernelCounters& ended);

}  // namespace flyball::profile
