// SPDX-License-Identifier: Apache-2.0
#include "command_verbs.hpp"
#include "flyball/cli/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace flyball::cli {

void add_limits(CLI::App& verb, LimitOptions& limits, std::string_view first)
{
    verb.add_option("--cpu-max", limits.cpu_max, fmt::format("{}: 20ms/100ms, 50%", first));
    verb.add_option("--memory-max", limits.memory_max, "... 64M");
    verb.add_option("--memory-high", limits.memory_high, "... 48M");
    verb.add_option("--pids-max", limits.pids_max, "... 100");
}

}  // namespace flyball::cli
