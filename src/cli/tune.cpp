// SPDX-License-Identifier: Apache-2.0
#include "tune.hpp"

#include "flag_value.hpp"
#include "flyball/base/clock.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/base/terminal.hpp"
#include "flyball/base/units.hpp"
#include "flyball/base/version.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/live/caretaker.hpp"
#include "flyball/live/live_subject.hpp"
#include "flyball/live/progress.hpp"
#include "flyball/live/setup.hpp"
#include "flyball/live/tuners.hpp"
#include "flyball/report/tune.hpp"
#include "output.hpp"
#include "requests.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <span>

namespace flyball::cli {
namespace {

using tune::Resource;

struct TuneRequest {
    std::vector<Resource> resources;
    live::TunerSettings settings;
    double regret_s = 0;
    std::uint64_t within_ns = 0;
    cgroup::Limits limits;
};

Result<std::vector<Resource>> parse_resources(const std::string& text)
{
    constexpr Resource kAll[] = {Resource::Cpu, Resource::Memory, Resource::Io, Resource::Pids};
    std::vector<Resource> found;
    for (const std::string_view word : split(text, ',')) {
        if (word == "all") {
            found.assign(std::begin(kAll), std::end(kAll));
            continue;
        }
        const auto* const one = std::ranges::find(kAll, word, [](Resource r) { return tune::name(r); });
        if (one == std::end(kAll))
            return fail(ErrorKind::Usage, fmt::format("'{}' is no resource", word),
                        "cpu, memory, pids, io, several with commas between, or all");
        if (std::ranges::find(found, *one) == found.end())
            found.push_back(*one);
    }
    // Last: all that was seen for the others counts for it as well.
    std::ranges::stable_partition(found, [](Resource r) { return r != Resource::Pids; });
    return found;
}

// How many of them take time of their own: beside others, pids does not.
std::uint64_t looks(std::span<const Resource> resources)
{
    const auto pids = std::ranges::count(resources, Resource::Pids);
    return std::max<std::uint64_t>(resources.size() - static_cast<std::uint64_t>(pids), 1);
}

Result<TuneRequest> parse(const TuneOptions& o)
{
    TuneRequest request;
    auto resources = parse_resources(o.resources);
    if (!resources)
        return std::unexpected(std::move(resources.error()));
    request.resources = std::move(*resources);
    std::uint64_t regret_ns = 0;
    request.settings.antagonist = o.try_out || o.apply || !o.antagonist_file.empty();
    request.settings.antagonist_file = o.antagonist_file;
    request.settings.warm_up_ns = 0;
    if (o.warm_up != "0") {
        if (auto done = read_flag("--warm-up", o.warm_up, parse_duration, request.settings.warm_up_ns); !done)
            return std::unexpected(std::move(done.error()));
    }
    for (const Result<>& done :
         {read_flag("--profile", o.profile, parse_duration, request.settings.profile_ns),
          read_flag("--period", o.period, parse_duration, request.settings.period_ns),
          read_flag("--regret", o.regret, parse_duration, regret_ns),
          read_flag("--within", o.within, parse_duration, request.within_ns),
          read_flag("--latency-bound", o.latency_bound, parse_share, request.settings.latency_bound),
          read_flag("--floor", o.floor, parse_share, request.settings.floor),
          read_flag("--disturbance", o.disturbance, parse_share, request.settings.disturbance),
          read_flag("--precision", o.precision, parse_share, request.settings.precision),
          read_flag("--confidence", o.confidence, parse_share, request.settings.confidence)}) {
        if (!done)
            return std::unexpected(done.error());
    }
    if (const std::uint64_t least_ns = looks(request.resources) * request.settings.profile_ns;
        request.within_ns < least_ns)
        return fail(ErrorKind::Usage, fmt::format("--within {}: looking alone takes {}", o.within, format_ns(least_ns)),
                    "give it more, or a shorter --profile");
    request.regret_s = static_cast<double>(regret_ns) / 1e9;
    if (request.settings.confidence < 0.5 || request.settings.confidence > 0.999)
        return fail(ErrorKind::Usage, fmt::format("--confidence {}: from 50% to 99.9%", o.confidence));
    if (request.settings.period_ns < cgroup::kMinCpuPeriodUs * 1000 ||
        request.settings.period_ns > cgroup::kMaxCpuPeriodUs * 1000)
        return fail(ErrorKind::Usage, fmt::format("--period {}: the kernel takes 1 ms to 1 s", o.period));
    auto limits = parse_limits(o.limits, o.command);
    if (!limits)
        return std::unexpected(std::move(limits.error()));
    request.limits = *limits;
    return request;
}

struct Found {
    std::vector<tune::Proposal> proposals;
    std::optional<Error> interrupted;  // before the rest was looked at: what there is was found before
};

class Tuning {
public:
    Tuning(const TuneOptions& options, TuneRequest request, live::Progress& progress, StopToken& stop)
        : options_(options), request_(std::move(request)), progress_(progress), stop_(stop)
    {
    }

