// SPDX-License-Identifier: Apache-2.0
// The verbs. Each returns the exit code: 0 ok, 1 negative verdict or failed output, 2 usage,
// 3 kernel or permission lacking. stdout carries data, stderr progress and diagnostics.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flyball::cli {

enum class Format { Text, Json, None };

struct OutputOptions {
    Format format = Format::Text;
    bool all = false;  // every cgroup, not only the worst
};

struct LimitOptions {
    std::string cpu_max, memory_max, memory_high, pids_max;  // as given; empty: not asked for
    [[nodiscard]] bool any() const
    {
        return !(cpu_max.empty() && memory_max.empty() && memory_high.empty() && pids_max.empty());
    }
};

struct RecordOptions {
    std::vector<std::string> cgroups;  // -c
    std::string duration;              // -d, empty: until Ctrl-C or the command's end
    std::string output;                // -o, empty: no recording is kept
    std::string ring_size = "1M";
    std::vector<std::string> without;  // BPF programs to leave out
    std::string stacks;                // --stacks, samples a second as given; empty: none are taken
    LimitOptions limits;
    OutputOptions out;
    bool verbose = false;
    bool quiet = false;
    std::vector<std::string> command;  // after --
};

struct ReportOptions {
    std::string file;
    std::vector<std::string> cgroups;
    bool salvage = false;
    OutputOptions out;
};

enum class ExplainFormat { Text, Json, Trace, Folded };

struct ExplainOptions {
    std::string file;      // replayed; empty: recorded now
    RecordOptions record;  // of that; its -c holds for a file as well
    ExplainFormat format = ExplainFormat::Text;
    std::size_t top = 5;  // findings in words, rows and columns of a matrix
    bool salvage = false;
};

struct OomWatchOptions {
    std::string file;                  // a recording; empty: this machine, now
    std::vector<std::string> cgroups;  // -c
    std::string duration;              // empty: until Ctrl-C or the command's end
    std::uint64_t count = 0;           // stop after so many verdicts, 0: never
    std::string exec;                  // shell command for each verdict, its JSON on stdin
    bool json = false;
    std::string record;    // a recording of it to this file
    bool kills = false;    // SIGKILLs of other senders too
    bool journal = false;  // to the system's journal as well
    bool salvage = false;
    LimitOptions limits;
    std::string ring_size = "256K";
    std::vector<std::string> without;
    bool verbose = false;
    bool quiet = false;
    std::vector<std::string> command;
};

struct OomTestOptions {
    std::vector<std::string> scenarios;  // empty: all
    std::string record;                  // a recording of all of it to this file
    bool list = false;
    std::string memory_max = "64M";
    std::uint64_t processes = 5;  // of a group
    std::uint64_t repeat = 1;
    std::string junit, tap, trace, output;  // files; "-": standard output
    bool json = false;
    std::string kill_bound = "5s", free_bound = "10s", recover_bound = "30s";
    // The service that is tested: one of these. The cgroup is one that flyball did not make.
    std::string unit, service_command, cgroup;
    std::string restart, health, setup, state, group;  // of the service; shell commands, "on" or "off"
    std::uint64_t rounds = 3;
    bool lower_memory_max = false;
    bool kill_in_that_cgroup = false;
    std::string lab;    // kernel series of a disposable machine
    std::string fault;  // something wrong on purpose, to see it noticed
    std::vector<std::string> without;
    bool verbose = false;
    bool quiet = false;
    std::vector<std::string> command;
};

int run_record(const RecordOptions& options, StopToken& stop);
int run_report(const ReportOptions& options, StopToken& stop);
int run_explain(const ExplainOptions& options, StopToken& stop);
int run_oom_watch(const OomWatchOptions& options, StopToken& stop);
int run_oom_test(const OomTestOptions& options, StopToken& stop);

// One line on stderr: "flyball: what (hint)"; gives the exit code.
int complain(const Error& error);

}  // namespace flyball::cli
