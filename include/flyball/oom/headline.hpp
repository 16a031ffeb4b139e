// SPDX-License-Identifier: Apache-2.0
// What happened in an episode, in a sentence, whatever the verdict is.
#pragma once

#include "flyball/profile/snapshot.hpp"

#include <string>

namespace flyball::oom {

// "/job hit memory.max 64.0 MiB and hog (pid 7) was killed; memory was 62.7 MiB tmpfs or shared memory, of 64.0 MiB"
[[nodiscard]] std::string headline(const profile::OomEpisode& episode);

}  // namespace flyball::oom
