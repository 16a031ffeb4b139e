// SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"
#include "commit.hpp"
#include "flyball/base/standard_streams.hpp"
#include "flyball/base/stop_token.hpp"

#include <csignal>
#include <exception>
#include <string>

int main(int argc, char** argv)
{
    flyball::hold_standard_streams();
    // A reader that goes away is an error where it is written to, and ends nothing before it has cleaned up.
    (void)std::signal(SIGPIPE, SIG_IGN);
    auto stop = flyball::StopToken::install();
    if (!stop) {
        flyball::write_to_stderr("flyball: " + stop.error().what + "\n");
        return flyball::exit_code(stop.error());
    }
    // The only place that sees exceptions: a library's (CLI11) or a lack of memory.
    try {
        return flyball::cli::run_command_line(argc, argv, flyball::cli::commit(), *stop);
    } catch (const std::exception& e) {
        flyball::write_to_stderr(std::string("flyball: internal error: ") + e.what() + "\n");
        return 1;
    }
}
