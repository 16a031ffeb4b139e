// SPDX-License-Identifier: Apache-2.0
// compare on the command line.
#include "command_verbs.hpp"
#include "flyball/cli/compare.hpp"

#include <CLI/CLI.hpp>

#include <memory>

namespace flyball::cli {

void register_compare(CLI::App& app, std::vector<Verb>& verbs)
{
    const auto options = std::make_shared<CompareOptions>();
    CompareOptions& o = *options;
    CLI::App* verb = app.add_subcommand(
        "compare", "Is B worse than A? Differences with their intervals, and a verdict for each metric");
    verb->add_option("FILE", o.files, "A and B: recordings, `flyball report -j`, CSV, JSON, or directories of them")
        ->type_name("FILE");
    verb->add_option("--a", o.a, "Runs of A, where there are several (takes several files)");
    verb->add_option("--b", o.b, "... of B");
    verb->add_option("-c,--cgroup", o.cgroups, "Only this cgroup and those below it (repeatable)")
        ->allow_extra_args(false);
    verb->add_option("-m,--metric", o.metrics, "Only metrics that fit this pattern: cpu.wait.*, /a/b:* (repeatable)")
        ->allow_extra_args(false);
    verb->add_option("-t,--threshold", o.thresholds,
                     "A change up to this is none: 10% (the default), cpu.wait.p99=5%, =200us (repeatable)")
        ->allow_extra_args(false);
    verb->add_option("--confidence", o.confidence, "In percent (default 95)")
        ->check(CLI::Range(50.0, 99.99).description(""));
    verb->add_option("--map", o.map, "The cgroup /old of A is /new of B: /old=/new (repeatable)")
        ->allow_extra_args(false);
    verb->add_option("--lower", o.lower, "Less of metrics that fit this pattern is better (repeatable)")
        ->allow_extra_args(false);
    verb->add_option("--higher", o.higher, "More of them is better (repeatable)")->allow_extra_args(false);
    verb->add_option("--top", o.top, "How many distributions to plot, farthest apart first (default 3)")
        ->check(CLI::Range(std::size_t{0}, std::size_t{1000}).description(""));
    verb->add_option("-o,--output", o.output, "Write the text to this file, too: performance_comparison.txt");
    verb->add_flag("--all", o.all, "Every metric and every distribution");
    verb->add_flag("-j,--json", o.json, "As JSON");
    verb->add_flag("--salvage", o.salvage, "Read cut recordings up to where they were cut");
    verbs.push_back({.app = verb, .command = nullptr, .check = {}, .run = [options](StopToken& stop) {
                         return run_compare(*options, stop);
                     }});
}

}  // namespace flyball::cli
