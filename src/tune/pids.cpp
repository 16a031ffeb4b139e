// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/pids.hpp"

#include "ending.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/base/units.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/stats/trend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>

namespace flyball::tune {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
// Growth that matters: a tenth of the peak within the time that was looked at, and more than a handful of tasks.
constexpr double kLeastGrowth = 0.1, kLeastGrowthTasks = 5;
constexpr std::size_t kMostTrendPoints = 300;
// Seconds: fewer are no trend.
constexpr std::size_t kLeastTrend = 5;

// The most of each second; a second without a change has what was before.
std::vector<double> peaks_by_second(const Window& window)
{
    std::vector<double> peaks;
    const auto& counts = window.trace.tasks;
    std::size_t next = 0;
    std::uint32_t now = counts.empty() ? 0 : counts.front().tasks;
    for (std::uint64_t at = window.begin_ns; at + kSecondNs <= window.end_ns; at += kSecondNs) {
        std::uint32_t peak = now;
        for (; next < counts.size() && counts[next].at_ns < at + kSecondNs; ++next)
            peak = std::max(peak, now = counts[next].tasks);
        peaks.push_back(peak);
    }
    return peaks;
}

// Tasks a second, when that is surely more than nothing and adds up to something.
std::optional<stats::Trend> leak(const std::vector<double>& peaks, double peak, double confidence)
{
    const std::size_t each = peaks.size() / kMostTrendPoints + 1;
    std::vector<double> x, y;
    for (std::size_t i = 0; i < peaks.size(); i += each) {
        x.push_back(static_cast<double>(i));
        y.push_back(peaks[i]);
    }
    const auto trend = stats::theil_sen(x, y, confidence);
    if (!trend)
        return std::nullopt;
    const double surely = trend->interval.low * static_cast<double>(peaks.size());
    return surely > std::max(kLeastGrowth * peak, kLeastGrowthTasks) ? trend : std::nullopt;
}

// What the events and the kernel's own counter say of the peak, where the two differ, and what was lost.
void put_peaks(Proposal& proposal, const Window& window, std::uint32_t seen, std::uint32_t growth)
{
    const DemandTrace& trace = window.trace;
    const auto kernel_peak = window.after.counters.pids_peak;
    proposal.evidence = {
        {"peak", static_cast<double>(seen), Unit::Tasks, std::nullopt, "task_newtask"},
        {"growth_within_reaction_time", static_cast<double>(growth), Unit::Tasks, std::nullopt, "task_newtask"},
        {"forks", static_cast<double>(trace.forks), Unit::None, std::nullopt, "task_newtask"},
        {"refused_forks", static_cast<double>(trace.refused_forks), Unit::None, std::nullopt, "pids_can_fork"},
    };
    if (kernel_peak)
        proposal.evidence.push_back(
            {"kernel_peak", static_cast<double>(*kernel_peak), Unit::Tasks, std::nullopt, "pids.peak"});
    if (kernel_peak && *kernel_peak > seen)
        proposal.notes.push_back(
            fmt::format("pids.peak is {}, from before it was looked at: that counts", *kernel_peak));
    if (kernel_peak && *kernel_peak < seen)
        proposal.notes.push_back(
            fmt::format("pids.peak says {}: lower than the {} that were seen, which is not to be", *kernel_peak, seen));
    if (window.lost_events > 0)
        proposal.notes.push_back(fmt::format("{} events were lost: the peak may be too low", window.lost_events));
}

// By the events and by pids.events: either may have begun to look later.
std::uint64_t refused_forks(const Window& window)
{
    const auto before = window.before.counters.pids_max_events, after = window.after.counters.pids_max_events;
    return std::max(window.trace.refused_forks, before && after ? *after - *before : 0);
}

}  // namespace

