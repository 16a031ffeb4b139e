// SPDX-License-Identifier: Apache-2.0
#include "calibrate_machine.hpp"

#include "ceilings.hpp"
#include "cold_starts.hpp"
#include "component_oom.hpp"
#include "flyball/base/clock.hpp"
#include "flyball/base/units.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/cgroup/tree.hpp"
#include "flyball/live/tuners.hpp"
#include "neighbours.hpp"
#include "readiness.hpp"
#include "run_figures.hpp"
#include "scenario_commands.hpp"
#include "service_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace flyball::live {
namespace {

using calibrate::Component;
using calibrate::Limits;
using calibrate::Run;
using calibrate::RunKey;
using calibrate::Scenario;
using calibrate::Stage;

constexpr std::uint64_t kSecondNs = 1'000'000'000;
// A workload that ends before this part of its time has failed.
constexpr double kWholeRun = 0.9;
// Long enough for any tuner; it is killed when that has what it needs.
constexpr std::uint64_t kTuningNs = 7200 * kSecondNs;
// For a service to be well again.
constexpr std::uint64_t kRestartNs = 60 * kSecondNs;

bool wants_io(const Scenario& scenario)
{
    return std::ranges::any_of(scenario.targets,
                               [](const calibrate::Target& target) { return target.metric == "io_latency"; });
}

bool any_wants_io(const Component& component)
{
    return std::ranges::find(component.tune, tune::Resource::Io) != component.tune.end() ||
           std::ranges::any_of(component.scenarios, wants_io);
}

// The one that the component has, so that what is proposed compares with it.
std::uint64_t period_of(const Limits& limits)
{
    const auto now = limits.find("cpu.max");
    const auto parsed =
        now == limits.end() ? Result<cgroup::CpuMax>(cgroup::CpuMax{}) : cgroup::parse_cpu_max(now->second);
    return (parsed ? parsed->period_us : cgroup::kDefaultCpuPeriodUs) * 1000;
}

std::string trouble_of(const LiveSubject& subject, std::uint64_t passed_ns, std::uint64_t length_ns)
{
    if (const auto service = subject.failed_service())
        return fmt::format("the service ended with {} under its load", service->shell_code());
    const auto status = subject.status();
    if (!status)
        return {};
    if (status->shell_code() != 0)
        return fmt::format("the workload ended with {}", status->shell_code());
    if (static_cast<double>(passed_ns) < kWholeRun * static_cast<double>(length_ns))
        return fmt::format("the workload ended after {} of {}", format_ns(passed_ns), format_ns(length_ns));
    return {};
}

// What one component cannot have, such as a limit below what it uses by now, is no wrong request: others go on.
std::unexpected<Error> of_component(Error error)
{
    if (error.kind == ErrorKind::Usage)
        error.kind = ErrorKind::Io;
    return std::unexpected(std::move(error));
}

bool was_killed(const Run& run)
{
    const auto kills = run.metrics.find("oom_kills");
    return kills != run.metrics.end() && std::ranges::any_of(kills->second.runs, [](double of) { return of > 0; });
}

// Lets so much time go by; false: it has ended by itself.
Result<bool> pass(LiveSubject& subject, std::uint64_t length_ns, RunFigures* figures)
{
    for (std::uint64_t left_ns = length_ns; left_ns > 0;) {
        const std::uint64_t piece_ns = std::min(left_ns, kSecondNs);
        auto window = subject.run(piece_ns);
        if (!window && window.error().kind == ErrorKind::Finished)
            return false;
        if (!window)
            return std::unexpected(std::move(window.error()));
        // A last piece that is short tells no rate.
        if (figures != nullptr && window->span_ns() >= kSecondNs / 2)
            figures->add(*window);
        if (window->finished)
            return false;
        left_ns -= piece_ns;
    }
    return true;
}

}  // namespace

// "raw/web/baseline/normal/all-0.json": beside it.
Result<WorkloadLog> LiveMachine::log_of(const std::string& json) const
{
    return WorkloadLog::open(options_.verbose
                                 ? std::string()
                                 : fmt::format("{}/{}.log", options_.directory, json.substr(0, json.rfind('.'))));
}

void LiveMachine::say_once(const std::string& text)
{
    if (said_.insert(text).second)
        options_.say(text);
}

// What a run of its load and a tuner's look at it have in common.
Result<LiveSubjectOptions> LiveMachine::subject_of(const Component& component, const ScenarioCommands& commands,
                                                   const Limits& limits, const WorkloadLog& log)
{
    if (!events_) {
        auto opened = EventSource::open(layout_,
                                        {.without = options_.without,
                                         .io = std::ranges::any_of(options_.components, any_wants_io),
                                         .verbose = options_.verbose},
                                        stop_);
        if (!opened)
            return std::unexpected(std::move(opened.error()));
        events_ = std::move(*opened);
    }
    LiveSubjectOptions options = subject_options(component, commands, limits);
    options.output_fd = log.fd();
    options.events = events_;
    options.verbose = options_.verbose;
    options.stop = &stop_;
    options.say = [this](std::string_view text) { say_once(std::string(text)); };
    return options;
}

