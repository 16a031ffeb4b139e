// SPDX-License-Identifier: Apache-2.0
#include "flyball/audit/coverage.hpp"
#include "model_parts.hpp"

#include <algorithm>
#include <initializer_list>

namespace flyball::report {
namespace {

using profile::CgroupProfile;
using profile::Histogram;
using profile::Snapshot;

bool is_covered(const Snapshot& snapshot, fb_metric id)
{
    const Metric* metric = find_metric(id);
    return metric != nullptr && audit::covered(snapshot.meta, coverage_name(*metric)).available;
}

// What was seen was measured, whatever the coverage says; nothing seen counts only where it says so.
bool measured(const Snapshot& snapshot, const CgroupProfile& profile, fb_metric id)
{
    return !profile.of(id).empty() || is_covered(snapshot, id);
}

MetricStats stats_of(const Metric& metric, const Histogram& hist)
{
    return {.metric = &metric,
            .count = hist.count(),
            .sum = hist.sum64(),
            .min = hist.min(),
            .max = hist.max(),
            .mean = hist.mean(),
            .p50 = hist.quantile(0.5),
            .p90 = hist.quantile(0.9),
            .p99 = hist.quantile(0.99),
            .p999 = hist.quantile(0.999),
            .buckets = hist.buckets()};
}

// The sum over those of the metrics that were measured; nullopt if none was.
Maybe sum_of(const Snapshot& snapshot, const CgroupProfile& profile, std::initializer_list<fb_metric> ids)
{
    Maybe sum;
    for (const fb_metric id : ids) {
        if (measured(snapshot, profile, id))
            sum = sum.value_or(0) + profile.of(id).sum64();
    }
    return sum;
}

Maybe p99_of(const Snapshot& snapshot, const CgroupProfile& profile, std::initializer_list<fb_metric> ids)
{
    Histogram merged;
    bool any = false;
    for (const fb_metric id : ids) {
        any = any || measured(snapshot, profile, id);
        merged.merge(profile.of(id));
    }
    return any ? Maybe(merged.quantile(0.99)) : std::nullopt;
}

Maybe oom_kills(const Snapshot& snapshot, const std::string& path)
{
    std::uint64_t kills = 0;
    for (const profile::OomEpisode& episode : snapshot.ooms) {
        for (const profile::OomVictim& victim : episode.victims) {
            if (victim.cgroup == path && victim.marked_ns)
                ++kills;
        }
    }
    if (kills == 0 && !audit::covered(snapshot.meta, "oom.victims").available)
        return std::nullopt;
    return kills;
}

TimeSplit split_of(const Snapshot& snapshot, const CgroupProfile& profile)
{
    TimeSplit time;
    time.on_cpu_ns = sum_of(snapshot, profile, {FB_M_CPU_SLICE});
    time.wait_ns = sum_of(snapshot, profile, {FB_M_CPU_WAIT});
    time.held_ns = sum_of(snapshot, profile, {FB_M_CPU_THROTTLED_WAIT});
    // mem.charge_stall is left out: the same reclaim, seen from the charge.
    time.mem_stall_ns =
        sum_of(snapshot, profile, {FB_M_MEM_HIGH, FB_M_MEM_RECLAIM, FB_M_MEM_REFAULT, FB_M_MEM_GLOBAL_RECLAIM});
    time.lost_ns = time.wait_ns.value_or(0) + time.held_ns.value_or(0) + time.mem_stall_ns.value_or(0);
    time.wait_p99_ns = p99_of(snapshot, profile, {FB_M_CPU_WAIT});
    time.io_p99_ns = p99_of(snapshot, profile, {FB_M_IO_TOTAL_READ, FB_M_IO_TOTAL_WRITE});
    time.oom_kills = oom_kills(snapshot, profile.path);
    if (time.held_ns) {
        const std::uint64_t wanted = *time.held_ns + time.on_cpu_ns.value_or(0) + time.wait_ns.value_or(0);
        time.held_ratio = wanted == 0 ? 0.0 : static_cast<double>(*time.held_ns) / static_cast<double>(wanted);
    }
    return time;
}

std::optional<std::uint64_t> growth(const profile::CounterWindow& window,
                                    std::optional<std::uint64_t> profile::KernelCounters::* field)
{
    if (!window.last || !((*window.last).*field))
        return std::nullopt;
    const std::uint64_t last = *((*window.last).*field);
    if (!window.first)
        return last;
    const std::optional<std::uint64_t> first = (*window.first).*field;
    if (!first || *first > last)
        return std::nullopt;
    return last - *first;
}

Throttling throttling_of(const CgroupProfile& profile, const profile::CounterWindow* window)
{
    Throttling result{.held_by = {}, .by_cpu = profile.throttle_by_cpu};
    for (const auto& [path, ns] : profile.held_by_ns)
        result.held_by.push_back({path, ns});
    std::ranges::stable_sort(result.held_by, std::ranges::greater{}, &Holder::ns);
    if (window != nullptr) {
        result.periods = growth(*window, &profile::KernelCounters::nr_periods);
        result.throttled_periods = growth(*window, &profile::KernelCounters::nr_throttled);
    }
    return result;
}

// Where the kernel's own counter is the only source, it is the number; without it there is none.
CountStats polled_refusals(const Metric& metric, const profile::CounterWindow* window)
{
    const Maybe refused = window == nullptr ? std::nullopt : growth(*window, &profile::KernelCounters::pids_max_events);
    return {&metric, refused.has_value(), refused.value_or(0), refused.value_or(0), 0};
}

CountStats count_stats(const Snapshot& snapshot, const CgroupProfile& profile, const profile::CounterWindow* window,
                       const Metric& metric)
{
    const profile::Count& count = profile.count_of(metric.id);
    const audit::Covered cover = audit::covered(snapshot.meta, coverage_name(metric));
    const bool seen = count != profile::Count{};
    if (!seen && cover.polled)
        return polled_refusals(metric, window);
    return {&metric, seen || cover.available, count.count, count.sum, count.max};
}

}  // namespace

CgroupReport build_cgroup(const Snapshot& snapshot, const CgroupProfile& profile, const profile::CounterWindow* window)
{
    CgroupReport report{.path = profile.path, .life = profile.life};
    report.time = split_of(snapshot, profile);
    for (const Metric& metric : histogram_metrics()) {
        if (!profile.of(metric.id).empty())
            report.metrics.push_back(stats_of(metric, profile.of(metric.id)));
    }
    for (const Metric& metric : count_metrics()) {
        report.counts.push_back(count_stats(snapshot, profile, window, metric));
    }
    report.throttling = throttling_of(profile, window);
    for (const auto& [kind, hist] : profile.io_device_by_class) {
        report.io.push_back({kind.dev, kind.op, kind.size_log2, hist.count(), hist.sum64(), hist.quantile(0.5),
                             hist.quantile(0.99), hist.max()});
    }
    return report;
}

const MetricStats* CgroupReport::find(fb_metric id) const
{
    const auto found = std::ranges::find_if(metrics, [=](const MetricStats& m) { return m.metric->id == id; });
    return found == metrics.end() ? nullptr : &*found;
}

const CountStats* CgroupReport::find_count(fb_metric id) const
{
    const auto found = std::ranges::find_if(counts, [=](const CountStats& c) { return c.metric->id == id; });
    return found == counts.end() ? nullptr : &*found;
}

}  // namespace flyball::report
