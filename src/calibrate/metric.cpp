// SPDX-License-Identifier: Apache-2.0
#include "flyball/calibrate/metric.hpp"

#include "flyball/base/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace flyball::calibrate {
namespace {

struct DeclaredUnit {
    std::string_view name;
    Unit unit;
    double scale;
};

constexpr std::array kDeclared{
    DeclaredUnit{"ns", Unit::Nanoseconds, 1},        DeclaredUnit{"us", Unit::Nanoseconds, 1e3},
    DeclaredUnit{"ms", Unit::Nanoseconds, 1e6},      DeclaredUnit{"s", Unit::Nanoseconds, 1e9},
    DeclaredUnit{"bytes", Unit::Bytes, 1},           DeclaredUnit{"KiB", Unit::Bytes, 1024.0},
    DeclaredUnit{"MiB", Unit::Bytes, 1024.0 * 1024}, DeclaredUnit{"GiB", Unit::Bytes, 1024.0 * 1024 * 1024},
    DeclaredUnit{"share", Unit::Share, 1},           DeclaredUnit{"percent", Unit::Share, 0.01},
    DeclaredUnit{"per_second", Unit::PerSecond, 1},  DeclaredUnit{"bytes_per_second", Unit::BytesPerSecond, 1},
    DeclaredUnit{"count", Unit::Count, 1},
};

constexpr auto kDeclaredNames = [] {
    std::array<std::string_view, kDeclared.size()> names{};
    std::ranges::transform(kDeclared, names.begin(), &DeclaredUnit::name);
    return names;
}();

std::string rate(double figure)
{
    return figure < 1000 ? fmt::format("{:.4g}", figure)
                         : format_count(static_cast<std::uint64_t>(std::llround(figure)));
}

}  // namespace

std::string_view name(Unit unit)
{
    switch (unit) {
    case Unit::Nanoseconds:
        return "ns";
    case Unit::Bytes:
        return "bytes";
    case Unit::Share:
        return "share";
    case Unit::PerSecond:
        return "per_second";
    case Unit::BytesPerSecond:
        return "bytes_per_second";
    case Unit::Count:
        return "count";
    }
    return "?";
}

std::span<const Metric> common_metrics()
{
    using enum Unit;
    using enum Statistic;
    static const std::array kMetrics{
        Metric{"throughput", PerSecond, true, Median, "the workload's done, op and rate lines"},
        Metric{"latency", Nanoseconds, false, Median, "the workload's op lines"},
        Metric{"success_rate", Share, true, Ratio, "the workload's done, op and fail lines"},
        Metric{"cold_start", Nanoseconds, false, Median, "the time from the start of the command on"},
        Metric{"memory", Bytes, false, Largest, "memory.peak, or the highest memory.current"},
        Metric{"memory_mean", Bytes, false, Median, "memory.current, each second"},
        Metric{"cpu", Share, false, Median, "usage_usec of cpu.stat, each second"},
        Metric{"throttled", Share, false, Median, "nr_throttled / nr_periods of cpu.stat"},
        Metric{"tasks", Count, false, Largest, "pids.peak, or the highest pids.current"},
        Metric{"io_read", BytesPerSecond, true, Median, "rbytes of io.stat, each second"},
        Metric{"io_write", BytesPerSecond, true, Median, "wbytes of io.stat, each second"},
        Metric{"io_latency", Nanoseconds, false, Median, "block requests from queueing to completion"},
        Metric{"cpu_pressure", Share, false, Median, "some of cpu.pressure"},
        Metric{"memory_pressure", Share, false, Median, "some of memory.pressure"},
        Metric{"memory_pressure_full", Share, false, Median, "full of memory.pressure"},
        Metric{"io_pressure", Share, false, Median, "some of io.pressure"},
        Metric{"oom_kills", Count, false, Total, "oom_kill of memory.events"},
        Metric{"fork_failures", Count, false, Total, "max of pids.events"},
    };
    return kMetrics;
}

const Metric* find_metric(std::string_view name, std::span<const Metric> declared)
{
    for (const auto list : {declared, common_metrics()}) {
        const auto found = std::ranges::find(list, name, &Metric::name);
        if (found != list.end())
            return &*found;
    }
    return nullptr;
}

std::optional<Metric> declared_metric(std::string name, std::string_view unit)
{
    const auto found = std::ranges::find(kDeclared, unit, &DeclaredUnit::name);
    if (found == kDeclared.end())
        return std::nullopt;
    const bool rate = found->unit == Unit::PerSecond || found->unit == Unit::BytesPerSecond;
    return Metric{.name = std::move(name),
                  .unit = found->unit,
                  .more_is_better = rate,
                  .usual = Statistic::Median,
                  .source = "the workload's value lines",
                  .scale = found->scale};
}

std::span<const std::string_view> declared_units()
{
    return kDeclaredNames;
}

std::string format(double figure, Unit unit)
{
    const auto whole = static_cast<std::uint64_t>(std::llround(std::clamp(figure, 0.0, 9e18)));
    switch (unit) {
    case Unit::Nanoseconds:
        return format_ns(whole);
    case Unit::Bytes:
        return format_bytes(whole);
    case Unit::Share:
        return format_percent(figure);
    case Unit::PerSecond:
        return rate(figure) + "/s";
    case Unit::BytesPerSecond:
        return format_bytes(whole) + "/s";
    case Unit::Count:
        return fmt::format("{:.6g}", figure);
    }
    return "?";
}

}  // namespace flyball::calibrate
