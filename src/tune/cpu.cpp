// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/cpu.hpp"

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

// Fewer jobs say nothing of a tail.
constexpr std::size_t kLeastJobs = 20;
// Most of its CPU time in jobs that do not end: it takes what it can get.
constexpr double kMostlyEndless = 0.5;
constexpr std::uint64_t kLeastWindowNs = 5'000'000'000;
// Half a millisecond for the first CPU, and for each more: what CPUs keep of the slices that they drew.
constexpr std::uint64_t kSlackNs = 500'000, kMostSlackNs = 5'000'000;
constexpr std::uint64_t kOtherPeriodsNs[] = {20'000'000, 50'000'000, 200'000'000};
constexpr std::size_t kReplicatesOfOthers = 30;
// Events lost, of the jobs seen: with more, what was seen is not the demand.
constexpr double kMostLost = 0.01;

double part_of(std::uint64_t part, std::uint64_t whole)
{
    return static_cast<double>(part) / static_cast<double>(whole);
}

double cpus_of(const Bandwidth& limit)
{
    return part_of(limit.quota_ns, limit.period_ns);
}

std::string words(const Bandwidth& limit)
{
    std::string text = fmt::format("{} each {}", format_ns(limit.quota_ns), format_ns(limit.period_ns));
    if (limit.burst_ns > 0)
        text += fmt::format(" and a burst of {}", format_ns(limit.burst_ns));
    return text;
}

ReplayOptions replay_options(const DemandTrace& trace, std::size_t replicates)
{
    return {.replicates = replicates, .slack_ns = std::min(kSlackNs * std::max(trace.most_running, 1U), kMostSlackNs)};
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

Proposal answer(Proposal proposal, Answer what, std::string summary)
{
    proposal.answer = what;
    proposal.summary = std::move(summary);
    return proposal;
}

// Why nothing can be said from this window; nullopt: it can.
std::optional<Proposal> unusable(const Proposal& proposal, const Window& window, Subject& subject,
                                 const CpuOptions& options)
{
    if (!subject.limit("cpu.max"))
        return answer(
            proposal, Answer::Refused,
            fmt::format("{} has no cpu.max: its parent does not hand the cpu controller on", subject.cgroup()));
    const DemandTrace& trace = window.trace;
    if (window.span_ns() < kLeastWindowNs)
        return answer(
            proposal, Answer::Inconclusive,
            fmt::format("seen for {} only; at least {}", format_ns(window.span_ns()), format_ns(kLeastWindowNs)));
    if (trace.run_ns == 0)
        return answer(proposal, Answer::Inconclusive, "it did not run in that time");
    const double lost =
        static_cast<double>(window.lost_events) / static_cast<double>(trace.jobs.size() + trace.jobs_left_out + 1);
    if (lost > kMostLost)
        return answer(proposal, Answer::Inconclusive,
                      fmt::format("{} events were lost beside {} jobs that were seen: the demand may be far higher",
                                  window.lost_events, trace.jobs.size() + trace.jobs_left_out));
    // What the hypervisor takes flattens the peaks that a quota has to let through.
    if (window.disturbance.steal > options.most_disturbed)
        return answer(
            proposal, Answer::Refused,
            fmt::format("the machine is too busy to measure on: the hypervisor took {} of its CPUs, {} is the most",
                        format_percent(window.disturbance.steal), format_percent(options.most_disturbed)));
    if (window.disturbance.displaced > options.most_disturbed)
        return answer(proposal, Answer::Refused,
                      fmt::format("the machine is too busy to measure on: it waited for CPUs for {} of the time that "
                                  "it wanted to run, {} is the most",
                                  format_percent(window.disturbance.displaced),
                                  format_percent(options.most_disturbed)));
    const double endless = part_of(trace.endless_ns, trace.run_ns);
    // A job behind its quota looks like one that never ends.
    if (endless > kMostlyEndless && trace.held_back())
        return answer(
            proposal, Answer::Inconclusive,
            fmt::format(
                "{} of its CPU time goes into jobs that do not end within a second, and cpu.max held it for {}: "
                "whether they would end without is not seen (--try lifts its own cpu.max, not an ancestor's)",
                format_percent(endless), format_ns(trace.held_ns)));
    if (endless > kMostlyEndless)
        return answer(
            proposal, Answer::NoLimit,
            fmt::format("no cpu.max: {} of its CPU time goes into jobs that take all they can get, which a quota slows "
                        "down in proportion; use cpu.weight",
                        format_percent(endless)));
    if (trace.jobs.size() < kLeastJobs)
        return answer(
            proposal, Answer::Inconclusive,
            fmt::format("{} jobs were seen, {} are the least: profile for longer", trace.jobs.size(), kLeastJobs));
    return std::nullopt;
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
        const auto plain = least_bandwidth(prediction.replay, without, options.confidence, keep_up);
        if (!plain)
            return std::unexpected(plain.error());
        if (*plain)
            proposal.notes.push_back(fmt::format("without burst: {} ({:.3g} CPUs)", words(**plain), cpus_of(**plain)));
    }
    const Replay quick(trace, replay_options(trace, kReplicatesOfOthers));
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

}  // namespace

