// SPDX-License-Identifier: Apache-2.0
#include "series.hpp"

#include <algorithm>
#include <numeric>

namespace flyball::calibrate {

const Series* find_series(const Measurements& measured, const std::string& metric)
{
    const auto found = measured.metrics.find(metric);
    return found == measured.metrics.end() || found->second.runs.empty() ? nullptr : &found->second;
}

std::optional<double> figure(const Measurements& measured, const std::string& metric)
{
    const Series* const series = find_series(measured, metric);
    return series == nullptr ? std::nullopt : std::optional(stats::median(series->runs));
}

std::optional<double> largest(const Measurements& measured, const std::string& metric)
{
    const Series* const series = find_series(measured, metric);
    return series == nullptr ? std::nullopt : std::optional(std::ranges::max(series->runs));
}

double total(const Series& series)
{
    return std::accumulate(series.runs.begin(), series.runs.end(), 0.0);
}

double total(const Measurements& measured, const std::string& metric)
{
    const Series* const series = find_series(measured, metric);
    return series == nullptr ? 0 : total(*series);
}

}  // namespace flyball::calibrate
