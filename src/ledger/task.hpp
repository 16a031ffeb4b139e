// SPDX-License-Identifier: Apache-2.0
// What the ledger keeps of a task that lives.
#pragma once

#include "devices.hpp"
#include "span.hpp"
#include "wait.hpp"

#include <cstdint>
#include <vector>

namespace flyball::ledger {

enum class TaskNow : std::uint8_t {
    Unseen,  // lived before the window, and nothing was seen of it yet
    Running,
    Runnable,
    Blocked,
    Dead,  // its last switch-out was seen
};

struct Task {
    TaskNow now = TaskNow::Unseen;
    bool exiting = false;
    std::uint16_t left_flags = 0;  // fb_switch_flags of its last switch-out
    std::uint32_t cpu = 0;         // where it runs or ran last
    std::uint64_t cgroup = 0;
    std::uint64_t until_ns = 0;     // accounted for up to here
    std::uint64_t entered_ns = 0;   // its present cgroup
    std::vector<Move> moves;        // of the wait under way
    std::vector<Request> requests;  // finished since it blocked
    std::vector<Span> stalled;      // asleep in a memory stall: its kind is told when the stall ends
};

}  // namespace flyball::ledger
