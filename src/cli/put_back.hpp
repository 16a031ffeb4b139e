// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "progress.hpp"

namespace flyball::cli {

// Undoes what a flyball that was killed together with its watchdog has left, and says so.
void put_back(Progress& progress);

}  // namespace flyball::cli
