// SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"
#include "commit.hpp"
#include "flyball/base/standard_streams.hpp"

#include <exception>
#include <string>

int main(int argc, char** argv)
{
    flyball::hold_standard_streams();
    // The only place that sees exceptions: a library's (CLI11) or a lack of memory.
    try {
        return flyball::cli::run_command_line(argc, argv, flyball::cli::commit());
    } catch (const std::exception& e) {
        flyball::write_to_stderr(std::string("flyball: internal error: ") + e.what() + "\n");
        return 1;
    }
}
