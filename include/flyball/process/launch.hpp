// SPDX-License-Identifier: Apache-2.0
// Starts a command without waiting for its exec: for those that are started a thousand times a second, and for those of
// which only the end is asked. A failed exec is exit status 127 or 126. process::Child holds its command at a gate and
// hears of a failed exec, which costs two round trips. Thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/process/birth.hpp"

#include <string>
#include <vector>

namespace flyball::process {

struct Launch {
    const std::vector<std::string>& words;                  // words[0] is searched for in $PATH of this process
    const std::vector<std::string>* environment = nullptr;  // NAME=VALUE, all of it; nullptr: ours
    Place place;
    int in = -1, out = -1, err = -1;  // its standard streams; -1: /dev/null for in, ours for the others
    bool own_group = false;           // a process group of its own, so that all of it can be ended
    bool dies_with_us = true;
};

// Unavailable: the kernel starts no more.
[[nodiscard]] Result<Born> launch(const Launch& command);

}  // namespace flyball::process
