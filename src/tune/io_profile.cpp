// SPDX-License-Identifier: Apache-2.0
#include "io_profile.hpp"

#include "units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace flyball::tune::detail {
namespace {

constexpr double kQuantile = 0.99;

void add(IoProfile& profile, const IoTrace& window, const IoDeviceTrace& trace)
{
    const std::size_t whole = window.span_ns() / kIoStepNs;
    for (std::size_t i = 0; i < std::min(whole, trace.steps.size()); ++i)
        profile.steps.push_back(trace.steps[i]);
    profile.total.merge(trace.total);
    profile.queue.merge(trace.queue);
    profile.device_time.merge(trace.device_time);
    const double own = trace.own_ns() / kNsPerS, busy = static_cast<double>(trace.busy_ns()) / kNsPerS;
    profile.own_s += own;
    profile.busy_s += busy;
    profile.others_s += std::max(0.0, busy - own);
    profile.ios += trace.own_ios();
    profile.bytes += trace.own_bytes();
}

double at_rank(const std::vector<double>& sorted, double q)
{
    const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size())));
    return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

}  // namespace

std::optional<IoProfile> busiest(const std::vector<IoTrace>& traces)
{
    std::map<cgroup::DeviceNumber, double> had;
    for (const IoTrace& window : traces) {
        for (const IoDeviceTrace& trace : window.devices)
            if (trace.own_ios() > 0)
                had[trace.device] += trace.own_ns();
    }
    const auto most = std::ranges::max_element(had, {}, [](const auto& one) { return one.second; });
    if (most == had.end())
        return std::nullopt;
    IoProfile profile;
    profile.device = most->first;
    for (const IoTrace& window : traces) {
        profile.seconds += static_cast<double>(window.span_ns()) / kNsPerS;
        if (const IoDeviceTrace* trace = window.device(profile.device))
            add(profile, window, *trace);
        else  // nobody used it: it counts as time without
            profile.steps.resize(profile.steps.size() + window.span_ns() / kIoStepNs);
    }
    return profile;
}

Occupancy occupancy(const IoProfile& profile, const cgroup::IoControl& control, double confidence)
{
    Occupancy result;
    const double step_s = static_cast<double>(kIoStepNs) / kNsPerS;
    const bool by_model = control.model.has_value();
    // Below 100 % the device is taken to be slower than its model.
    const double rate = std::max(control.vrate_percent.value_or(100) / 100, 0.01);
    std::vector<double> shares;
    shares.reserve(profile.steps.size());
    for (const IoStep& step : profile.steps)
        shares.push_back(by_model ? cost_s(*control.model, step.work) / rate / step_s
                                  : step.own_ns / static_cast<double>(kIoStepNs));
    result.steps = shares.size();
    result.source = by_model ? fmt::format("cost by io.cost.model at a vrate of {:.0f} %, of bios", 100 * rate)
                             : "time in the device, shared with those who are in it, of requests";
    if (shares.empty())
        return result;
    std::ranges::sort(shares);
    for (const double share : shares)
        result.mean += share / static_cast<double>(shares.size());
    result.p99 = at_rank(shares, kQuantile);
    result.interval = stats::quantile_interval(shares, kQuantile, confidence);
    return result;
}

}  // namespace flyball::tune::detail
