// SPDX-License-Identifier: Apache-2.0
#include "counter_sampler.hpp"

#include "flyball/cgroup/counters.hpp"

namespace flyball::live {

namespace {
// The cgroup room stands below the profile room and has a struct of its own, field by field.
profile::KernelCounters convert(cgroup::Counters c)
{
    return {.at_ns = c.at_ns,
            .throttled_ns = c.throttled_ns,
            .nr_periods = c.nr_periods,
            .nr_throttled = c.nr_throttled,
            .throttled_local_ns = c.throttled_local_ns,
            .usage_ns = c.usage_ns,
            .cpu_quota_ns = c.cpu_quota_ns,
            .cpu_period_ns = c.cpu_period_ns,
            .cpu_burst_ns = c.cpu_burst_ns,
            .memory_events = std::move(c.memory_events),
            .memory_events_local = std::move(c.memory_events_local),
            .memory_peak_bytes = c.memory_peak_bytes,
            .pids_peak = c.pids_peak,
            .pids_max_events = c.pids_max_events,
            .io_rbytes = c.io_rbytes,
            .io_wbytes = c.io_wbytes,
            .io_rios = c.io_rios,
            .io_wios = c.io_wios,
            .pressure_us = std::move(c.pressure_us)};
}
}  // namespace

void CounterSampler::sample_first(const std::vector<std::string>& paths)
{
    for (const std::string& path : paths) {
        auto counters = cgroup::read_counters(layout_, path);
        if (counters.empty())
            continue;  // gone in between
        windows_[path] = {.path = path, .first = convert(std::move(counters)), .last = std::nullopt};
    }
}

void CounterSampler::add_created(const std::vector<std::string>& paths)
{
    for (const std::string& path : paths)
        windows_.try_emplace(path, profile::CounterWindow{.path = path, .first = std::nullopt, .last = std::nullopt});
}

std::vector<profile::CounterWindow> CounterSampler::sample_last()
{
    std::vector<profile::CounterWindow> all;
    all.reserve(windows_.size());
    for (auto& [path, window] : windows_) {
        auto counters = cgroup::read_counters(layout_, path);
        if (!counters.empty())
            window.last = convert(std::move(counters));
        all.push_back(std::move(window));
    }
    windows_.clear();
    return all;
}

}  // namespace flyball::live
