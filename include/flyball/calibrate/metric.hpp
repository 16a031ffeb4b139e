// SPDX-License-Identifier: Apache-2.0
// The metrics that targets may name. Pure values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::calibrate {

// What a figure is counted in; the figure itself is always in the base unit.
enum class Unit : std::uint8_t {
    Nanoseconds,
    Bytes,
    Share,      // 1 is 100 %; of CPU time, 100 % is one CPU
    PerSecond,  // of whatever the workload calls a unit of work
    BytesPerSecond,
    Count,
};
[[nodiscard]] std::string_view name(Unit unit);  // "ns", "bytes", ...

// How several figures become the one that a target compares, unless the target says otherwise.
enum class Statistic : std::uint8_t {
    Median,
    Mean,
    Largest,  // of a peak: one run above the bound is one too many
    Smallest,
    Total,      // of events that are counted
    Ratio,      // of counted units, pooled: successes of attempts
    Quantile,   // of single events
    Variation,  // standard deviation / mean
};

struct Metric {
    std::string name;
    Unit unit = Unit::Count;
    bool more_is_better = false;
    Statistic usual = Statistic::Median;
    std::string source;  // who provides it: "the workload's op lines", "memory.peak"
    // A figure of the workload's `value NAME X` lines times this is in the base unit.
    double scale = 1;
    friend bool operator==(const Metric&, const Metric&) = default;
};

// Those that flyball or any workload provides, in the order of the documentation. `cold_start` exists in cold-start
// scenarios only.
[[nodiscard]] std::span<const Metric> common_metrics();

// What a component has declared goes before the common ones. nullptr: neither has it.
[[nodiscard]] const Metric* find_metric(std::string_view name, std::span<const Metric> declared);

// A metric that a workload tells by `value NAME X`, in this unit: "ns", "us", "ms", "s", "bytes", "KiB", "MiB", "GiB",
// "share", "percent", "per_second", "bytes_per_second", "count". nullopt: no such unit.
[[nodiscard]] std::optional<Metric> declared_metric(std::string name, std::string_view unit);
[[nodiscard]] std::span<const std::string_view> declared_units();

// A figure with its unit, for people: "120 ms", "640 MiB", "800/s", "25.0%".
[[nodiscard]] std::string format(double figure, Unit unit);

}  // namespace flyball::calibrate
