// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/cpu.hpp"

#include "cpu_usable.hpp"
#include "cpu_values.hpp"
#include "flyball/base/units.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/tune/demand.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace flyball::tune {
namespace {

constexpr std::uint64_t kOtherPeriodsNs[] = {20'000'000, 50'000'000, 200'000'000};
constexpr std::size_t kReplicatesOfOthers = 30;
// Of the time that it wanted to run: who took less is not worth a note.
constexpr double kWorthANote = 0.01;

double cpus_of(const Bandwidth& limit)
{
    return static_cast<double>(limit.quota_ns) / static_cast<double>(limit.period_ns);
}

std::string words(const Bandwidth& limit)
{
    std::string text = fmt::format("{} each {}", format_ns(limit.quota_ns), format_ns(limit.period_ns));
    if (limit.burst_ns > 0)
        text += fmt::format(" and a burst of {}", format_ns(limit.burst_ns));
    return text;
}

void add_evidence(Proposal& proposal, const Window& window, const Replay& replay)
{
    const DemandTrace& trace = window.trace;
    const Envelope envelope(trace.demand_ns, kDemandStepNs, 100);
    const auto cpus = [&](std::size_t steps) {
        return static_cast<double>(envelope.most_ns(steps)) / static_cast<double>(steps * kDemandStepNs);
    };
    const std::string source = "sched_switch";
    proposal.evidence = {
        {"mean_demand", envelope.mean_share(), Unit::Cpus, std::nullopt, source},
        {"peak_demand_100ms", cpus(100), Unit::Cpus, std::nullopt, source},
        {"peak_demand_10ms", cpus(10), Unit::Cpus, std::nullopt, source},
        {"peak_demand_1ms", cpus(1), Unit::Cpus, std::nullopt, source},
        {"tasks_running_at_most", static_cast<double>(trace.most_running), Unit::Tasks, std::nullopt, source},
        {"jobs", static_cast<double>(trace.jobs.size() + trace.jobs_left_out), Unit::None, std::nullopt, source},
        {"job_latency_p50", replay.latency_p50_ns(), Unit::Nanoseconds, std::nullopt, source},
        {"job_latency_p99", replay.latency_p99_ns(), Unit::Nanoseconds, std::nullopt, source},
        {"held_by_cpu_max", static_cast<double>(trace.held_ns), Unit::Nanoseconds, std::nullopt, source},
        {"waited_for_cpus", window.disturbance.displaced, Unit::Share, std::nullopt, source},
        {"stolen_by_the_hypervisor", window.disturbance.steal, Unit::Share, std::nullopt, "/proc/stat"},
    };
}

// What it would be without burst, and with other periods.
Result<> add_others(Proposal& proposal, const DemandTrace& trace, const QuotaPrediction& prediction, Subject& subject,
                    const CpuOptions& options)
{
    const KeepUp keep_up = [&] { return subject.keep_up(); };
    const BandwidthBounds& bounds = prediction.bounds;
    if (bounds.burst_allowed) {
        BandwidthBounds without = bounds;
        without.burst_allowed = false;
        const auto plain = least_bandwidth(prediction.deciding(), without, options.confidence, keep_up);
        if (!plain)
            return std::unexpected(plain.error());
        if (*plain)
            proposal.notes.push_back(fmt::format("without burst: {} ({:.3g} CPUs)", words(**plain), cpus_of(**plain)));
    }
    const Replay quick(trace, replay_options(trace, kReplicatesOfOthers, prediction.by_calm));
    for (const std::uint64_t period_ns : kOtherPeriodsNs) {
        if (period_ns == bounds.period_ns)
            continue;
        BandwidthBounds with = bounds;
        with.period_ns = period_ns;
        with.most_quota_ns = subject.cpus() * period_ns;
        const auto other = least_bandwidth(quick, with, options.confidence, keep_up);
        if (!other)
            return std::unexpected(other.error());
        proposal.notes.push_back(*other ? fmt::format("with a period of {}: {} ({:.3g} CPUs)", format_ns(period_ns),
                                                      words(**other), cpus_of(**other))
                                        : fmt::format("with a period of {}: none", format_ns(period_ns)));
    }
    return {};
}

void add_advice(Proposal& proposal, const DemandTrace& trace, const Bandwidth& limit)
{
    const auto wide = static_cast<std::uint32_t>(std::ceil(cpus_of(limit)));
    if (trace.most_running > wide)
        proposal.notes.push_back(
            fmt::format("up to {} tasks run at a time and would spend it in {}: {} would spread it over the period",
                        trace.most_running, format_ns(limit.quota_ns / trace.most_running), wide));
    const double mean =
        static_cast<double>(std::accumulate(trace.demand_ns.begin(), trace.demand_ns.end(), std::uint64_t{0})) /
        static_cast<double>(trace.demand_ns.size() * kDemandStepNs);
    if (mean > 0 && cpus_of(limit) > 3 * mean)
        proposal.notes.push_back(fmt::format("its jobs come in bursts: the quota is {:.1f} times what it uses on "
                                             "average, so that cpu.weight alone may serve it better",
                                             cpus_of(limit) / mean));
    if (const std::size_t least = stats::least_samples(0.99, 0.9); trace.jobs.size() < least)
        proposal.notes.push_back(
            fmt::format("{} jobs are too few for their p99 (at least {}): profile for longer to be sure of the tail",
                        trace.jobs.size(), least));
}

std::string quota_words(const std::optional<LeastQuota>& found)
{
    return found && found->limit ? format_ns(found->limit->quota_ns) : std::string("all CPUs");
}

// What others have changed, and who they were.
void add_disturbance(Proposal& proposal, const Window& window, const QuotaPrediction& prediction)
{
    const auto add = [&](const char* name, const std::optional<LeastQuota>& found) {
        if (found && found->limit)
            proposal.evidence.push_back(
                {name, static_cast<double>(found->limit->quota_ns), Unit::Nanoseconds, found->interval, "replay"});
    };
    add("quota_as_seen", prediction.as_seen);
    add("quota_undisturbed", prediction.calm ? prediction.undisturbed : prediction.as_seen);
    if (const std::string who = who_displaced(window.disturbance);
        !who.empty() && window.disturbance.displaced > kWorthANote)
        proposal.notes.push_back(fmt::format("it waited for CPUs that others had: {}", who));
}

std::string too_far_apart(const Window& window, const QuotaPrediction& prediction, const CpuOptions& options)
{
    const std::string who = who_displaced(window.disturbance);
    return fmt::format("the machine is too busy to measure on: {}{} of the quota may be wrong by that ({} as seen, {} "
                       "without), {} is the most",
                       who.empty() ? "" : who + "; ", format_percent(prediction.by_others()),
                       quota_words(prediction.as_seen), quota_words(prediction.undisturbed),
                       format_percent(options.most_disturbed));
}

}  // namespace

