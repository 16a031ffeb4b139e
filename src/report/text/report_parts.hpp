// SPDX-License-Identifier: Apache-2.0
// The blocks of the text, from top to bottom.
#pragma once

#include "canvas.hpp"
#include "flyball/report/model.hpp"

namespace flyball::report {

void text_head(const ReportModel& model, Canvas& canvas);
void text_summary(const ReportModel& model, Canvas& canvas);
void text_oom(const ReportModel& model, Canvas& canvas);
void text_cgroup(const CgroupReport& cgroup, std::size_t rank, Canvas& canvas);
void text_lifecycle(const ReportModel& model, Canvas& canvas);
void text_coverage(const ReportModel& model, Canvas& canvas);
void text_audit(const ReportModel& model, Canvas& canvas);
void text_losses(const ReportModel& model, Canvas& canvas);

// bcc's and bpftrace's log2 histogram.
void text_histogram(const MetricStats& stats, Canvas& canvas);

// Rows of a log2 histogram: the log-linear buckets added up by power of two, gaps included.
struct Log2Row {
    std::uint64_t low = 0, high = 0;  // both inclusive
    std::uint64_t count = 0;
    friend bool operator==(const Log2Row&, const Log2Row&) = default;
};
[[nodiscard]] std::vector<Log2Row> log2_rows(const std::vector<profile::Histogram::Bucket>& buckets);

// "n/a" where nothing was measured, "-" for nothing seen.
[[nodiscard]] Cell ns_cell(const Maybe& ns, Style style = Style::Plain);
[[nodiscard]] Cell count_cell(const Maybe& count, Style style = Style::Plain);
// "61.0M"; "n/a" of kUnknown.
[[nodiscard]] Cell bytes_cell(std::uint64_t bytes);
// "+1.23ms" after FROM; "n/a" where it was not seen.
[[nodiscard]] Cell offset_cell(const Maybe& at, std::uint64_t from);

// "254:16"; "read".
[[nodiscard]] std::string device_name(std::uint32_t dev);
[[nodiscard]] std::string_view op_name(std::uint32_t op);
// "4 KiB..8 KiB" of floor(log2(bytes)).
[[nodiscard]] std::string size_class(std::uint32_t size_log2);

// "alive", "created", "removed", "created and removed".
[[nodiscard]] std::string_view life_name(profile::Life life);

// "2026-01-31 12:34:56 UTC" of CLOCK_REALTIME.
[[nodiscard]] std::string utc(std::uint64_t wall_ns);

}  // namespace flyball::report
