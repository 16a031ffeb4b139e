// SPDX-License-Identifier: Apache-2.0
// record, report and explain on the command line.
#include "command_verbs.hpp"
#include "flyball/cli/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>

namespace flyball::cli {
namespace {

void add_output(CLI::App& verb, OutputOptions& out, bool& json)
{
    const std::map<std::string, Format> formats{{"text", Format::Text}, {"json", Format::Json}, {"none", Format::None}};
    verb.add_option("-f,--format", out.format, "How to print the report: text, json or none")
        ->transform(CLI::CheckedTransformer(formats, CLI::ignore_case).description(""));
    verb.add_flag("-j,--json", json, "The same as -f json");
    verb.add_flag("--all", out.all, "Every cgroup in full, not only the worst ones");
}

// What every verb that records takes.
void add_recording(CLI::App* verb, RecordOptions& o)
{
    verb->add_option("-c,--cgroup", o.cgroups,
                     "Only this cgroup and those below it: path, glob or unit name (repeatable)")
        ->allow_extra_args(false);
    verb->add_option("-d,--duration", o.duration,
                     "How long: 500ms, 30s, 5m (default: until Ctrl-C or the command's end)");
    verb->add_option("-o,--output", o.output,
                     "Keep the recording in this file, for `flyball report` and `flyball explain`");
    verb->add_option("--ring-size", o.ring_size, "Size of each CPU's event ring (default 1M)");
    verb->add_option("--stacks", o.stacks, "Sample who runs, and where, HZ times a second on each CPU: from 1 to 999")
        ->expected(0, 1)
        ->type_name("HZ")
        ->default_str("99");
    verb->add_option("--without", o.without, "Do not load this BPF program (repeatable)")->allow_extra_args(false);
    add_limits(*verb, o.limits);
    verb->add_flag("-v,--verbose", o.verbose, "Show libbpf's messages");
    verb->add_flag("-q,--quiet", o.quiet, "No progress");
}

// Stacks are shown by `explain -f folded`, now or from a recording.
Result<> check_stacks(const RecordOptions& o, bool folded)
{
    if (!o.stacks.empty() && !folded && o.output.empty())
        return fail(ErrorKind::Usage, "--stacks: this run would show no stacks",
                    "try `flyball explain --stacks -f folded`, or add -o FILE");
    return {};
}

// A file is replayed: what is for recording makes no sense beside it.
Result<> check_explain(const ExplainOptions& o)
{
    const RecordOptions& r = o.record;
    if (!o.file.empty() && (!r.duration.empty() || !r.output.empty() || !r.command.empty() || !r.without.empty() ||
                            !r.stacks.empty() || r.limits.any()))
        return fail(ErrorKind::Usage, fmt::format("explain either replays {} or records", o.file),
                    "leave out FILE to record");
    if (r.output == "-")
        return fail(ErrorKind::Usage, "explain needs standard output for itself", "give -o a file");
    return check_stacks(r, o.format == ExplainFormat::Folded);
}

// With -j, which wins over -f.
template <class Options>
struct Request {
    Options options;
    bool json = false;
};

void add_record(CLI::App& app, std::vector<Verb>& verbs)
{
    const auto request = std::make_shared<Request<RecordOptions>>();
    RecordOptions& o = request->options;
    CLI::App* verb = app.add_subcommand("record", "Record a live system, or a command, and report what was seen");
    add_recording(verb, o);
    add_output(*verb, o.out, request->json);
    verbs.push_back({.app = verb,
                     .command = &o.command,
                     .check = [request] { return check_stacks(request->options, false); },
                     .run =
                         [request](StopToken& stop) {
                             if (request->json)
                                 request->options.out.format = Format::Json;
                             return run_record(request->options, stop);
                         }});
}

void add_report(CLI::App& app, std::vector<Verb>& verbs)
{
    const auto request = std::make_shared<Request<ReportOptions>>();
    ReportOptions& o = request->options;
    CLI::App* verb = app.add_subcommand("report", "Report a recording");
    verb->add_option("FILE", o.file, "The recording")->required();
    verb->add_option("-c,--cgroup", o.cgroups, "Only this cgroup and those below it (repeatable)")
        ->allow_extra_args(false);
    verb->add_flag("--salvage", o.salvage, "Read a cut recording up to where it was cut");
    add_output(*verb, o.out, request->json);
    verbs.push_back({.app = verb, .command = nullptr, .check = {}, .run = [request](StopToken& stop) {
                         if (request->json)
                             request->options.out.format = Format::Json;
                         return run_report(request->options, stop);
                     }});
}

void add_explain(CLI::App& app, std::vector<Verb>& verbs)
{
    const auto request = std::make_shared<Request<ExplainOptions>>();
    ExplainOptions& o = request->options;
    CLI::App* verb = app.add_subcommand("explain", "Who took whose time: in words, then in numbers, worst first");
    verb->add_option("FILE", o.file, "A recording; without one, record now");
    add_recording(verb, o.record);
    const std::map<std::string, ExplainFormat> formats{{"text", ExplainFormat::Text},
                                                       {"json", ExplainFormat::Json},
                                                       {"trace", ExplainFormat::Trace},
                                                       {"folded", ExplainFormat::Folded}};
    verb->add_option("-f,--format", o.format, "text, json, trace (for ui.perfetto.dev) or folded (for flamegraph.pl)")
        ->transform(CLI::CheckedTransformer(formats, CLI::ignore_case).description(""));
    verb->add_flag("-j,--json", request->json, "The same as -f json");
    verb->add_option("--top", o.top, "How many findings in words, rows and columns of a matrix (default 5)")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1000}).description(""));
    verb->add_flag("--salvage", o.salvage, "Read a cut recording up to where it was cut");
    verbs.push_back({.app = verb,
                     .command = &o.record.command,
                     .check = [request] { return check_explain(request->options); },
                     .run =
                         [request](StopToken& stop) {
                             if (request->json)
                                 request->options.format = ExplainFormat::Json;
                             return run_explain(request->options, stop);
                         }});
}

}  // namespace

void register_recording(CLI::App& app, std::vector<Verb>& verbs)
{
    add_record(app, verbs);
    add_report(app, verbs);
    add_explain(app, verbs);
}

}  // namespace flyball::cli
