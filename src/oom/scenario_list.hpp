// SPDX-License-Identifier: Apache-2.0
// Every scenario: sets a stage, lets it run out of memory, and says what was expected.
#pragma once

#include "trial.hpp"

namespace flyball::oom {

// scenarios_basic.cpp
void trigger(Trial& trial);
void group_on(Trial& trial);
void group_off(Trial& trial);
void protected_member(Trial& trial);
void fork_storm(Trial& trial);
void shared_memory(Trial& trial);
void by_hand(Trial& trial);
// scenarios_nested.cpp
void nested_inner(Trial& trial);
void nested_outer(Trial& trial);
void nested_above(Trial& trial);
void no_controller(Trial& trial);
void no_controller_group(Trial& trial);
// scenarios_nobody.cpp
void nobody(Trial& trial);
void protected_hog(Trial& trial);
void tmpfs(Trial& trial);
// scenarios_limits.cpp
void high_first(Trial& trial);
void lower_max(Trial& trial);
void swap_off(Trial& trial);
void swap_on(Trial& trial);
// scenario_storm.cpp
void storm(Trial& trial);
// scenarios_recover.cpp
void recover_once(Trial& trial);
void recover_thrice(Trial& trial);
void made_again(Trial& trial);
// scenario_service.cpp
void service(Trial& trial);

}  // namespace flyball::oom
