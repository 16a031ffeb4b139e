// SPDX-License-Identifier: Apache-2.0
// flyball tune.
#pragma once

#include "flyball/base/stop_token.hpp"
#include "flyball/cli/verbs.hpp"

#include <string>
#include <vector>

namespace flyball::cli {

struct TuneOptions {
    std::string resources;  // "cpu", "cpu,memory", "all"
    std::string cgroup;
    bool try_out = false;  // experiments in a cgroup that runs already
    bool apply = false;
    bool revert = false;  // only puts back what a killed flyball has left
    std::string profile = "60s";
    std::string warm_up = "2m";  // longest wait until it has settled; "0": none
    std::string latency_bound = "5%", floor = "80%", confidence = "95%";
    std::string disturbance = "10%";
    std::string precision = "5%";  // of cpu.max: looks for longer until then
    std::string period = "100ms";
    std::string metrics;
    std::vector<std::string> metrics_regex;
    std::string health;
    std::string regret = "30s";
    std::string within = "20m";  // all of it
    std::string antagonist_file;
    LimitOptions limits;
    std::vector<std::string> without;
    bool json = false, quiet = false, verbose = false;
    std::vector<std::string> command;
};

int run_tune(const TuneOptions& options, StopToken& stop);

}  // namespace flyball::cli
