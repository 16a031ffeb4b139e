// SPDX-License-Identifier: Apache-2.0
// One recording in slices of time: what it tells of its own noise.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/profile/recording.hpp"
#include "flyball/profile/snapshot.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace flyball::compare {

// How many slices a window allows; 0: too short.
[[nodiscard]] std::size_t slices_of(std::uint64_t window_ns);

// An event belongs to the slice in which it was told of: a wait, to that in which it ended. Slices have no counters of
// the kernel, no losses and nothing that was folded.
[[nodiscard]] Result<std::vector<profile::Snapshot>> sliced(const std::string& path,
                                                            const profile::ReplayOptions& options,
                                                            std::uint64_t start_ns, std::uint64_t end_ns,
                                                            std::size_t count);

// All slices but one, together.
[[nodiscard]] profile::Snapshot merged_without(std::span<const profile::Snapshot> slices, std::size_t left_out);

}  // namespace flyball::compare
