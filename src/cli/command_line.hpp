// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flyball/base/stop_token.hpp"

#include <string_view>

namespace flyball::cli {

// Parses the command line and runs its verb. commit: what --version tells beside the version; may be empty.
int run_command_line(int argc, char** argv, std::string_view commit, StopToken& stop);

}  // namespace flyball::cli
