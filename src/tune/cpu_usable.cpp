// SPDX-License-Identifier: Apache-2.0
#include "cpu_usable.hpp"

#include "flyball/base/units.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::tune {
namespace {

// Fewer jobs say nothing of a tail.
constexpr std::size_t kLeastJobs = 20;
// Most of its CPU time in jobs that do not end: it takes what it can get.
constexpr double kMostlyEndless = 0.5;
constexpr std::uint64_t kLeastWindowNs = 5'000'000'000;
// Half a millisecond for the first CPU, and for each more: what CPUs keep of the slices that they drew.
constexpr std::uint64_t kSlackNs = 500'000, kMostSlackNs = 5'000'000;
// Events lost, of the jobs seen: with more, what was seen is not the demand.
constexpr double kMostLost = 0.01;
// Of the CPUs idle: with less, what others take is not made up for later, and a load that waits for answers asks for
// less all the time.
constexpr double kLeastSpare = 0.1;
// Of the steal that its slices should have had, as much as all others': with less, the kernel does not tell it there.
constexpr double kStealSeen = 0.5;

double part_of(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

// Whether the hypervisor's time within its slices is told, so that the demand can be had without it.
bool steal_is_seen(const Window& window, unsigned cpus)
{
    const Disturbance& by = window.disturbance;
    const double all_ns = static_cast<double>(window.span_ns()) * cpus,
                 run_ns = static_cast<double>(window.trace.run_ns);
    const double expected_ns = by.steal * all_ns * part_of(run_ns, run_ns + by.others_busy * all_ns);
    return static_cast<double>(window.trace.interrupted_ns) >= kStealSeen * expected_ns;
}

// Why others make it pointless to work out a quota at all; empty: they do not.
std::string spoilt(const Window& window, unsigned cpus, const CpuOptions& options)
{
    const Disturbance& by = window.disturbance;
    if (by.steal > options.most_disturbed && !steal_is_seen(window, cpus))
        return fmt::format("the machine is too busy to measure on: the hypervisor took {} of its CPUs, {} is the most",
                           format_percent(by.steal), format_percent(options.most_disturbed));
    if (by.spare < kLeastSpare && possible_error(by) > options.most_disturbed)
        return fmt::format("{}, and {} of its CPUs were idle", too_busy(by), format_percent(by.spare));
    const DemandTrace& trace = window.trace;
    if (trace.endless_ns > trace.surely_endless_ns && !trace.held_back() &&
        part_of(static_cast<double>(trace.endless_ns), static_cast<double>(trace.run_ns)) > kMostlyEndless)
        return fmt::format("{}, so that what it does takes longer than a second", too_busy(by));
    return {};
}

// Nothing that others do makes it so: it takes what it can get. nullopt: it does not.
std::optional<Proposal> if_endless(const Proposal& proposal, const DemandTrace& trace, std::uint64_t endless_ns)
{
    const double endless = part_of(static_cast<double>(endless_ns), static_cast<double>(trace.run_ns));
    if (endless <= kMostlyEndless)
        return std::nullopt;
    // A job behind its quota looks like one that never ends.
    if (trace.held_back())
        return answered(
            proposal, Answer::Inconclusive,
            fmt::format(
                "{} of its CPU time goes into jobs that do not end within a second, and cpu.max held it for {}: "
                "whether they would end without is not seen (--try lifts its own cpu.max, not an ancestor's)",
                format_percent(endless), format_ns(trace.held_ns)));
    return answered(
        proposal, Answer::NoLimit,
        fmt::format("no cpu.max: {} of its CPU time goes into jobs that take all they can get, which a quota slows "
                    "down in proportion; use cpu.weight",
                    format_percent(endless)));
}

}  // namespace

Proposal answered(Proposal proposal, Answer what, std::string summary)
{
    proposal.answer = what;
    proposal.summary = std::move(summary);
    return proposal;
}

bool was_disturbed(const DemandTrace& trace)
{
    return trace.undisturbed_ns.size() == trace.demand_ns.size() && trace.displaced_ns + trace.interrupted_ns > 0;
}

ReplayOptions replay_options(const DemandTrace& trace, std::size_t replicates, bool undisturbed)
{
    return {.replicates = replicates,
            .slack_ns = std::min(kSlackNs * std::max(trace.most_running, 1U), kMostSlackNs),
            .undisturbed = undisturbed};
}

std::optional<Proposal> unusable(const Proposal& proposal, const Window& window, Subject& subject,
                                 const CpuOptions& options)
{
    if (!subject.limit("cpu.max"))
        return answered(
            proposal, Answer::Refused,
            fmt::format("{} has no cpu.max: its parent does not hand the cpu controller on", subject.cgroup()));
    const DemandTrace& trace = window.trace;
    if (window.span_ns() < kLeastWindowNs)
        return answered(
            proposal, Answer::Inconclusive,
            fmt::format("seen for {} only; at least {}", format_ns(window.span_ns()), format_ns(kLeastWindowNs)));
    if (trace.run_ns == 0)
        return answered(proposal, Answer::Inconclusive, "it did not run in that time");
    const double lost =
        static_cast<double>(window.lost_events) / static_cast<double>(trace.jobs.size() + trace.jobs_left_out + 1);
    if (lost > kMostLost)
        return answered(proposal, Answer::Inconclusive,
                        fmt::format("{} events were lost beside {} jobs that were seen: the demand may be far higher",
                                    window.lost_events, trace.jobs.size() + trace.jobs_left_out));
    if (auto takes_all = if_endless(proposal, trace, trace.surely_endless_ns))
        return takes_all;
    if (std::string why = spoilt(window, subject.cpus(), options); !why.empty())
        return answered(proposal, Answer::Refused, std::move(why));
    if (auto behind = if_endless(proposal, trace, trace.endless_ns))
        return behind;
    if (trace.jobs.size() < kLeastJobs)
        return answered(
            proposal, Answer::Inconclusive,
            fmt::format("{} jobs were seen, {} are the least: profile for longer", trace.jobs.size(), kLeastJobs));
    return std::nullopt;
}

}  // namespace flyball::tune
