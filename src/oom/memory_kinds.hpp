// SPDX-License-Identifier: Apache-2.0
// The fields of memory.stat that say what memory is made of, also where the kernel's log shows them.
// Documentation/admin-guide/cgroup-v2.rst (memory.stat); on v1 the total_* fields are the subtree's
// (cgroup-v1/memory.rst).
#pragma once

#include "flyball/abi/events.h"

#include <cstdint>
#include <string_view>

namespace flyball::oom {

// Nothing is told yet.
[[nodiscard]] fb_oom_report empty_report();

// One line, "shmem 65011712". False: it is none of them.
bool apply_stat_line(std::string_view line, fb_oom_report& into);

}  // namespace flyball::oom
