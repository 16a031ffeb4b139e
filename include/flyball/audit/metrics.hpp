// SPDX-License-Identifier: Apache-2.0
// The one table of metrics: what each fb_metric is called, counted in and means.
//
// It stands in the audit's room and not in the report's because both name metrics, and a room uses
// only earlier ones. Text, JSON, coverage and docs take their names from here.
#pragma once

#include "flyball/abi/events.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace flyball::audit {

enum class Unit { Nanoseconds, Bytes, Pages, Count };

struct Metric {
    fb_metric id = FB_M_NONE;
    std::string_view name;  // "cpu.wait": the key in JSON and coverage
    Unit unit = Unit::Count;
    std::string_view title;   // a few words
    std::string_view help;    // a sentence: what is measured, from where to where
    std::string_view source;  // the metric whose coverage is its own; empty: itself
};

// All metrics but the self-test's, histograms first, in the order of a report.
[[nodiscard]] std::span<const Metric> metrics();

// Those that are distributions (fb_metric < FB_M_HIST_MAX), and those that only count.
[[nodiscard]] std::span<const Metric> histogram_metrics();
[[nodiscard]] std::span<const Metric> count_metrics();

// nullptr: no such metric.
[[nodiscard]] const Metric* find_metric(fb_metric id);
[[nodiscard]] const Metric* find_metric(std::string_view name);

// The metric of the coverage table that says whether this one was measured.
[[nodiscard]] std::string_view coverage_name(const Metric& metric);

// "ns", "bytes", "pages", "count": the suffix of a JSON key.
[[nodiscard]] std::string_view unit_name(Unit unit);

// "sched_switch", ...; "?" for a number that is no program.
[[nodiscard]] std::string_view program_name(std::uint32_t prog);

}  // namespace flyball::audit
