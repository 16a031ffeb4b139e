// SPDX-License-Identifier: Apache-2.0
// What /proc/PID/stat says of a process (proc(5); written by do_task_stat() in fs/proc/array.c).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flyball {

struct ProcessStat {
    std::string comm;               // field 2, without its parentheses
    char state = 'X';               // field 3: R, S, D, T, t, Z, X, I ...
    std::uint64_t flags = 0;        // field 9: PF_* of include/linux/sched.h
    std::uint64_t start_ticks = 0;  // field 22: since boot, in clock ticks (sysconf(_SC_CLK_TCK))
};

// The line, of which what comes after the 22nd field is not needed. nullopt: one up to there is missing, cut or
// malformed. Pure.
[[nodiscard]] std::optional<ProcessStat> parse_process_stat(std::string_view text);

// nullopt: there is no such process, or it may not be looked at. May be called from any thread.
[[nodiscard]] std::optional<ProcessStat> process_stat(pid_t pid);

}  // namespace flyball
