// SPDX-License-Identifier: Apache-2.0
// `flyball doctor`: what can be observed here, how, and why not.
#pragma once

#include "flyball/base/stop_token.hpp"

namespace flyball::cli {

struct DoctorOptions {
    bool json = false;
};

// 0: something can be observed; 3: nothing can; 1: the facts could not be had.
int run_doctor(const DoctorOptions& options, StopToken& stop);

}  // namespace flyball::cli
