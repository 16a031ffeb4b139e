// SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/core.h>
#include <map>

#include "command_line_compare.hpp"
#include "flyball/base/version.hpp"
#include "flyball/cli/doctor.hpp"
#include "flyball/cli/verbs.hpp"

namespace flyball::cli {

namespace {

// CLI11's own codes are 100 and more; ours is 2 for any wrong request.
constexpr int kUsage = 2;

struct Verbs {
    DoctorOptions doctor;
    RecordOptions record;
    ReportOptions report;
    ExplainOptions explain;
    OomWatchOptions oom_watch;
    OomTestOptions oom_test;
    CompareOptions compare;
    bool record_json = false;
    bool report_json = false;
    bool explain_json = false;
};

void add_output(CLI::App& verb, OutputOptions& out, bool& json) {
    const std::map<std::string, Format> formats{{"text", Format::Text}, {"json", Format::Json}, {"none", Format::None}};
    verb.add_option("-f,--format", out.format, "How to print the report: text, json or none")
        ->transform(CLI::CheckedTransformer(formats, CLI::ignore_case).description(""));
    verb.add_flag("-j,--json", json, "The same as -f json");
    verb.add_flag("--all", out.all, "Every cgroup in full, not only the worst ones");
}

// What every verb that records takes.
void add_recording(CLI::App* verb, RecordOptions& o) {
    verb->add_option("-c,--cgroup", o.cgroups, "Only this cgroup and those below it: path, glob or unit name (repeatable)")
        ->allow_extra_args(false);
    verb->add_option("-d,--duration", o.duration, "How long: 500ms, 30s, 5m (default: until Ctrl-C or the command's end)");
    verb->add_option("-o,--output", o.output, "Keep the recording in this file, for `flyball report` and `flyball explain`");
    verb->add_option("--ring-size", o.ring_size, "Size of each CPU's event ring (default 1M)");
    verb->add_option("--stacks", o.stacks, "Sample who runs, and where, HZ times a second on each CPU: from 1 to 999")
        ->expected(0, 1)
        ->type_name("HZ")
        ->default_str("99");
    verb->add_option("--without", o.without, "Do not load this BPF program (repeatable)")->allow_extra_args(false);
    verb->add_option("--cpu-max", o.limits.cpu_max, "Limit of the command's cgroup: 20ms/100ms, 50%");
    verb->add_option("--memory-max", o.limits.memory_max, "... 64M");
    verb->add_option("--memory-high", o.limits.memory_high, "... 48M");
    verb->add_option("--pids-max", o.limits.pids_max, "... 100");
    verb->add_flag("-v,--verbose", o.verbose, "Show libbpf's messages");
    verb->add_flag("-q,--quiet", o.quiet, "No progress");
}

CLI::App* add_record(CLI::App& app, Verbs& verbs) {
    CLI::App* verb = app.add_subcommand("record", "Record a live system, or a command, and report what was seen");
    add_recording(verb, verbs.record);
    add_output(*verb, verbs.record.out, verbs.record_json);
    return verb;
}

CLI::App* add_report(CLI::App& app, Verbs& verbs) {
    ReportOptions& o = verbs.report;
    CLI::App* verb = app.add_subcommand("report", "Report a recording");
    verb->add_option("FILE", o.file, "The recording")->required();
    verb->add_option("-c,--cgroup", o.cgroups, "Only this cgroup and those below it (repeatable)")->allow_extra_args(false);
    verb->add_flag("--salvage", o.salvage, "Read a cut recording up to where it was cut");
    add_output(*verb, o.out, verbs.report_json);
    return verb;
}

CLI::App* add_explain(CLI::App& app, Verbs& verbs) {
    ExplainOptions& o = verbs.explain;
    CLI::App* verb = app.add_subcommand("explain", "Who took whose time: in words, then in numbers, worst first");
    verb->add_option("FILE", o.file, "A recording; without one, record now");
    add_recording(verb, o.record);
    const std::map<std::string, ExplainFormat> formats{{"text", ExplainFormat::Text},
                                                       {"json", ExplainFormat::Json},
                                                       {"trace", ExplainFormat::Trace},
                                                       {"folded", ExplainFormat::Folded}};
    verb->add_option("-f,--format", o.format, "text, json, trace (for ui.perfetto.dev) or folded (for flamegraph.pl)")
        ->transform(CLI::CheckedTransformer(formats, CLI::ignore_case).description(""));
    verb->add_flag("-j,--json", verbs.explain_json, "The same as -f json");
    verb->add_option("--top", o.top, "How many findings in words, rows and columns of a matrix (default 5)")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1000}).description(""));
    verb->add_flag("--salvage", o.salvage, "Read a cut recording up to where it was cut");
    return verb;
}

