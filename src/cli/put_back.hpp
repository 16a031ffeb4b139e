// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flyball/live/progress.hpp"

namespace flyball::cli {

// Undoes what a flyball that was killed together with its watchdog has left, and says so.
void put_back(live::Progress& progress);

}  // namespace flyball::cli
