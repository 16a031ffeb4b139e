// SPDX-License-Identifier: Apache-2.0
// How a component goes when its memory ends: P4.2 section 5, by the scenarios of `flyball oom test`.
#pragma once

#include "flyball/base/stop_token.hpp"
#include "flyball/calibrate/engine.hpp"
#include "flyball/cgroup/mounts.hpp"

#include <string>
#include <vector>

namespace flyball::live {

// In cgroups of flyball's own, with the component's memory.max. Not tested: cgroup v1, or no memory.max.
[[nodiscard]] Result<calibrate::OomBehaviour> component_oom(const calibrate::Component& component,
                                                            const calibrate::Limits& limits,
                                                            const cgroup::Layout& layout,
                                                            const std::vector<std::string>& without, StopToken& stop);

}  // namespace flyball::live