CLI::App* add_oom_watch(CLI::App& oom, OomWatchOptions& o) {
    CLI::App* verb = oom.add_subcommand("watch", "A verdict for each OOM kill, as it is complete");
    verb->add_option("FILE", o.file, "A recording; without one, watch this machine");
    verb->add_option("-c,--cgroup", o.cgroups, "Only kills in this cgroup and below it: path, glob or unit name (repeatable)")
        ->allow_extra_args(false);
    verb->add_option("-d,--duration", o.duration, "How long: 500ms, 30s, 5m (default: until Ctrl-C or the command's end)");
    verb->add_option("--count", o.count, "End after so many verdicts")->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40).description(""));
    verb->add_option("--exec", o.exec, "Run this shell command for each verdict, with its JSON on standard input");
    verb->add_flag("-j,--json", o.json, "One JSON object a line");
    verb->add_flag("--kills", o.kills, "Also tell of SIGKILLs that the OOM killer did not send");
    verb->add_flag("--journal", o.journal, "Also write to the system's journal");
    verb->add_flag("--salvage", o.salvage, "Read a cut recording up to where it was cut");
    verb->add_option("--memory-max", o.limits.memory_max, "Limit of the command's cgroup: 64M");
    verb->add_option("--memory-high", o.limits.memory_high, "... 48M");
    verb->add_option("--cpu-max", o.limits.cpu_max, "... 20ms/100ms, 50%");
    verb->add_option("--pids-max", o.limits.pids_max, "... 100");
    verb->add_option("--without", o.without, "Do not load this BPF program (repeatable)")->allow_extra_args(false);
    verb->add_flag("-v,--verbose", o.verbose, "Show libbpf's messages");
    verb->add_flag("-q,--quiet", o.quiet, "No progress");
    return verb;
}

CLI::App* add_oom_test(CLI::App& oom, OomTestOptions& o) {
    CLI::App* verb = oom.add_subcommand("test", "OOM behaviour, tested in cgroups of its own: scenarios with a known right answer");
    verb->add_option("SCENARIO", o.scenarios, "Only these (default: all)");
    verb->add_flag("--list", o.list, "Name the scenarios");
    verb->add_option("--lab", o.lab, "In a disposable virtual machine with this kernel: 6.1, 6.12, 7.2");
    verb->add_option("--memory-max", o.memory_max, "The limit that is hit (default 64M)");
    verb->add_option("--processes", o.processes, "Of a group (default 5)")->check(CLI::Range(2, 100).description(""));
    verb->add_option("--repeat", o.repeat, "Run all of it so many times")->check(CLI::Range(1, 100000).description(""));
    verb->add_option("--kill-bound", o.kill_bound, "Longest time from the decision to the last exit (default 5s)");
    verb->add_option("--free-bound", o.free_bound, "... to the last memory given back (default 10s)");
    verb->add_option("--recover-bound", o.recover_bound, "Longest time until it is well again (default 30s)");
    verb->add_option("--restart", o.restart, "Shell command that starts the service again after a kill");
    verb->add_option("--health", o.health, "Shell command that ends with 0 when it is well");
    verb->add_option("--unit", o.unit, "The same by systemctl restart and is-active of this unit");
    verb->add_option("-o,--output", o.output, "Write the report for people to this file, too: oom_behavior.txt");
    verb->add_option("--junit", o.junit, "Write JUnit XML to this file, -: standard output");
    verb->add_option("--tap", o.tap, "Write TAP to this file, -: standard output");
    verb->add_option("--trace", o.trace, "Write a trace for ui.perfetto.dev to this file, -: standard output");
    verb->add_flag("-j,--json", o.json, "Print the report as JSON");
    verb->add_option("-c,--cgroup", o.cgroup, "Run the scenario trigger in this cgroup, which flyball did not make");
    verb->add_flag("--kill-in-that-cgroup", o.kill_in_that_cgroup, "Yes, processes in it may be killed");
    verb->add_option("--fault", o.fault, "Do it wrong on purpose, to see it noticed: no-policy, survivor, by-hand, loss or removed");
    verb->add_option("--without", o.without, "Do not load this BPF program (repeatable)")->allow_extra_args(false);
    verb->add_flag("-v,--verbose", o.verbose, "Show libbpf's messages");
    verb->add_flag("-q,--quiet", o.quiet, "No progress");
    return verb;
}

// A file is replayed: what is for recording makes no sense beside it.
bool replays_and_records(const ExplainOptions& o) {
    const RecordOptions& r = o.record;
    return !o.file.empty() && (!r.duration.empty() || !r.output.empty() || !r.command.empty() || !r.without.empty() || !r.stacks.empty() || r.limits.any());
}

// Stacks are shown by `explain -f folded`, now or from a recording.
bool nobody_sees_stacks(const RecordOptions& o, bool folded) {
    return !o.stacks.empty() && !folded && o.output.empty();
}

// Everything after "--" is the command; CLI11 would take its options for ours.
std::vector<std::string> split_command(int& argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        if (std::string_view(argv[i]) != "--") continue;
        std::vector<std::string> command(argv + i + 1, argv + argc);
        argc = i;
        return command;
    }
    return {};
}

