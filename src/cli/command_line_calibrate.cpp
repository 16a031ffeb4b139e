// SPDX-License-Identifier: Apache-2.0
// calibrate on the command line.
#include "calibrate.hpp"
#include "command_verbs.hpp"

#include <CLI/CLI.hpp>

#include <memory>

namespace flyball::cli {
namespace {

void add_spec(CLI::App& verb, CalibrateOptions& o)
{
    verb.add_option("SPEC", o.spec, "The specification: JSON, comments allowed");
    verb.add_option("-p,--profile", o.profile, "Settings of this name in the specification");
    verb.add_flag_callback("--quick", [&o] { o.profile = "quick"; }, "The same as --profile quick");
}

Result<> check_spec(const CalibrateOptions& o)
{
    if (o.spec.empty())
        return fail(ErrorKind::Usage, "no specification",
                    "try `flyball calibrate examples/clawos/clawos.json --dry-run`");
    return {};
}

void add_directory(CLI::App& verb, CalibrateOptions& o)
{
    verb.add_option("-o,--output", o.directory,
                    "Directory of measurements and reports (default: NAME.calibration here)");
    verb.add_flag("-j,--json", o.json, "Print optimal_values.json instead of the report");
}

}  // namespace

void register_calibrate(CLI::App& app, std::vector<Verb>& verbs)
{
    const auto options = std::make_shared<CalibrateOptions>();
    CLI::App* calibrate =
        app.add_subcommand("calibrate", "A whole specification: baseline, tune, validate, finalise, with reports");
    calibrate->require_subcommand(0, 1);
    add_spec(*calibrate, *options);
    add_directory(*calibrate, *options);
    calibrate->add_flag("--dry-run", options->dry_run, "Say what would be done, and how long it would take");
    calibrate->add_flag("--anew", options->anew, "Use nothing of what is in the directory already");
    calibrate->add_option(
        "--disturbance", options->disturbance,
        "So much of what is measured others may make wrong; a run with more is made again (default 10%)");
    calibrate->add_option("--without", options->without, "Do not load this BPF program (repeatable)")
        ->allow_extra_args(false);
    calibrate->add_flag("-v,--verbose", options->verbose, "Show libbpf's messages, and what the workloads print");
    calibrate->add_flag("-q,--quiet", options->quiet, "No progress");

    CLI::App* validate = calibrate->add_subcommand("validate", "Only look whether the specification is right");
    add_spec(*validate, *options);
    CLI::App* report =
        calibrate->add_subcommand("report", "Write the reports of a calibration anew, from what was measured");
    add_spec(*report, *options);
    add_directory(*report, *options);
    CLI::App* revert =
        calibrate->add_subcommand("revert", "Put back limits that a calibration that was killed has left");

    const auto spec_given = [options] { return check_spec(*options); };
    verbs.push_back({.app = validate, .command = nullptr, .check = spec_given, .run = [options](StopToken& stop) {
                         return run_calibrate_validate(*options, stop);
                     }});
    verbs.push_back({.app = report, .command = nullptr, .check = spec_given, .run = [options](StopToken& stop) {
                         return run_calibrate_report(*options, stop);
                     }});
    verbs.push_back(
        {.app = revert, .command = nullptr, .check = {}, .run = [](StopToken&) { return run_calibrate_revert(); }});
    // Last: it is parsed as well when one of its own verbs is.
    verbs.push_back({.app = calibrate, .command = nullptr, .check = spec_given, .run = [options](StopToken& stop) {
                         return run_calibrate(*options, stop);
                     }});
}

}  // namespace flyball::cli
