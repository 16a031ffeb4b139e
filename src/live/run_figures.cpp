// SPDX-License-Identifier: Apache-2.0
#include "run_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace flyball::live {
namespace {

constexpr double kNs = 1e9;

// How much a counter has grown; nullopt: one of them is not there.
std::optional<double> grown(const std::optional<std::uint64_t>& before, const std::optional<std::uint64_t>& after)
{
    if (!before || !after || *after < *before)
        return std::nullopt;
    return static_cast<double>(*after - *before);
}

std::optional<std::uint64_t> at(const std::map<std::string, std::uint64_t>& all, const char* name)
{
    const auto found = all.find(name);
    return found == all.end() ? std::nullopt : std::optional(found->second);
}

double mean(const std::vector<double>& values)
{
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

calibrate::Series single(double figure)
{
    return {.runs = {figure}, .samples = {}, .events = {}};
}

}  // namespace

void RunFigures::add_performance(const tune::Window& window)
{
    const tune::Performance& told = window.performance;
    if (told.rate) {
        by_second_["throughput"].push_back(*told.rate);
        told_ = true;
    }
    latency_ns_.merge(told.latency_ns);
    done_ += told.done;
    failed_ += told.failed;
    for (const auto& [name, values] : told.values) {
        const auto metric = std::ranges::find(component_.metrics, name, &calibrate::Metric::name);
        if (metric == component_.metrics.end())
            continue;
        for (const double value : values)
            by_second_[name].push_back(value * metric->scale);
    }
}

void RunFigures::add_counters(const tune::Window& window)
{
    const cgroup::Counters& before = window.before.counters;
    const cgroup::Counters& after = window.after.counters;
    const double span_s = static_cast<double>(after.at_ns - before.at_ns) / kNs;
    if (span_s <= 0)
        return;
    const auto rate = [&](const char* metric, const std::optional<double>& growth, double scale) {
        if (growth)
            by_second_[metric].push_back(*growth / scale / span_s);
    };
    rate("cpu", grown(before.usage_ns, after.usage_ns), kNs);
    rate("io_read", grown(before.io_rbytes, after.io_rbytes), 1);
    rate("io_write", grown(before.io_wbytes, after.io_wbytes), 1);
    constexpr double kUs = 1e6;
    constexpr std::pair<const char*, const char*> kPressures[] = {{"cpu_pressure", "cpu.some"},
                                                                  {"memory_pressure", "memory.some"},
                                                                  {"memory_pressure_full", "memory.full"},
                                                                  {"io_pressure", "io.some"}};
    for (const auto& [metric, file] : kPressures)
        rate(metric, grown(at(before.pressure_us, file), at(after.pressure_us, file)), kUs);
}

void RunFigures::starts(const tune::Reading& at)
{
    start_ = at;
    end_ = at;
}

void RunFigures::add(const tune::Window& window)
{
    if (!first_)
        first_ = window.before;
    last_ = window.after;
    lost_events_ += window.lost_events;
    jobs_ += window.trace.jobs.size() + window.trace.jobs_left_out;
    span_ns_ += window.span_ns();
    add_performance(window);
    add_counters(window);
    std::vector<double> memory;
    for (const tune::MemoryUse& use : window.memory_use)
        memory.push_back(static_cast<double>(use.bytes));
    if (!memory.empty()) {
        by_second_["memory_mean"].push_back(mean(memory));
        most_memory_ = std::max(most_memory_, std::ranges::max(memory));
    }
    for (const tune::TaskCount& count : window.trace.tasks)
        most_tasks_ = std::max(most_tasks_, static_cast<double>(count.tasks));
    for (const tune::IoDeviceTrace& device : window.io.devices)
        io_latency_ns_.merge(device.total);
    disturbance_ = tune::joined(disturbance_, static_cast<double>(span_ns_ - window.span_ns()), window.disturbance,
                                static_cast<double>(window.span_ns()));
}

std::string RunFigures::disturbed(double most) const
{
    constexpr double kMostLost = 0.01;
    if (static_cast<double>(lost_events_) > kMostLost * static_cast<double>(jobs_ + 1))
        return fmt::format("{} events were lost beside {} jobs that were seen", lost_events_, jobs_);
    return tune::possible_error(disturbance_) > most ? tune::too_busy(disturbance_) : std::string();
}

void RunFigures::add_totals(std::map<std::string, calibrate::Series>& all, bool fresh) const
{
    const cgroup::Counters& before = first_->counters;
    const cgroup::Counters& after = last_->counters;
    const auto peak = [&](const std::optional<std::uint64_t>& kernel, double seen) {
        return fresh && kernel ? std::max(static_cast<double>(*kernel), seen) : seen;
    };
    if (most_memory_ > 0)
        all["memory"] = single(peak(after.memory_peak_bytes, most_memory_));
    if (most_tasks_ > 0)
        all["tasks"] = single(peak(after.pids_peak, most_tasks_));
    const auto periods = grown(before.nr_periods, after.nr_periods),
               throttled = grown(before.nr_throttled, after.nr_throttled);
    if (periods && throttled)
        all["throttled"] = single(*periods > 0 ? *throttled / *periods : 0);
}

void RunFigures::add_counts(std::map<std::string, calibrate::Series>& all) const
{
    if (!start_ || !end_)
        return;
    const cgroup::Counters& before = start_->counters;
    const cgroup::Counters& after = end_->counters;
    for (const char* kill : {"oom_kill", "v1.oom_kill"}) {
        if (const auto kills = grown(at(before.memory_events, kill), at(after.memory_events, kill)))
            all["oom_kills"] = single(*kills);
    }
    if (const auto refused = grown(before.pids_max_events, after.pids_max_events))
        all["fork_failures"] = single(*refused);
}

std::map<std::string, calibrate::Series> RunFigures::take(bool fresh)
{
    std::map<std::string, calibrate::Series> all;
    add_counts(all);
    if (!first_)
        return all;
    for (auto& [name, values] : by_second_) {
        // A rate of a run is its mean, so that bursts count for what they were; a declared figure is its median.
        const bool declared =
            std::ranges::find(component_.metrics, name, &calibrate::Metric::name) != component_.metrics.end();
        const double figure = declared ? stats::median(values) : mean(values);
        all[name] = {.runs = {figure}, .samples = std::move(values), .events = {}};
    }
    if (!latency_ns_.empty())
        all["latency"] = {
            .runs = {static_cast<double>(latency_ns_.quantile(0.5))}, .samples = {}, .events = {latency_ns_}};
    if (!io_latency_ns_.empty())
        all["io_latency"] = {
            .runs = {static_cast<double>(io_latency_ns_.quantile(0.5))}, .samples = {}, .events = {io_latency_ns_}};
    if (told_ && done_ + failed_ > 0)
        all["success_rate"] = {
            .runs = {done_ / (done_ + failed_)}, .samples = {}, .events = {}, .good = done_, .all = done_ + failed_};
    add_totals(all, fresh);
    return all;
}

}  // namespace flyball::live