    Result<Found> run()
    {
        auto subject = open();
        if (!subject)
            return std::unexpected(std::move(subject.error()));
        if (auto started = subject->start(); !started)
            return std::unexpected(std::move(started.error()));
        auto notes = live::warm_up(*subject, request_.settings);
        if (!notes && notes.error().kind != ErrorKind::Stopped)
            return std::unexpected(std::move(notes.error()));
        Found found;
        std::vector<tune::Proposal>& proposals = found.proposals;
        for (const Resource resource : request_.resources) {
            progress_.say(fmt::format("{} of {}", tune::name(resource), subject->cgroup()));
            if (!notes) {
                proposals.push_back(without_answer(*subject, resource, tune::Answer::Aborted, notes.error()));
                continue;
            }
            live::TunerSettings settings = request_.settings;
            settings.longest_ns = left_ns() / looks(std::span(request_.resources).subspan(proposals.size()));
            auto proposal = live::tune_resource(*subject, resource, settings);
            if (!proposal && proposal.error().kind == ErrorKind::Interrupted) {
                found.interrupted = std::move(proposal.error());
                break;
            }
            // What was found for the others is worth having.
            if (!proposal && request_.resources.size() > 1)
                proposal = without_answer(*subject, resource, tune::Answer::Refused, proposal.error());
            if (!proposal)
                return std::unexpected(std::move(proposal.error()));
            proposal->notes.insert(proposal->notes.end(), notes->begin(), notes->end());
            proposals.push_back(std::move(*proposal));
        }
        for (const std::string& wrong : subject->complaints())
            progress_.say(wrong);
        for (const std::string& said : subject->revert())
            progress_.say(said);
        if (options_.apply && !found.interrupted)
            apply(*subject, proposals);
        return found;
    }

private:
    static tune::Proposal without_answer(const live::LiveSubject& subject, Resource resource, tune::Answer answer,
                                         const Error& why)
    {
        return {.resource = resource, .cgroup = subject.cgroup(), .answer = answer, .summary = why.what};
    }

    [[nodiscard]] std::uint64_t left_ns() const
    {
        const std::uint64_t passed_ns = monotonic_ns() - begin_ns_;
        return request_.within_ns - std::min(passed_ns, request_.within_ns);
    }

    Result<live::LiveSubject> open()
    {
        const live::LiveSubjectOptions o{
            .cgroup = options_.cgroup,
            .command = options_.command,
            .limits = request_.limits,
            // A command's cgroup is flyball's own.
            .may_experiment = options_.try_out || options_.apply || !options_.command.empty(),
            .metrics_file = options_.metrics,
            .metrics_patterns = options_.metrics_regex,
            .health = options_.health.empty() ? std::vector<std::string>{}
                                              : std::vector<std::string>{"sh", "-c", options_.health},
            .guard = {.regret_budget_s = request_.regret_s},
            .io = std::ranges::find(request_.resources, Resource::Io) != request_.resources.end(),
            .without = options_.without,
            .verbose = options_.verbose,
            .stop = &stop_,
            .say = [this](std::string_view text) { progress_.say(text); }};
        return live::LiveSubject::open(o);
    }

    void apply(live::LiveSubject& subject, std::vector<tune::Proposal>& proposals)
    {
        for (tune::Proposal& proposal : proposals) {
            if (proposal.answer != tune::Answer::Limit)
                continue;
            if (auto applied = subject.apply(proposal); !applied)
                proposal.refused.push_back({"writing it", applied.error().what});
            else
                proposal.applied = true;
        }
    }

    const TuneOptions& options_;
    TuneRequest request_;
    live::Progress& progress_;
    StopToken& stop_;
    std::uint64_t begin_ns_ = monotonic_ns();
};

bool has_answer(const tune::Proposal& proposal)
{
    return proposal.answer == tune::Answer::Limit || proposal.answer == tune::Answer::NoLimit;
}

report::TuneRun this_run(const TuneOptions& options)
{
    utsname names{};
    ::uname(&names);
    return {.flyball_version = std::string(kVersion),
            .host = names.nodename,
            .kernel = names.release,
            .arch = names.machine,
            .start_wall_ns = realtime_ns(),
            .command = options.command};
}

report::TuneTextOptions text_options(const report::TuneRun& run)
{
    report::TuneTextOptions text{.color = use_color(ColorWhen::Auto, is_tty(STDOUT_FILENO), process_environment()),
                                 .run = run};
    const auto layout = cgroup::detect();
    const cgroup::Mount* const memory = layout ? layout->controller("memory") : nullptr;
    text.cgroup_root = memory != nullptr && memory->unified ? memory->path : "";
    return text;
}

}  // namespace

int run_tune(const TuneOptions& options, StopToken& stop)
{
    live::Progress progress(options.quiet, STDERR_FILENO);
    if (options.revert) {
        live::put_back(progress);
        return 0;
    }
    auto request = parse(options);
    if (!request)
        return complain(request.error());
    live::put_back(progress);
    const auto caretaker = live::Caretaker::start(progress);
    if (!caretaker)
        return complain(caretaker.error());
    report::TuneRun run = this_run(options);
    const std::uint64_t begin_ns = monotonic_ns();
    auto tuned = Tuning(options, std::move(*request), progress, stop).run();
    if (!tuned)
        return complain(tuned.error());
    const auto& [proposals, interrupted] = *tuned;
    if (interrupted && proposals.empty())
        return complain(*interrupted);
    run.took_ns = monotonic_ns() - begin_ns;
    const std::string text = options.json ? report::render_proposals_json(proposals, run)
                                          : report::render_proposals_text(proposals, text_options(run));
    if (auto printed = print(text, stop); !printed)
        return complain(printed.error());
    if (interrupted)
        return complain(*interrupted);
    const bool all = std::ranges::all_of(proposals, [&](const tune::Proposal& p) {
        return has_answer(p) && (!options.apply || p.applied || p.answer == tune::Answer::NoLimit);
    });
    return all ? 0 : 1;
}

}  // namespace flyball::cli
