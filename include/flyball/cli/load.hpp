// SPDX-License-Identifier: Apache-2.0
// The verb `load`: how much can it take, and how fast is it until then.
#pragma once

#include "flyball/cli/verbs.hpp"
#include "flyball/load/plan.hpp"

#include <string>
#include <vector>

namespace flyball::cli {

struct LoadOptions {
    load::Request request;
    std::vector<std::string> ramp, burst;    // their words, as given
    std::vector<std::string> metrics_regex;  // of a generator's output
    LimitOptions limits;
    std::string output;  // the JSON, to this file, too
    bool json = false;
    bool quiet = false;
};

// 0: done, and every objective is met; 1: one is not, or that could not be told; 2, 3: as all verbs.
int run_load(const LoadOptions& options, StopToken& stop);

}  // namespace flyball::cli