Result<Proposal> propose_cpu(const Window& window, const QuotaPrediction& prediction, Subject& subject,
                             const CpuOptions& options)
{
    Proposal proposal{.resource = Resource::Cpu, .cgroup = subject.cgroup()};
    const DemandTrace& trace = window.trace;
    add_evidence(proposal, window, prediction.replay);
    if (window.lost_events > 0)
        proposal.notes.push_back(
            fmt::format("{} events were lost: the demand is that much too low", window.lost_events));
    if (auto why = unusable(proposal, window, subject, options))
        return *why;

    add_disturbance(proposal, window, prediction);
    if (prediction.by_others() > options.most_disturbed)
        return answered(std::move(proposal), Answer::Refused, too_far_apart(window, prediction, options));
    if (!prediction.bounds.burst_allowed)
        proposal.refused.push_back({"cpu.max.burst", "this kernel has none here"});
    const std::optional<Bandwidth> limit = prediction.limit();
    if (!limit)
        return answered(proposal, Answer::NoLimit,
                        fmt::format("no cpu.max: its jobs need all {} CPUs at times, and any quota would add more than "
                                    "{} to their latency; use cpu.weight",
                                    subject.cpus(), format_percent(options.latency_bound)));
    const Added predicted = prediction.deciding().bound(*limit, options.confidence);
    proposal.values = cpu_values(
        *limit, subject, prediction.interval(), two_sided(options.confidence),
        fmt::format(
            "least quota that adds at most {} to the p50 and p99 of {} jobs, over 100 resampled demands and phases",
            format_percent(options.latency_bound), trace.jobs.size()));
    proposal.evidence.push_back({"predicted_added_p50", predicted.p50, Unit::Share, std::nullopt, "replay"});
    proposal.evidence.push_back({"predicted_added_p99", predicted.p99, Unit::Share, std::nullopt, "replay"});
    proposal.evidence.push_back(
        {"predicted_throttled_periods", predicted.throttled_periods, Unit::Share, std::nullopt, "replay"});
    if (auto added = add_others(proposal, trace, prediction, subject, options); !added)
        return std::unexpected(std::move(added.error()));
    add_advice(proposal, trace, *limit);
    return answered(std::move(proposal), Answer::Limit, fmt::format("{}: {:.3g} CPUs", words(*limit), cpus_of(*limit)));
}

}  // namespace flyball::tune
