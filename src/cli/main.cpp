// SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"
#include "commit.hpp"

#include <fmt/core.h>

#include <exception>

int main(int argc, char** argv)
{
    // The only place that sees exceptions: a library's (CLI11) or a lack of memory.
    try {
        return flyball::cli::run_command_line(argc, argv, flyball::cli::commit());
    } catch (const std::exception& e) {
        fmt::print(stderr, "flyball: internal error: {}\n", e.what());
        return 1;
    }
}
