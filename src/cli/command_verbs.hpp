// SPDX-License-Identifier: Apache-2.0
// The verbs as the command line knows them. A group of verbs registers itself: it adds its subcommands and
// options to the parser and tells how each is checked and run. A new group needs a file command_line_GROUP.cpp, a
// declaration below, and a line in the table of command_line.cpp.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace flyball::cli {

// The functions own the options that the parser fills in.
struct Verb {
    CLI::App* app = nullptr;                      // parsed() tells that it is the one
    std::vector<std::string>* command = nullptr;  // for what comes after --; nullptr: it takes no command
    std::function<Result<>()> check;              // across its options, before anything is done; may be empty
    std::function<int(StopToken&)> run;           // gives the exit code
};

struct LimitOptions;
// --cpu-max and its kin, of a command's cgroup. `first` is the first one's help.
void add_limits(CLI::App& verb, LimitOptions& limits, std::string_view first = "Limit of the command's cgroup");

void register_doctor(CLI::App& app, std::vector<Verb>& verbs);
// record, report, explain.
void register_recording(CLI::App& app, std::vector<Verb>& verbs);
void register_compare(CLI::App& app, std::vector<Verb>& verbs);
// oom watch, oom test.
void register_oom(CLI::App& app, std::vector<Verb>& verbs);
// calibrate, with its own verbs.
void register_calibrate(CLI::App& app, std::vector<Verb>& verbs);
void register_tune(CLI::App& app, std::vector<Verb>& verbs);
void register_load(CLI::App& app, std::vector<Verb>& verbs);

}  // namespace flyball::cli
