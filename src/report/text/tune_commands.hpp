// SPDX-License-Identifier: Apache-2.0
// Proposals as commands for a shell: written to the files, or told to systemd.
#pragma once

#include "flyball/report/tune.hpp"
#include "flyball/tune/writes.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::report {

// Is there a value to be set at all?
[[nodiscard]] bool settable(const tune::Proposal& proposal);

// One word for a shell, whatever is in it, on one line: plain, 'quoted', or $'with \x1b in it'.
[[nodiscard]] std::string shell_word(std::string_view word);

// A command, and the lines that it goes on in.
using CommandLines = std::vector<std::string>;

// A variable for the directory, then an echo for each write. All of one cgroup. Empty: nothing to do.
[[nodiscard]] CommandLines echo_commands(std::span<const tune::Proposal> proposals, std::string_view cgroup_root);

// What systemd can be told, by systemd.resource-control(5), and which files it has nothing for.
struct SystemdCommand {
    CommandLines lines;  // empty: nothing
    std::vector<std::string> without_property;
};
// systemctl set-property, if the cgroup is that of a unit.
[[nodiscard]] SystemdCommand set_property(std::span<const tune::Proposal> proposals, std::size_t width);
// systemd-run of this command.
[[nodiscard]] SystemdCommand systemd_run(std::span<const tune::Proposal> proposals,
                                         const std::vector<std::string>& command, std::size_t width);

}  // namespace flyball::report