// "oom watch ": whose help has the answer.
std::string verbs_of(int argc, char** argv) {
    std::string words;
    for (int i = 1; i < std::min(argc, 3) && argv[i][0] != '-'; ++i) {
        if (i == 2 && std::string_view(argv[1]) != "oom") break;
        if (i == 2 && std::string_view(argv[2]) != "watch" && std::string_view(argv[2]) != "test") break;
        words += std::string(argv[i]) + " ";
    }
    return words;
}

}  // namespace

int run_command_line(int argc, char** argv) {
    Verbs verbs;
    const int given = argc;
    verbs.record.command = verbs.explain.record.command = verbs.oom_watch.command = verbs.oom_test.command =
        split_command(argc, argv);
    const bool dashes = argc != given;

    CLI::App app{"flyball: where did this cgroup's time go, which limit hit, who was killed", "flyball"};
    app.set_version_flag("-V,--version", std::string("flyball ") + kVersion);
    app.require_subcommand(1);
    CLI::App* doctor = app.add_subcommand("doctor", "What can be observed on this kernel, how, and why not");
    doctor->add_flag("-j,--json", verbs.doctor.json, "As JSON");
    CLI::App* record = add_record(app, verbs);
    CLI::App* report = add_report(app, verbs);
    CLI::App* explain = add_explain(app, verbs);
    CLI::App* compare = add_compare(app, verbs.compare);
    CLI::App* oom = app.add_subcommand("oom", "OOM kills: watch them with a verdict each, or test how they go");
    oom->require_subcommand(1);
    CLI::App* oom_watch = add_oom_watch(*oom, verbs.oom_watch);
    CLI::App* oom_test = add_oom_test(*oom, verbs.oom_test);

    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& success) {
        return app.exit(success);  // --help, --version
    } catch (const CLI::ParseError& error) {
        fmt::print(stderr, "flyball: {} (try `flyball {}--help`)\n", error.what(), verbs_of(argc, argv));
        return kUsage;
    }
    if (dashes && !record->parsed() && !explain->parsed() && !oom->parsed()) {
        fmt::print(stderr, "flyball: only `record`, `explain`, `oom watch` and `oom test` take a command after -- (try `flyball record -- CMD`)\n");
        return kUsage;
    }
    if (dashes && verbs.record.command.empty()) {
        fmt::print(stderr, "flyball: no command after -- (try `flyball record -- sleep 1`)\n");
        return kUsage;
    }
    if (explain->parsed() && replays_and_records(verbs.explain)) {
        fmt::print(stderr, "flyball: explain either replays {} or records (leave out FILE to record)\n", verbs.explain.file);
        return kUsage;
    }
    if (explain->parsed() && verbs.explain.record.output == "-") {
        fmt::print(stderr, "flyball: explain needs standard output for itself (give -o a file)\n");
        return kUsage;
    }
    if ((record->parsed() && nobody_sees_stacks(verbs.record, false)) ||
        (explain->parsed() && nobody_sees_stacks(verbs.explain.record, verbs.explain.format == ExplainFormat::Folded))) {
        fmt::print(stderr, "flyball: --stacks: this run would show no stacks (try `flyball explain --stacks -f folded`, or add -o FILE)\n");
        return kUsage;
    }
    const OomWatchOptions& watch = verbs.oom_watch;
    if (oom_watch->parsed() && !watch.file.empty() &&
        (!watch.duration.empty() || !watch.command.empty() || !watch.without.empty() || watch.limits.any() || watch.kills)) {
        fmt::print(stderr, "flyball: oom watch either replays {} or watches this machine (leave out FILE to watch)\n", watch.file);
        return kUsage;
    }
    if (oom_watch->parsed() && watch.salvage && watch.file.empty()) {
        fmt::print(stderr, "flyball: --salvage is for a recording (give its FILE)\n");
        return kUsage;
    }
    if (oom_test->parsed() && verbs.oom_test.kill_in_that_cgroup && verbs.oom_test.cgroup.empty()) {
        fmt::print(stderr, "flyball: --kill-in-that-cgroup without a cgroup (give -c CGROUP)\n");
        return kUsage;
    }
    if (compare->parsed()) return run_compare(verbs.compare);
    if (oom_watch->parsed()) return run_oom_watch(verbs.oom_watch);
    if (oom_test->parsed()) return run_oom_test(verbs.oom_test);
    if (verbs.record_json) verbs.record.out.format = Format::Json;
    if (verbs.report_json) verbs.report.out.format = Format::Json;
    if (doctor->parsed()) return run_doctor(verbs.doctor);
    if (report->parsed()) return run_report(verbs.report);
    if (verbs.explain_json) verbs.explain.format = ExplainFormat::Json;
    if (explain->parsed()) return run_explain(verbs.explain);
    return run_record(verbs.record);
}

}  // namespace flyball::cli
