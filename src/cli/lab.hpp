// SPDX-License-Identifier: Apache-2.0
// Runs flyball in a disposable machine: by tools/lab, which does the work.
#pragma once

#include "flyball/base/result.hpp"

#include <string>
#include <vector>

namespace flyball::cli {

struct LabRun {
    std::string kernel;                    // "6.12"
    std::vector<std::string> options;      // of the lab: "--swap", "256M"
    std::vector<std::string> directories;  // to be writable there, besides the working directory
    std::vector<std::string> arguments;    // of flyball
};

// Replaces this process. Returns only on error. Unavailable: no lab is installed beside this program.
[[nodiscard]] Error run_in_lab(const LabRun& run);

}  // namespace flyball::cli
