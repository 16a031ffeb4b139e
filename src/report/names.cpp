// SPDX-License-Identifier: Apache-2.0
#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "text/report_parts.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>

namespace flyball::report {
namespace {

template <class Format>
Cell maybe_cell(const Maybe& value, Style style, Format format)
{
    if (!value)
        return {"n/a", Style::Dim};
    if (*value == 0)
        return {"-", Style::Dim};
    return {format(*value), style};
}

}  // namespace

Cell ns_cell(const Maybe& ns, Style style)
{
    return maybe_cell(ns, style, narrow_ns);
}
Cell count_cell(const Maybe& count, Style style)
{
    return maybe_cell(count, style, narrow_count);
}

Cell bytes_cell(std::uint64_t bytes)
{
    return bytes == kUnknown ? Cell("n/a", Style::Dim) : Cell(narrow_bytes(bytes));
}

Cell offset_cell(const Maybe& at, std::uint64_t from)
{
    if (!at)
        return {"n/a", Style::Dim};
    return {*at < from ? "-" + narrow_ns(from - *at) : "+" + narrow_ns(*at - from)};
}

std::string device_name(std::uint32_t dev)
{
    constexpr std::uint32_t kMinorBits = 20;  // include/linux/kdev_t.h
    return fmt::format("{}:{}", dev >> kMinorBits, dev & ((1U << kMinorBits) - 1));
}

std::string_view op_name(std::uint32_t op)
{
    constexpr std::array<std::string_view, FB_OP_MAX> kNames{"read", "write", "discard", "flush", "other"};
    return op < FB_OP_MAX ? kNames[op] : kNames[FB_OP_OTHER];
}

std::string size_class(std::uint32_t size_log2)
{
    if (size_log2 == 0)
        return "none";
    if (size_log2 >= 63)
        return fmt::format("from {}", format_bytes(std::uint64_t{1} << 63U));
    const auto bound = [](std::uint32_t exponent) {
        // Powers of two have no fractional part: "4 KiB", not "4.00 KiB".
        constexpr std::array<std::string_view, 7> kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
        return fmt::format("{} {}", 1U << (exponent % 10), kUnits[exponent / 10]);
    };
    return fmt::format("[{}, {})", bound(size_log2), bound(size_log2 + 1));
}

std::string_view life_name(profile::Life life)
{
    switch (life) {
    case profile::Life::Alive:
        return "alive";
    case profile::Life::Created:
        return "created";
    case profile::Life::Removed:
        return "removed";
    case profile::Life::CreatedAndRemoved:
        return "created and removed";
    }
    return "?";
}

std::string utc(std::uint64_t wall_ns)
{
    using namespace std::chrono;
    const sys_seconds at{seconds(wall_ns / 1'000'000'000)};
    const auto day = floor<days>(at);
    const year_month_day date{day};
    const hh_mm_ss time{at - day};
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                       time.minutes().count(), time.seconds().count());
}

}  // namespace flyball::report
