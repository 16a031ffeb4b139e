// SPDX-License-Identifier: Apache-2.0
// load on the command line.
#include "command_verbs.hpp"
#include "flyball/cli/load.hpp"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <memory>

namespace flyball::cli {
namespace {

void add_shapes(CLI::App& verb, LoadOptions& options)
{
    load::Request& o = options.request;
    constexpr int kRampWords = 3, kBurstWords = 5;  // quoted they are one
    verb.add_option("--rate", o.rate, "Requests a second: 100, 0.5");
    verb.add_option("-d,--duration", o.duration, "How long, at that rate: 30s, 5m (default: until Ctrl-C)");
    verb.add_option("--steps", o.steps, "One rate after the other: 100,200,400");
    verb.add_option("--hold", o.hold, "How long each of several levels is held (default 10s)");
    verb.add_option("--ramp", options.ramp, "A rate that grows: 100..1000 over 5m")
        ->expected(1, kRampWords)
        ->type_name("RATES");
    verb.add_option("--burst", options.burst, "Beside --rate, more of it now and then: 5x every 30s for 5s")
        ->expected(1, kBurstWords)
        ->type_name("BURST");
    verb.add_option("--sweep", o.sweeps,
                    "Each of these values for {NAME} in CMD: NAME=1,2,4 (repeatable: all combinations)")
        ->allow_extra_args(false);
    verb.add_option("--find", o.find, "Search the breaking point: rate=100..100000, or NAME=1..64 for {NAME} in CMD");
}

void add_conditions(CLI::App& verb, LoadOptions& options)
{
    load::Request& o = options.request;
    constexpr std::size_t kMostInFlight = 100'000;
    verb.add_option("--objective", o.objectives, "What is asked of it: 'p99<50ms' 'errors<1%' 'throughput>=95%'");
    verb.add_option("--confirm", o.confirm,
                    "Windows that have to agree on either side of the breaking point (default 3/5)");
    verb.add_flag("--poisson", o.poisson, "Random instants, as of many independent clients; default: evenly spaced");
    verb.add_option("--seed", o.seed, "Of the random instants (default 1)");
    verb.add_option("--in-flight", o.in_flight, "Most requests at a time; later ones wait (default 256)")
        ->check(CLI::Range(std::size_t{1}, kMostInFlight).description(""));
    verb.add_option("--timeout", o.timeout, "A request is given up so long after its instant (default 30s)");
    verb.add_option("--warmup", o.warmup, "Begin of each level that is not counted (default: a tenth, at most 5s)");
    verb.add_option("--drain", o.drain, "Rest between levels, and after a window that broke (default 1s)");
    verb.add_option("-e,--env", o.environment,
                    "NAME=VALUE for CMD; {rate}, {n}, {level}, {NAME} in VALUE are filled in (repeatable)")
        ->allow_extra_args(false);
    verb.add_option("--metrics-regex", options.metrics_regex,
                    "Metrics from a generator's output: KIND:REGEX, KIND done, op or rate (repeatable)")
        ->allow_extra_args(false);
}

}  // namespace

void register_load(CLI::App& app, std::vector<Verb>& verbs)
{
    const auto options = std::make_shared<LoadOptions>();
    LoadOptions& o = *options;
    CLI::App* verb =
        app.add_subcommand("load", "Load a command, open loop: latency, throughput, and the breaking point");
    add_shapes(*verb, o);
    add_conditions(*verb, o);
    add_limits(*verb, o.limits);
    verb->add_option("-o,--output", o.output, "Write the JSON to this file, too");
    verb->add_flag("-j,--json", o.json, "Print the report as JSON");
    verb->add_flag("-q,--quiet", o.quiet, "No progress");
    verbs.push_back({.app = verb, .command = &o.request.command, .check = {}, .run = [options](StopToken& stop) {
                         return run_load(*options, stop);
                     }});
}

}  // namespace flyball::cli
