// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace flyball::cli {

// Parses the command line and runs its verb.
int run_command_line(int argc, char** argv);

}  // namespace flyball::cli
