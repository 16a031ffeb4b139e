// SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/core.h>
#include <map>

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

}  // namespace

int run_command_line(int argc, char** argv) {
    Verbs verbs;
    const int given = argc;
    verbs.record.command = verbs.explain.record.command = split_command(argc, argv);
    const bool dashes = argc != given;

    CLI::App app{"flyball: where did this cgroup's time go, which limit hit, who was killed", "flyball"};
    app.set_version_flag("-V,--version", std::string("flyball ") + kVersion);
    app.require_subcommand(1);
    CLI::App* doctor = app.add_subcommand("doctor", "What can be observed on this kernel, how, and why not");
    doctor->add_flag("-j,--json", verbs.doctor.json, "As JSON");
    CLI::App* record = add_record(app, verbs);
    CLI::App* report = add_report(app, verbs);
    CLI::App* explain = add_explain(app, verbs);

    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& success) {
        return app.exit(success);  // --help, --version
    } catch (const CLI::ParseError& error) {
        fmt::print(stderr, "flyball: {} (try `flyball {}--help`)\n", error.what(),
                   argc > 1 && argv[1][0] != '-' ? std::string(argv[1]) + " " : "");
        return kUsage;
    }
    if (dashes && !record->parsed() && !explain->parsed()) {
        fmt::print(stderr, "flyball: only `record` and `explain` take a command after -- (try `flyball record -- CMD`)\n");
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
    if (verbs.record_json) verbs.record.out.format = Format::Json;
    if (verbs.report_json) verbs.report.out.format = Format::Json;
    if (doctor->parsed()) return run_doctor(verbs.doctor);
    if (report->parsed()) return run_report(verbs.report);
    if (verbs.explain_json) verbs.explain.format = ExplainFormat::Json;
    if (explain->parsed()) return run_explain(verbs.explain);
    return run_record(verbs.record);
}

}  // namespace flyball::cli
