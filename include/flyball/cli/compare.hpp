// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flyball/base/stop_token.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace flyball::cli {

struct CompareOptions {
    std::vector<std::string> files;    // A B, or
    std::vector<std::string> a, b;     // several of each
    std::vector<std::string> cgroups;  // -c
    std::vector<std::string> metrics;  // globs
    std::vector<std::string> thresholds;
    std::vector<std::string> map;  // "A=B"
    std::vector<std::string> lower, higher;
    double confidence = 95;  // percent
    std::size_t top = 3;     // distributions
    std::string output;      // the text, also to this file
    bool all = false;
    bool json = false;
    bool salvage = false;
};

// 0: no regression, 1: a regression, 2: wrong request.
int run_compare(const CompareOptions& options, StopToken& stop);

}  // namespace flyball::cli
