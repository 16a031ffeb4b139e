// SPDX-License-Identifier: Apache-2.0
#include "tune_values.hpp"

#include "cells.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/base/units.hpp"
#include "flyball/cgroup/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flyball::report {
namespace {

using TuneUnit = tune::Unit;

constexpr std::string_view kNotKnown = "n/a";
// Beyond it no double is a is_whole number of anything.
constexpr double kMostWhole = 9e15;

bool is_whole(double value)
{
    return std::floor(value) == value;
}

// Three significant digits, and no fewer before the point than there are; large ones as counts are written.
std::string three_digits(double value)
{
    constexpr double kMostDigits = 99'999.5, kThreeDigits = 99.95;
    if (value >= kMostDigits)
        return format_count(static_cast<std::uint64_t>(std::llround(value)));
    if (value == 0 || value >= kThreeDigits)
        return fmt::format("{:.0f}", value);
    return fmt::format("{:#.3g}", value);
}

// To the last digit up to nine of them.
std::string nine_digits(double value)
{
    constexpr double kNineDigits = 999'999'999;
    return is_whole(value) && value <= kNineDigits ? fmt::format("{:.0f}", value) : three_digits(value);
}

std::string positive(double value, TuneUnit unit)
{
    const auto rounded = static_cast<std::uint64_t>(std::llround(value));
    switch (unit) {
    case TuneUnit::Nanoseconds:
        return format_ns(rounded);
    case TuneUnit::Bytes:
        return format_bytes(rounded);
    case TuneUnit::Tasks:
        return nine_digits(value) + (value == 1 ? " task" : " tasks");
    case TuneUnit::Share:
        return format_percent(value);
    case TuneUnit::Cpus:
        return three_digits(value) + " CPUs";
    case TuneUnit::PerSecond:
        return three_digits(value) + " per s";
    case TuneUnit::None:
        break;
    }
    return nine_digits(value);
}

template <class Words>
std::string range_in(const std::optional<stats::Interval>& interval, Words words)
{
    if (!interval || std::isnan(interval->low) || std::isnan(interval->high))
        return std::string(kNotKnown);
    const bool low = std::isfinite(interval->low), high = std::isfinite(interval->high);
    if (low && high)
        return joined(words(interval->low), words(interval->high));
    if (low)
        return "at least " + words(interval->low);
    return high ? "at most " + words(interval->high) : std::string(kNotKnown);
}

}  // namespace

std::string joined(const std::string& low, const std::string& high)
{
    if (low == high)
        return low;
    const auto space = std::min(low.find(' '), low.size());
    const std::string_view unit = std::string_view(low).substr(space);
    // Not of "2 min 03 s".
    const bool once = unit.find_first_of("0123456789") == std::string_view::npos;
    const bool same = once && unit == std::string_view(high).substr(std::min(high.find(' '), high.size()));
    return fmt::format("{} to {}", same ? low.substr(0, space) : low, high);
}

std::optional<Quota> quota_of(std::string_view text)
{
    const auto fields = split_blanks(text);
    if (fields.empty() || fields.size() > 2)
        return std::nullopt;
    const auto quota = parse_u64(fields[0]);
    const auto period = fields.size() == 2 ? parse_u64(fields[1]) : std::optional(cgroup::kDefaultCpuPeriodUs);
    if (!quota || !period || *period == 0)
        return std::nullopt;
    return Quota{*quota, *period};
}

bool unlimited(std::string_view text)
{
    const auto fields = split_blanks(text);
    return !fields.empty() && fields[0] == "max";
}

std::string_view without_default(std::string_view text)
{
    constexpr std::string_view kDefault = "default ";
    return text.starts_with(kDefault) ? text.substr(kDefault.size()) : text;
}

std::string quantity(double value, TuneUnit unit)
{
    if (!std::isfinite(value) || std::abs(value) > kMostWhole)
        return std::string(kNotKnown);
    return value < 0 ? "-" + positive(-value, unit) : positive(value, unit);
}

std::string range(const std::optional<stats::Interval>& interval, TuneUnit unit)
{
    return range_in(interval, [&](double value) { return quantity(value, unit); });
}

std::string ratio_range(const std::optional<stats::Interval>& interval)
{
    return range_in(interval, [](double value) { return fmt::format("{:.3g}", value); });
}

std::string confidence_words(double confidence)
{
    const double percent = std::floor(confidence * 1000 + 1e-6) / 10;
    return fmt::format("{:.3g}%", percent);
}

std::string limit_words(const tune::Value& value, std::string_view text)
{
    if (trim(text).empty())
        return std::string(kNotKnown);
    if (unlimited(text))
        return "no limit";
    if (value.file == "cpu.max") {
        if (const auto quota = quota_of(text))
            return fmt::format("{} / {}\n= {}", format_ns(quota->quota_us * 1000), format_ns(quota->period_us * 1000),
                               quantity(quota->cpus(), TuneUnit::Cpus));
    }
    const auto number = parse_u64(trim(without_default(text)));
    if (!number)
        return harmless(text);
    // The files of the CPU have microseconds.
    if (value.unit == TuneUnit::Nanoseconds)
        return *number == 0 ? "none" : format_ns(*number * 1000);
    return quantity(static_cast<double>(*number), value.unit);
}

std::string interval_words(const tune::Value& value)
{
    std::string words = range(value.interval, value.unit);
    if (words == kNotKnown)
        return words;
    if (value.confidence > 0 && value.confidence < 1)
        words += fmt::format(" ({})", confidence_words(value.confidence));
    const auto quota = value.file == "cpu.max" ? quota_of(value.text) : std::nullopt;
    if (!quota)
        return words;
    const double period_ns = static_cast<double>(quota->period_us) * 1000;
    return words + "\n= " +
           range(stats::Interval{value.interval->low / period_ns, value.interval->high / period_ns}, TuneUnit::Cpus);
}

}  // namespace flyball::report
