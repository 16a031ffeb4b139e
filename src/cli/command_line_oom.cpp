// SPDX-License-Identifier: Apache-2.0
// oom watch and oom test on the command line.
#include "command_verbs.hpp"
#include "flyball/cli/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdint>
#include <memory>

namespace flyball::cli {
namespace {

// Verdicts go to standard output.
Result<> check_record(const std::string& path)
{
    return path == "-" ? fail(ErrorKind::Usage, "--record -: a recording goes to a file", "name one") : Result<>{};
}

Result<> check_watch(const OomWatchOptions& o)
{
    if (!o.file.empty() &&
        (!o.duration.empty() || !o.command.empty() || !o.without.empty() || o.limits.any() || !o.record.empty()))
        return fail(ErrorKind::Usage, fmt::format("oom watch either replays {} or watches this machine", o.file),
                    "leave out FILE to watch");
    if (o.salvage && o.file.empty())
        return fail(ErrorKind::Usage, "--salvage is for a recording", "give its FILE");
    return check_record(o.record);
}

Result<> check_test(const OomTestOptions& o)
{
    const int services = (o.unit.empty() ? 0 : 1) + (o.service_command.empty() ? 0 : 1) + (o.cgroup.empty() ? 0 : 1);
    if (services > 1)
        return fail(ErrorKind::Usage, "--unit, --command and -c each name what is tested", "give one of them");
    if (o.kill_in_that_cgroup && o.cgroup.empty() && o.unit.empty())
        return fail(ErrorKind::Usage, "--kill-in-that-cgroup without a cgroup", "give -c CGROUP or --unit NAME");
    if (!o.restart.empty() && !o.service_command.empty())
        return fail(ErrorKind::Usage, "--restart with --command: flyball starts that one again itself",
                    "leave --restart away");
    const bool of_a_service = !o.setup.empty() || !o.restart.empty() || !o.health.empty() || !o.state.empty() ||
                              !o.group.empty() || o.lower_memory_max;
    if (of_a_service && services == 0)
        return fail(
            ErrorKind::Usage,
            "--restart, --health, --setup, --state, --group and --lower-memory-max are about a service of yours",
            "name it by --unit, --command or -c");
    return check_record(o.record);
}

void add_watch(CLI::App& oom, std::vector<Verb>& verbs)
{
    const auto options = std::make_shared<OomWatchOptions>();
    OomWatchOptions& o = *options;
    CLI::App* verb = oom.add_subcommand("watch", "A verdict for each OOM kill, as it is complete");
    verb->add_option("FILE", o.file, "A recording; without one, watch this machine");
    verb->add_option("-c,--cgroup", o.cgroups,
                     "Only kills in this cgroup and below it: path, glob or unit name (repeatable)")
        ->allow_extra_args(false);
    verb->add_option("-d,--duration", o.duration,
                     "How long: 500ms, 30s, 5m (default: until Ctrl-C or the command's end)");
    verb->add_option("--record", o.record, "Keep a recording in this file, with all that the verdicts went by");
    verb->add_option("--count", o.count, "End after so many verdicts")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40).description(""));
    verb->add_option("--exec", o.exec, "Run this shell command for each verdict, with its JSON on standard input");
    verb->add_flag("-j,--json", o.json, "One JSON object a line");
    verb->add_flag("--kills", o.kills, "Also tell of SIGKILLs that the OOM killer did not send");
    verb->add_flag("--journal", o.journal, "Also write to the system's journal");
    verb->add_flag("--salvage", o.salvage, "Read a cut recording up to where it was cut");
    add_limits(*verb, o.limits);
    verb->add_option("--without", o.without, "Do not load this BPF program (repeatable)")->allow_extra_args(false);
    verb->add_flag("-v,--verbose", o.verbose, "Show libbpf's messages");
    verb->add_flag("-q,--quiet", o.quiet, "No progress");
    verbs.push_back({.app = verb,
                     .command = &o.command,
                     .check = [options] { return check_watch(*options); },
                     .run = [options](StopToken& stop) { return run_oom_watch(*options, stop); }});
}