Result<Run> LiveMachine::run(const Component& component, const Scenario& scenario, const Stage* stage,
                             const Limits& limits, const RunKey& key)
{
    return scenario.cold_start ? run_cold_starts(component, scenario, limits, key)
                               : run_load(component, scenario, stage, limits, key);
}

Result<Run> LiveMachine::run_load(const Component& component, const Scenario& scenario, const Stage* stage,
                                  const Limits& limits, const RunKey& key)
{
    const std::uint64_t measured_ns = stage != nullptr ? stage->duration_ns : scenario.timing.duration_ns;
    const std::uint64_t length_ns = scenario.timing.warmup_ns + measured_ns;
    auto commands = commands_of(component, scenario, stage, limits, length_ns);
    if (commands && waits_for_work(*commands))
        commands = commands_of(component, scenario, stage, limits, length_ns + kFirstWorkNs);
    if (!commands)
        return std::unexpected(std::move(commands.error()));
    auto log = log_of(key.file());
    if (!log)
        return std::unexpected(std::move(log.error()));
    auto options = subject_of(component, *commands, limits, *log);
    if (!options)
        return std::unexpected(std::move(options.error()));
    options->guarded = false;  // what happens to it is what is measured
    Run run{
        .key = key, .limits = limits, .start_wall_ns = realtime_ns(), .metrics = {}, .disturbed = {}, .trouble = {}};
    auto subject = LiveSubject::open(*options);
    if (!subject)
        return of_component(std::move(subject.error()));
    for (const std::string& missing : subject->not_written())
        say_once(component.name + ": " + missing);
    RunFigures figures(component);
    if (auto before = subject->read())
        figures.starts(*before);
    auto unwell = start_when_ready(*subject, *commands, log->fd(), stop_,
                                   [&](std::string_view text) { say_once(component.name + ": " + std::string(text)); });
    if (!unwell)
        return std::unexpected(std::move(unwell.error()));
    if (!unwell->empty()) {
        if (auto after = subject->read())
            figures.ends(*after);
        run.trouble = std::move(*unwell);
        run.metrics = figures.take(component.cgroup.empty());
        return restarted(component, scenario, *commands, *subject, *log, std::move(run));
    }
    const std::uint64_t begin_ns = monotonic_ns();
    auto goes_on = pass(*subject, scenario.timing.warmup_ns, nullptr);
    if (goes_on && *goes_on)
        goes_on = pass(*subject, measured_ns, &figures);
    if (!goes_on)
        return std::unexpected(std::move(goes_on.error()));
    if (auto after = subject->read())
        figures.ends(*after);
    run.trouble = trouble_of(*subject, monotonic_ns() - begin_ns, length_ns);
    run.disturbed = figures.disturbed(options_.disturbance);
    if (auto ours = subject->verify(); !ours)
        run.disturbed = ours.error().what;
    for (const std::string& complaint : subject->complaints())
        say_once(component.name + ", " + scenario.name + ": " + complaint);
    run.span_ns = figures.span_ns();
    run.displaced = figures.displaced();
    run.metrics = figures.take(component.cgroup.empty());
    return restarted(component, scenario, *commands, *subject, *log, std::move(run));
}

// Under the limits that it had: those that were tried may not be enough for a start.
Result<Run> LiveMachine::restarted(const Component& component, const Scenario& scenario,
                                   const ScenarioCommands& commands, LiveSubject& subject, const WorkloadLog& log,
                                   Run run)
{
    if (commands.restart.empty() || !was_killed(run))
        return run;
    for (const std::string& said : subject.revert())
        say_once(said);
    say_once(
        fmt::format("{}, {}: the OOM killer acted, and the service is started again", component.name, scenario.name));
    if (auto again = restart_service(commands.restart, commands.health, kRestartNs, log.fd(), stop_); !again)
        return std::unexpected(std::move(again.error()).context(component.name));
    return run;
}

