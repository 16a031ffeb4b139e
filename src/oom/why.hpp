// SPDX-License-Identifier: Apache-2.0
// Why memory ran out, in lines for people.
#pragma once

#include "flyball/profile/snapshot.hpp"

#include <string>
#include <vector>

namespace flyball::oom {

// The one in the scope that holds the most; nullptr: none is known, or what they hold.
[[nodiscard]] const profile::OomMember* largest(const profile::OomEpisode& episode);

// Without a kill: why not.
[[nodiscard]] std::string shortage_words(const profile::OomEpisode& episode);
// "/job hit memory.max 64.0 MiB"
[[nodiscard]] std::string place(const profile::OomEpisode& episode);

[[nodiscard]] std::vector<std::string> why(const profile::OomEpisode& episode);

}  // namespace flyball::oom
