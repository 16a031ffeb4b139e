// SPDX-License-Identifier: Apache-2.0
// flyball calibrate.
#pragma once

#include "flyball/base/stop_token.hpp"

#include <string>
#include <vector>

namespace flyball::cli {

struct CalibrateOptions {
    std::string spec;
    std::string profile;    // of the specification; empty: none
    std::string directory;  // -o; empty: NAME.calibration here
    bool dry_run = false;
    bool anew = false;  // what is in the directory is not used
    std::string disturbance = "10%";
    std::vector<std::string> without;
    bool json = false, quiet = false, verbose = false;
};

int run_calibrate(const CalibrateOptions& options, StopToken& stop);
// Only looks whether the specification is right.
int run_calibrate_validate(const CalibrateOptions& options, StopToken& stop);
// Writes the reports of a calibration anew, from what was measured.
int run_calibrate_report(const CalibrateOptions& options, StopToken& stop);
// Puts back what a calibration that was killed has left.
int run_calibrate_revert();

}  // namespace flyball::cli