void add_test(CLI::App& oom, std::vector<Verb>& verbs)
{
    const auto options = std::make_shared<OomTestOptions>();
    OomTestOptions& o = *options;
    CLI::App* verb =
        oom.add_subcommand("test", "OOM behaviour, tested in cgroups of its own: scenarios with a known right answer");
    verb->add_option("SCENARIO", o.scenarios, "Only these (default: all)");
    verb->add_flag("--list", o.list, "Name the scenarios");
    verb->add_option("--lab", o.lab, "In a disposable virtual machine with this kernel: 6.1, 6.12, 7.2");
    verb->add_option("--memory-max", o.memory_max, "The limit that is hit (default 64M)");
    verb->add_option("--processes", o.processes, "Of a group (default 5)")->check(CLI::Range(2, 100).description(""));
    verb->add_option("--repeat", o.repeat, "Run all of it so many times")->check(CLI::Range(1, 100000).description(""));
    verb->add_option("--kill-bound", o.kill_bound, "Longest time from the decision to the last exit (default 5s)");
    verb->add_option("--free-bound", o.free_bound, "... to the last memory given back (default 10s)");
    verb->add_option("--recover-bound", o.recover_bound, "Longest time until it is well again (default 30s)");
    verb->add_option("-o,--output", o.output, "Write the report for people to this file, too: oom_behavior.txt");
    verb->add_option("--junit", o.junit, "Write JUnit XML to this file, -: standard output");
    verb->add_option("--tap", o.tap, "Write TAP to this file, -: standard output");
    verb->add_option("--trace", o.trace, "Write a trace for ui.perfetto.dev to this file, -: standard output");
    verb->add_option("--record", o.record,
                     "Keep a recording of it in this file: `flyball oom watch FILE` judges it again");
    verb->add_flag("-j,--json", o.json, "Print the report as JSON");
    verb->add_option("--unit", o.unit, "Test this unit: it runs out of memory, and is well again with its state");
    verb->add_option("--command", o.service_command, "Test this shell command, as a service manager would run it");
    verb->add_option("-c,--cgroup", o.cgroup, "Test what runs in this cgroup, which flyball did not make");
    verb->add_flag("--kill-in-that-cgroup", o.kill_in_that_cgroup,
                   "Yes, processes of that cgroup or unit may be killed");
    verb->add_option("--health", o.health, "Shell command that ends with 0 when the service is well");
    verb->add_option("--restart", o.restart, "Shell command that starts it again (default: its manager does)");
    verb->add_option("--setup", o.setup, "Shell command for the first time it is well: gives it something to keep");
    verb->add_option("--state", o.state, "Shell command that prints what has to outlive the kill");
    verb->add_option("--rounds", o.rounds, "Kill it so many times (default 3)")
        ->check(CLI::Range(1, 1000).description(""));
    verb->add_option("--group", o.group, "What memory.oom.group is to do: on (all die) or off")
        ->check(CLI::IsMember({"on", "off"}).description(""));
    verb->add_flag("--lower-memory-max", o.lower_memory_max,
                   "By lowering its memory.max for a moment, instead of pressure inside its limit");
    verb->add_option("--fault", o.fault,
                     "Do it wrong on purpose, to see it noticed: no-policy, survivor, by-hand, loss or removed");
    verb->add_option("--without", o.without, "Do not load this BPF program (repeatable)")->allow_extra_args(false);
    verb->add_flag("-v,--verbose", o.verbose, "Show libbpf's messages");
    verb->add_flag("-q,--quiet", o.quiet, "No progress");
    verbs.push_back({.app = verb,
                     .command = &o.command,
                     .check = [options] { return check_test(*options); },
                     .run = [options](StopToken& stop) { return run_oom_test(*options, stop); }});
}

}  // namespace

void register_oom(CLI::App& app, std::vector<Verb>& verbs)
{
    CLI::App* oom = app.add_subcommand("oom", "OOM kills: watch them with a verdict each, or test how they go");
    oom->require_subcommand(1);
    add_watch(*oom, verbs);
    add_test(*oom, verbs);
}

}  // namespace flyball::cli
