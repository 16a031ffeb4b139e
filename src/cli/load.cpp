// SPDX-License-Identifier: Apache-2.0
#include "flyball/cli/load.hpp"

#include "flyball/base/clock.hpp"
#include "flyball/base/file.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/base/terminal.hpp"
#include "flyball/base/version.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/live/caretaker.hpp"
#include "flyball/live/load_bench.hpp"
#include "flyball/live/progress.hpp"
#include "flyball/live/setup.hpp"
#include "flyball/load/experiment.hpp"
#include "flyball/process/child.hpp"
#include "flyball/report/load.hpp"
#include "flyball/tune/workload.hpp"
#include "output.hpp"
#include "requests.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <utility>

namespace flyball::cli {
namespace {

// Each request that runs is a descriptor.
Result<> check_descriptors(const load::Plan& plan)
{
    constexpr rlim_t kOthers = 64;
    rlimit limit{};
    if (plan.generator || ::getrlimit(RLIMIT_NOFILE, &limit) != 0 || plan.in_flight + kOthers <= limit.rlim_cur)
        return {};
    return fail(ErrorKind::Usage,
                fmt::format("--in-flight {}: only {} files may be open", plan.in_flight, limit.rlim_cur),
                fmt::format("ulimit -n {}, or fewer in flight", plan.in_flight + kOthers));
}

struct Setup {
    load::Plan plan;
    cgroup::Limits limits;
};

// All that can be wrong in the request, before anything is made.
Result<Setup> parse(const LoadOptions& given)
{
    load::Request request = given.request;
    request.ramp = fmt::format("{}", fmt::join(given.ramp, " "));
    request.burst = fmt::format("{}", fmt::join(given.burst, " "));
    auto plan = load::make_plan(request);
    if (!plan)
        return std::unexpected(std::move(plan.error()));
    auto limits = parse_limits(given.limits, request.command);
    if (!limits)
        return std::unexpected(std::move(limits.error()));
    // A placeholder in the command's own name is filled in later: it cannot be looked for.
    if (request.command.front().find('{') == std::string::npos)
        if (auto found = process::check_command(request.command); !found)
            return std::unexpected(std::move(found.error()));
    if (!given.metrics_regex.empty() && !plan->generator)
        return fail(ErrorKind::Usage, "--metrics-regex is for a generator: the output of requests is not read",
                    "the command is one if it has {level} in it, or if no rate is given");
    tune::WorkloadMeter meter;
    for (const std::string& pattern : given.metrics_regex)
        if (auto added = meter.add_pattern(pattern); !added)
            return std::unexpected(std::move(added.error()).context("--metrics-regex"));
    if (auto enough = check_descriptors(*plan); !enough)
        return std::unexpected(std::move(enough.error()));
    return Setup{.plan = *std::move(plan), .limits = *limits};
}

report::LoadReport describe_load(const LoadOptions& given, const Setup& setup)
{
    report::LoadReport report;
    utsname names{};
    ::uname(&names);
    report.flyball_version = std::string(kVersion);
    report.host = names.nodename;
    report.kernel = names.release;
    report.arch = names.machine;
    report.cpus = static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN));
    report.start_wall_ns = realtime_ns();
    report.command = fmt::format("{}", fmt::join(given.request.command, " "));
    const std::pair<const char*, const std::string*> limits[] = {{"cpu.max", &given.limits.cpu_max},
                                                                 {"memory.max", &given.limits.memory_max},
                                                                 {"memory.high", &given.limits.memory_high},
                                                                 {"pids.max", &given.limits.pids_max}};
    for (const auto& [file, value] : limits)
        if (!value->empty())
            report.limits.emplace_back(file, *value);
    report.plan = setup.plan;
    return report;
}

Result<> tell(const LoadOptions& given, const report::LoadReport& report, StopToken& stop)
{
    if (!given.output.empty())
        if (auto saved = save_file(given.output, report::render_load_json(report)); !saved)
            return saved;
    if (given.json)
        return print(report::render_load_json(report), stop);
    const auto environment = process_environment();
    return print(
        report::render_load_text(report, {.width = terminal_width(STDOUT_FILENO, environment),
                                          .color = use_color(ColorWhen::Auto, is_tty(STDOUT_FILENO), environment)}),
        stop);
}

Result<int> load_here(const LoadOptions& given, StopToken& stop)
{
    auto setup = parse(given);
    if (!setup)
        return std::unexpected(std::move(setup.error()));
    auto layout = cgroup::detect();
    if (!layout)
        return std::unexpected(std::move(layout.error()));
    live::Progress progress(given.quiet, STDERR_FILENO);
    const auto caretaker = live::Caretaker::start(progress);
    if (!caretaker)
        return std::unexpected(caretaker.error());
    live::BenchOptions options{.limits = setup->limits, .metrics_regex = given.metrics_regex, .progress = {}};
    options.progress = [&](std::uint64_t elapsed, std::uint64_t length, std::uint64_t requests) {
        constexpr std::uint64_t kNobodyWaits = std::uint64_t{366} * 24 * 3600 * 1'000'000'000;
        progress.update(elapsed, length > kNobodyWaits ? 0 : length, requests);
    };
    report::LoadReport report = describe_load(given, *setup);
    const std::uint64_t begin_ns = monotonic_ns();
    live::LoadBench bench(*layout, setup->plan, options, stop);
    auto outcomes = load::carry_out(setup->plan, bench, [&](std::string_view line) { progress.say(line); });
    if (!outcomes)
        return std::unexpected(std::move(outcomes.error()));
    report.duration_ns = monotonic_ns() - begin_ns;
    report.outcomes = *std::move(outcomes);
    report.notes = bench.notes();
    if (auto told = tell(given, report, stop); !told)
        return std::unexpected(std::move(told.error()));
    return report.outcomes.verdict() == load::Verdict::Met ? 0 : 1;
}

}  // namespace

int run_load(const LoadOptions& options, StopToken& stop)
{
    const Result<int> code = load_here(options, stop);
    return code ? *code : complain(code.error());
}

}  // namespace flyball::cli
