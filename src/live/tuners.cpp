// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/tuners.hpp"

#include "antagonist.hpp"
#include "flyball/base/clock.hpp"
#include "flyball/base/units.hpp"
#include "flyball/cgroup/io_control.hpp"
#include "flyball/tune/cpu.hpp"
#include "flyball/tune/io.hpp"
#include "flyball/tune/memory.hpp"
#include "flyball/tune/pids.hpp"
#include "flyball/tune/steady.hpp"

#include <fmt/format.h>

#include <optional>

namespace flyball::live {
namespace {

Result<tune::Proposal> tune_weight(LiveSubject& subject, const TunerSettings& settings)
{
    const cgroup::Layout& layout = subject.layout();
    tune::IoOptions io{.least_throughput = settings.floor,
                       .alpha = 1 - settings.confidence,
                       .profile_ns = settings.profile_ns,
                       .longest_ns = settings.longest_ns};
    io.control = [&](cgroup::DeviceNumber device) { return cgroup::io_control(layout, device); };
    io.levels = [&](std::string_view file, cgroup::DeviceNumber device) {
        return cgroup::weight_levels(layout, subject.cgroup(), file, device);
    };
    std::optional<DiskAntagonist> antagonist;
    std::string none;
    if (settings.antagonist && subject.may_experiment()) {
        if (auto made = DiskAntagonist::make(layout, subject.cgroup(), {.file = settings.antagonist_file}))
            io.antagonist = &antagonist.emplace(std::move(*made));
        else  // what can be said without is said: it may well be that weights do nothing here
            none = made.error().what;
    }
    auto proposal = tune::tune_io(subject, io);
    if (proposal && !none.empty())
        proposal->notes.push_back("no antagonist: " + none);
    return proposal;
}

Result<tune::Proposal> tune_tasks(LiveSubject& subject, const TunerSettings& settings)
{
    const tune::PidsOptions options{.profile_ns = settings.profile_ns, .confidence = settings.confidence};
    const tune::Window seen = subject.seen_so_far();
    return seen.end_ns > 0 && seen.span_ns() >= settings.profile_ns ? tune::propose_pids(seen, subject, options)
                                                                    : tune::tune_pids(subject, options);
}

Result<tune::Proposal> tune_by(LiveSubject& subject, tune::Resource resource, const TunerSettings& settings)
{
    switch (resource) {
    case tune::Resource::Cpu:
        return tune::tune_cpu(subject, {.profile_ns = settings.profile_ns,
                                        .precision = settings.precision,
                                        .period_ns = settings.period_ns,
                                        .latency_bound = settings.latency_bound,
                                        .throughput_floor = settings.floor,
                                        .confidence = settings.confidence,
                                        .most_disturbed = settings.disturbance,
                                        .longest_ns = settings.longest_ns});
    case tune::Resource::Memory: {
        tune::MemoryOptions memory{.profile_ns = settings.profile_ns};
        memory.longest_ns = settings.longest_ns;
        memory.trial.floor = settings.floor;
        memory.trial.alpha = 1 - settings.confidence;
        memory.trial.most_disturbed = settings.disturbance;
        return tune::tune_memory(subject, memory);
    }
    case tune::Resource::Pids:
        return tune_tasks(subject, settings);
    case tune::Resource::Io:
        return tune_weight(subject, settings);
    }
    return fail(ErrorKind::Internal, "a resource without a tuner");
}

}  // namespace

Result<std::vector<std::string>> warm_up(LiveSubject& subject, const TunerSettings& settings)
{
    if (settings.warm_up_ns == 0)
        return std::vector<std::string>();
    const tune::Score score = [](const tune::Window& window) -> std::optional<double> {
        return window.performance.rate
                   ? *window.performance.rate
                   : static_cast<double>(window.trace.run_ns) / static_cast<double>(window.span_ns());
    };
    const auto warmed = tune::wait_until_steady(subject, score, {.longest_ns = settings.warm_up_ns});
    if (!warmed && warmed.error().kind != ErrorKind::Finished)
        return std::unexpected(warmed.error());
    std::vector<std::string> notes;
    if (warmed && !warmed->steadiness.steady())
        notes.push_back(fmt::format("it had not settled after {}: {}", format_ns(warmed->waited_ns),
                                    tune::name(warmed->steadiness.course)));
    return notes;
}

Result<tune::Proposal> tune_resource(LiveSubject& subject, tune::Resource resource, const TunerSettings& settings)
{
    const std::uint64_t begin_ns = monotonic_ns();
    const double spent_before_s = subject.spent_s();
    auto proposal = tune_by(subject, resource, settings);
    if (!proposal)
        return std::unexpected(std::move(proposal.error()).context(tune::name(resource)));
    proposal->took_ns = monotonic_ns() - begin_ns;
    proposal->regret_s = subject.spent_s() - spent_before_s;
    return proposal;
}

}  // namespace flyball::live
