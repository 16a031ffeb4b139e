// SPDX-License-Identifier: Apache-2.0
// The last step of a run: names for pointers, differences for windows, the user's filters.
#pragma once

#include "flyball/profile/accumulator.hpp"
#include "names.hpp"
#include "oom_assembler.hpp"

namespace flyball::profile {

// Takes the data out of NAMES and OOMS. Of the loss it fills in what Closing knows. last_event_ns
// ends a run whose closing data was lost.
[[nodiscard]] Snapshot build_snapshot(Meta meta, Names& names, OomAssembler& ooms, Closing closing,
                                      std::uint64_t last_event_ns);

}  // namespace flyball::profile