Result<QuotaPrediction> predict_quota(const Window& window, Subject& subject, const CpuOptions& options)
{
    const KeepUp keep_up = [&] { return subject.keep_up(); };
    QuotaPrediction found{.replay = Replay(window.trace, replay_options(window.trace, ReplayOptions{}.replicates)),
                          .bounds = {.period_ns = options.period_ns,
                                     .most_quota_ns = subject.cpus() * options.period_ns,
                                     .burst_allowed = subject.limit("cpu.max.burst").has_value(),
                                     .latency_bound = options.latency_bound},
                          .limit = {},
                          .interval = {}};
    if (unusable({}, window, subject, options))
        return found;
    const auto enough = least_bandwidth(found.replay, found.bounds, options.confidence, keep_up);
    if (!enough)
        return std::unexpected(enough.error());
    if (!*enough || (*enough)->quota_ns >= found.bounds.most_quota_ns)
        return found;
    const auto surely_needed = least_bandwidth(found.replay, found.bounds, 1 - options.confidence, keep_up);
    if (!surely_needed)
        return std::unexpected(surely_needed.error());
    found.limit = *enough;
    // One bound on either side at that confidence: less by what is beyond either.
    found.interval = {*surely_needed ? static_cast<double>((*surely_needed)->quota_ns) : 0,
                      static_cast<double>((*enough)->quota_ns)};
    return found;
}

Result<Proposal> propose_cpu(const Window& window, const QuotaPrediction& prediction, Subject& subject,
                             const CpuOptions& options)
{
    Proposal proposal{.resource = Resource::Cpu, .cgroup = subject.cgroup()};
    const DemandTrace& trace = window.trace;
    const Replay& replay = prediction.replay;
    add_evidence(proposal, window, replay);
    if (window.lost_events > 0)
        proposal.notes.push_back(
            fmt::format("{} events were lost: the demand is that much too low", window.lost_events));
    if (auto why = unusable(proposal, window, subject, options))
        return *why;

    if (!prediction.bounds.burst_allowed)
        proposal.refused.push_back({"cpu.max.burst", "this kernel has none here"});
    const std::optional<Bandwidth>& limit = prediction.limit;
    if (!limit)
        return answer(proposal, Answer::NoLimit,
                      fmt::format("no cpu.max: its jobs need all {} CPUs at times, and any quota would add more than "
                                  "{} to their latency; use cpu.weight",
                                  subject.cpus(), format_percent(options.latency_bound)));
    const Added predicted = replay.bound(*limit, options.confidence);
    proposal.values = cpu_values(
        *limit, subject, prediction.interval, two_sided(options.confidence),
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
    return answer(std::move(proposal), Answer::Limit, fmt::format("{}: {:.3g} CPUs", words(*limit), cpus_of(*limit)));
}

}  // namespace flyball::tune