Result<Run> LiveMachine::run_cold_starts(const Component& component, const Scenario& scenario, const Limits& limits,
                                         const RunKey& key)
{
    auto commands = commands_of(component, scenario, nullptr, limits, scenario.timing.duration_ns);
    if (!commands)
        return std::unexpected(std::move(commands.error()));
    auto log = log_of(key.file());
    if (!log)
        return std::unexpected(std::move(log.error()));
    const auto declared = std::ranges::find(component.metrics, scenario.cold_start->metric, &calibrate::Metric::name);
    const ColdStartRequest request{.command = commands->workload,
                                   .health = commands->health,
                                   .environment = commands->environment,
                                   .how = *scenario.cold_start,
                                   .metric_scale = declared == component.metrics.end() ? 1 : declared->scale,
                                   .limits = writes_of(limits),
                                   .output_fd = log->fd()};
    Run run{
        .key = key, .limits = limits, .start_wall_ns = realtime_ns(), .metrics = {}, .disturbed = {}, .trouble = {}};
    const std::uint64_t begin_ns = monotonic_ns();
    auto times = cold_starts(request, layout_, stop_, [this](std::string_view text) { say_once(std::string(text)); });
    run.span_ns = monotonic_ns() - begin_ns;
    if (!times && times.error().kind == ErrorKind::Io) {
        run.trouble = times.error().what;
        return run;
    }
    if (!times)
        return of_component(std::move(times.error()));
    calibrate::Series series{.runs = {}, .samples = times->times_ns, .events = {}};
    std::ranges::sort(times->times_ns);
    series.runs.push_back(times->times_ns[times->times_ns.size() / 2]);
    profile::Histogram histogram;
    for (const double ns : times->times_ns)
        histogram.add(static_cast<std::uint64_t>(ns));
    series.events.push_back(std::move(histogram));
    run.metrics["cold_start"] = std::move(series);
    for (const auto& [metric, peak] : {std::pair{"memory", times->peak_bytes}, {"tasks", times->peak_tasks}}) {
        if (peak)
            run.metrics[metric] = {.runs = {*peak}, .samples = {}, .events = {}};
    }
    return run;
}

Result<tune::Proposal> LiveMachine::tune(const Component& component, const Scenario& scenario, const Stage* stage,
                                         tune::Resource resource, const Limits& limits)
{
    auto commands = commands_of(component, scenario, stage, limits, kTuningNs);
    if (!commands)
        return std::unexpected(std::move(commands.error()));
    auto log = log_of(fmt::format("processed/{}/tune-{}.json", component.name, tune::name(resource)));
    if (!log)
        return std::unexpected(std::move(log.error()));
    auto options = subject_of(component, *commands, limits, *log);
    if (!options)
        return std::unexpected(std::move(options.error()));
    options->may_experiment = component.tuning.experiments;
    if (component.health && !component.cgroup.empty())
        options->health = commands->health;
    // Before the subject, whose window they are to be in from its beginning.
    std::optional<Neighbours> neighbours;
    if (resource == tune::Resource::Io && !component.neighbours.empty()) {
        auto started = Neighbours::start(component.neighbours, options_.components, layout_, kTuningNs, log->fd(),
                                         [this](std::string_view text) { say_once(std::string(text)); });
        if (!started)
            return std::unexpected(std::move(started.error()));
        neighbours.emplace(std::move(*started));
    }
    auto subject = LiveSubject::open(*options);
    if (!subject)
        return of_component(std::move(subject.error()));
    auto unwell = start_when_ready(*subject, *commands, log->fd(), stop_,
                                   [&](std::string_view text) { say_once(component.name + ": " + std::string(text)); });
    if (!unwell)
        return std::unexpected(std::move(unwell.error()));
    if (!unwell->empty())
        return fail(ErrorKind::Finished, std::move(*unwell));
    const TunerSettings settings{.profile_ns = calibrate::profile_ns(scenario),
                                 .period_ns = period_of(limits),
                                 .warm_up_ns = scenario.timing.warmup_ns,
                                 .floor = component.tuning.floor,
                                 .confidence = component.tuning.confidence,
                                 .disturbance = options_.disturbance,
                                 .precision = 1};  // a specification says how long a look is
    if (auto passed = pass(*subject, scenario.timing.warmup_ns, nullptr); !passed)
        return std::unexpected(std::move(passed.error()));
    auto proposal = tune_resource(*subject, resource, settings);
    for (const std::string& said : subject->revert())
        options_.say(said);
    return proposal;
}

Result<calibrate::OomBehaviour> LiveMachine::oom_test(const Component& component, const Limits& limits)
{
    return component_oom(component, limits, layout_, options_.without, stop_);
}

std::map<std::string, double> LiveMachine::ceilings(const Component& component)
{
    const auto found =
        component.cgroup.empty() ? Result<std::vector<std::string>>() : cgroup::resolve(layout_, component.cgroup);
    return live::ceilings(layout_, found && found->size() == 1 ? found->front() : std::string());
}

std::unique_ptr<calibrate::Machine> open_machine(cgroup::Layout layout, MachineOptions options, StopToken& stop)
{
    return std::make_unique<LiveMachine>(std::move(layout), std::move(options), stop);
}

}  // namespace flyball::live
