// SPDX-License-Identifier: Apache-2.0
// tune on the command line.
#include "command_verbs.hpp"
#include "tune.hpp"

#include <CLI/CLI.hpp>

#include <memory>

namespace flyball::cli {
namespace {

Result<> check(const TuneOptions& o)
{
    if (o.revert) {
        if (!o.resources.empty() || !o.command.empty())
            return fail(ErrorKind::Usage, "--revert puts back what a killed flyball has left, and tunes nothing",
                        "leave the rest out");
        return {};
    }
    if (o.resources.empty())
        return fail(ErrorKind::Usage, "no resource", "cpu, memory, pids, io, several with commas between, or all");
    if (o.cgroup.empty() == o.command.empty())
        return fail(ErrorKind::Usage, "one cgroup, or one command after --, is what is tuned",
                    "try `flyball tune cpu CGROUP` or `flyball tune cpu -- CMD`");
    if (o.command.empty() && !o.metrics_regex.empty())
        return fail(ErrorKind::Usage, "--metrics-regex reads a command's output, and there is no command",
                    "add -- CMD, or give --metrics FILE");
    if (!o.command.empty() && !o.metrics.empty())
        return fail(ErrorKind::Usage, "--metrics is for a cgroup that runs already",
                    "a command finds a pipe in $FLYBALL_METRICS");
    if (!o.command.empty() && o.apply)
        return fail(ErrorKind::Usage, "--apply: the command's cgroup is gone when it ends",
                    "leave --apply out, or tune a cgroup that stays");
    return {};
}

}  // namespace

void register_tune(CLI::App& app, std::vector<Verb>& verbs)
{
    const auto options = std::make_shared<TuneOptions>();
    TuneOptions& o = *options;
    CLI::App* verb = app.add_subcommand("tune", "The least limits that a cgroup needs, with the evidence for them");
    verb->add_option("RESOURCE", o.resources, "cpu, memory, pids, io, several with commas between, or all");
    verb->add_option("CGROUP", o.cgroup, "Path or unit name of a cgroup that runs; without one, a command after --");
    verb->add_flag("--try", o.try_out, "Try limits out for a time; all of them are put back");
    verb->add_flag("--apply", o.apply, "The same, and write what comes out, to stay");
    verb->add_flag("--revert", o.revert, "Only put back what a flyball that was killed has left");
    verb->add_option("-d,--profile", o.profile, "How long to look before anything is changed (default 60s)");
    verb->add_option("--warm-up", o.warm_up, "Longest time to wait until it has settled (default 2m, 0: none)");
    verb->add_option("--latency-bound", o.latency_bound, "cpu: its jobs may take so much longer (default 5%)");
    verb->add_option(
        "--floor", o.floor,
        "So much of its throughput has to be kept in trials, and latencies within 1 / SHARE (default 80%)");
    verb->add_option("--confidence", o.confidence, "Of intervals and predictions (default 95%)");
    verb->add_option("--precision", o.precision,
                     "cpu: look for longer, at most half of --within, until the interval is this narrow (default 5%; "
                     "100%: no longer)");
    verb->add_option("--disturbance", o.disturbance,
                     "So much of an answer others may make wrong while it is measured (default 10%)");
    verb->add_option("--period", o.period, "Of cpu.max (default 100ms)");
    verb->add_option("--metrics", o.metrics, "FIFO or growing file in which the workload tells how well it does");
    verb->add_option("--metrics-regex", o.metrics_regex,
                     "KIND:REGEX over the command's output, KIND done, op or rate (repeatable)")
        ->allow_extra_args(false);
    verb->add_option("--health", o.health, "Shell command; when it fails, everything is put back at once");
    verb->add_option("--regret", o.regret, "Work that trials may cost, in the workload's own time (default 30s)");
    verb->add_option("--within", o.within,
                     "Longest time for all of it; what is not decided by then is inconclusive (default 20m)");
    verb->add_option("--antagonist-file", o.antagonist_file,
                     "io: try the weight against readers of this file on the same device; made if it is not there");
    add_limits(*verb, o.limits, "Limit that the command's cgroup starts with");
    verb->add_option("--without", o.without, "Do not load this BPF program (repeatable)")->allow_extra_args(false);
    verb->add_flag("-j,--json", o.json, "Print the result as JSON");
    verb->add_flag("-v,--verbose", o.verbose, "Show libbpf's messages");
    verb->add_flag("-q,--quiet", o.quiet, "No progress");
    verbs.push_back({.app = verb,
                     .command = &o.command,
                     .check = [options] { return check(*options); },
                     .run = [options](StopToken& stop) { return run_tune(*options, stop); }});
}

}  // namespace flyball::cli
