// SPDX-License-Identifier: Apache-2.0
// What a plan is worth on this kernel: found by loading and attaching all of it, as `record` would.
#pragma once

#include "flyball/kernel/plan.hpp"

namespace flyball::probe {

// The plan less what the kernel refuses of the real programs, those of --stacks included; nothing is recorded, and all
// of it is gone when this returns. A plan for nothing comes back as it is, one of which nothing works as such.
// Not thread-safe.
[[nodiscard]] kernel::Plan confirm(kernel::Plan plan);

}  // namespace flyball::probe
