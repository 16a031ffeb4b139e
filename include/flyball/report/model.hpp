// SPDX-License-Identifier: Apache-2.0
// What a report says, worked out once: the renderers only print it. The same Snapshot gives the
// same model and the same bytes; nothing in it depends on when or where it is rendered.
#pragma once

#include "flyball/audit/audit.hpp"
#include "flyball/profile/snapshot.hpp"
#include "flyball/report/metrics.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace flyball::report {

struct Options {
    std::vector<std::string> cgroups;  // -c: only these and those below them; empty: all
    std::size_t top = 5;               // cgroups that the text shows in full
    bool all = false;                  // in full: every cgroup, every audit row, every short-lived name
    std::size_t short_lived = 10;      // names of cgroups that came and went
};

// nullopt: not measured. Never zero in its place.
using Maybe = std::optional<std::uint64_t>;

struct MetricStats {
    const Metric* metric = nullptr;
    std::uint64_t count = 0, sum = 0, min = 0, max = 0;
    double mean = 0;
    std::uint64_t p50 = 0, p90 = 0, p99 = 0, p999 = 0;
    std::vector<profile::Histogram::Bucket> buckets;
};

struct CountStats {
    const Metric* metric = nullptr;
    bool measured = false;
    std::uint64_t count = 0, sum = 0, max = 0;
};

// Where the time of a cgroup's own tasks went. Sums over tasks: may exceed the window.
struct TimeSplit {
    Maybe on_cpu_ns, wait_ns, held_ns;
    Maybe mem_stall_ns;         // memory.high + reclaim + refault + global reclaim
    std::uint64_t lost_ns = 0;  // wait + held + mem_stall, of what was measured
    Maybe wait_p99_ns;
    Maybe io_p99_ns;  // reads and writes, queue and device
    Maybe oom_kills;
    // held / (on_cpu + wait + held): of the time that tasks wanted a CPU, the share cpu.max took.
    std::optional<double> held_ratio;
};

struct Holder {
    std::string path;
    std::uint64_t ns = 0;
};

struct Throttling {
    std::vector<Holder> held_by;  // longest first
    std::map<std::uint32_t, profile::Count> by_cpu;
    std::optional<std::uint64_t> periods, throttled_periods;  // cpu.stat, over the window
};

struct IoRow {
    std::uint32_t dev = 0, op = 0, size_log2 = 0;
    std::uint64_t count = 0, sum_ns = 0, p50_ns = 0, p99_ns = 0, max_ns = 0;
};

struct CgroupReport {
    std::string path;
    profile::Life life = profile::Life::Alive;
    TimeSplit time;
    std::vector<MetricStats> metrics;  // those that are not empty
    std::vector<CountStats> counts;    // all of them
    Throttling throttling;
    std::vector<IoRow> io;  // by device, direction, size

    [[nodiscard]] const MetricStats* find(fb_metric id) const;
    [[nodiscard]] const CountStats* find_count(fb_metric id) const;
};

struct OomReport {
    profile::OomEpisode episode;
    std::uint64_t after_start_ns = 0;
    // What the domain held at the decision, less what was left when the last victim was gone. Known
    // only if that victim was the domain's own.
    Maybe freed_bytes;
};

struct Lifecycle {
    std::uint64_t seen = 0, created = 0, removed = 0;
    std::vector<std::string> short_lived;  // created and removed in the window: names of the first
    std::uint64_t short_lived_total = 0;
};

struct ProgramTotals {
    std::uint32_t prog = 0;
    std::uint64_t cpus = 0;
    std::uint64_t attempted = 0, delivered = 0, folded = 0, dropped = 0, untracked = 0;
    bool balances = true;  // on each of its CPUs
};

struct Warning {
    std::string id;    // "dropped", "incomplete", ...: for programs
    std::string text;  // for people
};

struct ReportModel {
    profile::Meta meta;
    std::uint64_t window_ns = 0;
    std::vector<Warning> warnings;
    std::vector<CgroupReport> cgroups;  // worst first; those with anything to tell
    std::size_t in_full = 0;            // the first so many, in text
    std::uint64_t idle = 0;             // cgroups seen that nothing happened in
    std::vector<OomReport> ooms;
    std::uint64_t sigkills_not_oom = 0;
    Lifecycle life;
    std::vector<audit::AuditRow> audit;
    audit::Summary audit_summary;
    bool all_audit_rows = false;
    profile::Loss loss;
    ProgramTotals loss_total;
    std::vector<ProgramTotals> loss_programs;
    bool incomplete = false;
};

[[nodiscard]] ReportModel build(const profile::Snapshot& snapshot, std::span<const audit::AuditRow> audit,
                                const Options& options = {});

struct TextOptions {
    int width = 80;  // at least 60
    bool color = false;
};

[[nodiscard]] std::string render_text(const ReportModel& model, const TextOptions& options = {});

// docs/report-json.md has it in full.
inline constexpr const char* kJsonSchema = "flyball.report/1";
[[nodiscard]] std::string render_json(const ReportModel& model);

}  // namespace flyball::report
