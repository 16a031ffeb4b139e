// SPDX-License-Identifier: Apache-2.0
// Every scenario: sets a stage, lets it run out of memory, and says what was expected.
#pragma once

#include "trial.hpp"

namespace flyball::oom {

// scenarios_basic.cpp
Result<> trigger(Trial& trial);
Result<> group_on(Trial& trial);
Result<> group_off(Trial& trial);
Result<> protected_member(Trial& trial);
Result<> fork_storm(Trial& trial);
Result<> shared_memory(Trial& trial);
Result<> by_hand(Trial& trial);
// scenarios_nested.cpp
Result<> nested_inner(Trial& trial);
Result<> nested_outer(Trial& trial);
Result<> nested_above(Trial& trial);
// scenarios_limits.cpp
Result<> high_first(Trial& trial);
Result<> lower_max(Trial& trial);
Result<> swap_off(Trial& trial);
Result<> swap_on(Trial& trial);
// scenario_storm.cpp
Result<> storm(Trial& trial);
// scenarios_recover.cpp
Result<> recover_once(Trial& trial);
Result<> recover_thrice(Trial& trial);

}  // namespace flyball::oom
