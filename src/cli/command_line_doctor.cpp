// SPDX-License-Identifier: Apache-2.0
#include "command_verbs.hpp"
#include "flyball/cli/doctor.hpp"

#include <CLI/CLI.hpp>

#include <memory>

namespace flyball::cli {

void register_doctor(CLI::App& app, std::vector<Verb>& verbs)
{
    const auto options = std::make_shared<DoctorOptions>();
    CLI::App* verb = app.add_subcommand("doctor", "What can be observed on this kernel, how, and why not");
    verb->add_flag("-j,--json", options->json, "As JSON");
    verbs.push_back({.app = verb, .command = nullptr, .check = {}, .run = [options](StopToken& stop) {
                         return run_doctor(*options, stop);
                     }});
}

}  // namespace flyball::cli