std::uint32_t fork_envelope(const std::vector<TaskCount>& counts, std::uint64_t within_ns)
{
    std::uint32_t most = 0;
    std::deque<TaskCount> lowest;  // ascending counts of the stretch that is looked back on
    for (const TaskCount& count : counts) {
        while (!lowest.empty() && lowest.front().at_ns + within_ns < count.at_ns)
            lowest.pop_front();
        if (!lowest.empty() && count.tasks > lowest.front().tasks)
            most = std::max(most, count.tasks - lowest.front().tasks);
        while (!lowest.empty() && lowest.back().tasks >= count.tasks)
            lowest.pop_back();
        lowest.push_back(count);
    }
    return most;
}

Proposal propose_pids(const Window& window, Subject& subject, const PidsOptions& options)
{
    Proposal proposal{.resource = Resource::Pids, .cgroup = subject.cgroup()};
    const DemandTrace& trace = window.trace;
    std::uint32_t seen = 0;
    for (const TaskCount& count : trace.tasks)
        seen = std::max(seen, count.tasks);
    const std::vector<double> peaks = peaks_by_second(window);
    const std::uint32_t growth = fork_envelope(trace.tasks, options.reaction_ns);
    const auto kernel_peak = window.after.counters.pids_peak;
    const double peak = std::max<double>(seen, static_cast<double>(kernel_peak.value_or(0)));
    put_peaks(proposal, window, seen, growth);

    const std::uint64_t refused = refused_forks(window);
    if (refused > 0) {
        proposal.answer = Answer::Inconclusive;
        proposal.summary = fmt::format(
            "{} forks were refused: the present limit ({}) hides how many tasks it needs; raise it and look again",
            refused, subject.limit("pids.max").value_or("an ancestor's"));
        return proposal;
    }
    if (peaks.size() < kLeastTrend || peak < 1) {
        proposal.answer = Answer::Inconclusive;
        proposal.summary =
            peak < 1 ? "no task was seen"
                     : fmt::format("seen for {} only; at least {} s", format_ns(window.span_ns()), kLeastTrend);
        return proposal;
    }
    if (const auto trend = leak(peaks, peak, options.confidence)) {
        proposal.answer = Answer::Refused;
        proposal.evidence.push_back({"growth", trend->slope, Unit::PerSecond, trend->interval, "task_newtask"});
        proposal.summary =
            fmt::format("tasks leak: {:.3g} more each second ({:.3g} to {:.3g}), and no limit is enough for long",
                        trend->slope, trend->interval.low, trend->interval.high);
        return proposal;
    }
    // Whole tasks: of a few of them the next one up may be far below the utilisation wanted.
    const double value = std::max(std::ceil(peak / options.most_utilisation), std::round(peak / options.utilisation));
    const double windows = static_cast<double>(peaks.size());
    proposal.answer = Answer::Limit;
    proposal.summary =
        fmt::format("{:.0f} tasks: {} of them at the peak of {:.0f}", value, format_percent(peak / value), peak);
    proposal.values.push_back(
        {.file = "pids.max",
         .text = fmt::format("{:.0f}", value),
         .before = subject.limit("pids.max").value_or(""),
         .estimate = value,
         .unit = Unit::Tasks,
         .interval = stats::Interval{peak, value},
         .confidence = windows / (windows + 1),
         .method = fmt::format(
             "the peak of {} seconds over {:.3g}; another second exceeds that peak with a probability of at most 1/{}",
             peaks.size(), options.utilisation, peaks.size() + 1)});
    if (peak + growth > value)
        proposal.notes.push_back(
            fmt::format("within {} it has grown by {} tasks: the same on top of the peak would need {:.0f}",
                        format_ns(options.reaction_ns), growth, peak + growth));
    if (const auto now = window.after.pids_current; now && static_cast<double>(*now) > value)
        proposal.notes.push_back(fmt::format("{} tasks live now, more than that", *now));
    return proposal;
}

Result<Proposal> tune_pids(Subject& subject, const PidsOptions& options)
{
    subject.say(fmt::format("counting its tasks for {}", format_ns(options.profile_ns)));
    const auto window = subject.run(options.profile_ns);
    if (!window)
        return ended({.resource = Resource::Pids, .cgroup = subject.cgroup()}, window.error());
    return propose_pids(*window, subject, options);
}

}  // namespace flyball::tune
