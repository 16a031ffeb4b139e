// SPDX-License-Identifier: Apache-2.0
#include "flyball/audit/metrics.hpp"

#include <algorithm>
#include <array>

namespace flyball::audit {
namespace {

using enum Unit;

// clang-format off
constexpr std::array kMetrics{
    Metric{FB_M_CPU_WAIT, "cpu.wait", Nanoseconds, "waiting for a CPU",
           "From runnable (woken, created or preempted) to running, less the time that cpu.max held the task."},
    Metric{FB_M_CPU_THROTTLED_WAIT, "cpu.held", Nanoseconds, "held by cpu.max",
           "Time that a runnable task was kept off the CPU by its own cgroup's or an ancestor's cpu.max."},
    Metric{FB_M_CPU_SLICE, "cpu.slice", Nanoseconds, "on the CPU at a stretch",
           "From switch-in to switch-out; the sum is the time on the CPU."},
    Metric{FB_M_THROTTLE_OWN, "cpu.throttle.own", Nanoseconds, "throttle episodes, own limit",
           "One episode of one CPU's run queue held by the cgroup's own cpu.max."},
    Metric{FB_M_THROTTLE_INHERITED, "cpu.throttle.inherited", Nanoseconds, "throttle episodes, an ancestor's limit",
           "One episode of one CPU's run queue held by an ancestor's cpu.max."},
    Metric{FB_M_MEM_CHARGE, "mem.charge", Bytes, "memory charged at once",
           "Bytes of one charge; small charges come out of the per-CPU stock and are not seen one by one."},
    Metric{FB_M_MEM_CHARGE_STALL, "mem.charge_stall", Nanoseconds, "charges that had to reclaim",
           "Time that a charge spent in reclaim before it returned; contains mem.reclaim."},
    Metric{FB_M_MEM_HIGH, "mem.high", Nanoseconds, "slept for memory.high",
           "Sleep that the kernel imposes for being above memory.high, on the way back to user space."},
    Metric{FB_M_MEM_RECLAIM, "mem.reclaim", Nanoseconds, "direct reclaim at a memory limit",
           "Time that a task spent in reclaim of a memory cgroup."},
    Metric{FB_M_MEM_REFAULT, "mem.refault", Nanoseconds, "swap-in, refault, thrashing",
           "Memory stall as PSI defines it that is neither reclaim nor memory.high."},
    Metric{FB_M_MEM_GLOBAL_RECLAIM, "mem.global_reclaim", Nanoseconds, "direct reclaim for the machine",
           "Time that a task spent in reclaim because the whole machine was short."},
    Metric{FB_M_IO_QUEUE_READ, "io.queue.read", Nanoseconds, "reads waiting for dispatch",
           "From the request's allocation to its issue to the driver."},
    Metric{FB_M_IO_QUEUE_WRITE, "io.queue.write", Nanoseconds, "writes waiting for dispatch",
           "From the request's allocation to its issue to the driver."},
    Metric{FB_M_IO_DEVICE_READ, "io.device.read", Nanoseconds, "reads in the device",
           "From issue to the driver to completion."},
    Metric{FB_M_IO_DEVICE_WRITE, "io.device.write", Nanoseconds, "writes in the device",
           "From issue to the driver to completion."},
    Metric{FB_M_IO_TOTAL_READ, "io.total.read", Nanoseconds, "reads, queue and device",
           "From the request's allocation to its completion."},
    Metric{FB_M_IO_TOTAL_WRITE, "io.total.write", Nanoseconds, "writes, queue and device",
           "From the request's allocation to its completion."},
    Metric{FB_M_IO_SIZE_READ, "io.size.read", Bytes, "bytes of a read",
           "Bytes of one bio before merging: count and sum are what io.stat calls rios and rbytes."},
    Metric{FB_M_IO_SIZE_WRITE, "io.size.write", Bytes, "bytes of a write",
           "Bytes of one bio before merging: count and sum are what io.stat calls wios and wbytes."},
    Metric{FB_M_IO_DEVICE_OTHER, "io.device.other", Nanoseconds, "flush, discard in the device",
           "From issue to completion of requests that neither read nor write."},
    // ---- counts
    Metric{FB_M_WAKEUPS, "cpu.wakeups", Count, "wake-ups", "Times that a task of the cgroup was woken."},
    Metric{FB_M_MIGRATIONS, "cpu.migrations", Count, "moves between CPUs", "Times that a task changed its CPU."},
    Metric{FB_M_PREEMPTIONS, "cpu.preemptions", Count, "preemptions",
           "Times that a task left the CPU runnable, and not for cpu.max."},
    Metric{FB_M_THROTTLED_SWITCHES, "cpu.throttled_switches", Count, "switched out by cpu.max",
           "Times that a task left the CPU because of cpu.max.", "cpu.throttle.own"},
    Metric{FB_M_CHARGE_FAILED, "mem.charge_failed", Bytes, "charges refused",
           "Charges that returned an error; the sum is the bytes asked for.", "mem.charge"},
    Metric{FB_M_RECLAIMED_PAGES, "mem.reclaimed", Pages, "pages reclaimed",
           "Reclaim passes, and the pages that they freed.", "mem.reclaim"},
    Metric{FB_M_IO_ERRORS, "io.errors", Count, "failed requests", "Requests that completed with an error."},
    Metric{FB_M_IO_SIZE_OTHER, "io.size.other", Bytes, "bytes of flushes, discards",
           "Bios that neither read nor write, and their bytes."},
    Metric{FB_M_FORKS, "pids.forks", Count, "tasks created", "Processes and threads created in the cgroup."},
    Metric{FB_M_EXITS, "pids.exits", Count, "tasks ended", "Processes and threads that ended in the cgroup."},
    Metric{FB_M_FORKS_REFUSED, "pids.refused", Count, "forks refused",
           "Forks that failed because of the cgroup's or an ancestor's pids.max."},
    Metric{FB_M_PIDS_PEAK, "pids.peak", Count, "most tasks at once",
           "Largest number of tasks seen at a fork or exit in the cgroup itself."},
};
// clang-format on

constexpr std::size_t kHistograms = 20;
static_assert(kMetrics[kHistograms - 1].id < FB_M_HIST_MAX && kMetrics[kHistograms].id > FB_M_HIST_MAX);
static_assert(kHistograms == FB_M_HIST_MAX - 2, "every histogram but NONE and SELFTEST has a name");
static_assert(kMetrics.size() - kHistograms == FB_M_MAX - FB_M_WAKEUPS, "every count has a name");

constexpr std::array<std::string_view, FB_P_MAX> kPrograms{
    "?",        "sched_switch", "sched_wakeup", "sched_migrate", "fork",      "exit", "fork_refused",
    "throttle", "charge",       "mem_high",     "mem_reclaim",   "mem_stall", "bio",  "request",
    "oom",      "cgroup",       "selftest",
};
static_assert(!kPrograms.back().empty());

}  // namespace

std::span<const Metric> metrics()
{
    return kMetrics;
}
std::span<const Metric> histogram_metrics()
{
    return metrics().first(kHistograms);
}
std::span<const Metric> count_metrics()
{
    return metrics().subspan(kHistograms);
}

const Metric* find_metric(fb_metric id)
{
    const auto* found = std::ranges::find(kMetrics, id, &Metric::id);
    return found == kMetrics.end() ? nullptr : found;
}

const Metric* find_metric(std::string_view name)
{
    const auto* found = std::ranges::find(kMetrics, name, &Metric::name);
    return found == kMetrics.end() ? nullptr : found;
}

std::string_view coverage_name(const Metric& metric)
{
    return metric.source.empty() ? metric.name : metric.source;
}

std::string_view unit_name(Unit unit)
{
    switch (unit) {
    case Nanoseconds:
        return "ns";
    case Bytes:
        return "bytes";
    case Pages:
        return "pages";
    case Count:
        return "count";
    }
    return "?";
}

std::string_view program_name(std::uint32_t prog)
{
    return prog < FB_P_MAX ? kPrograms[prog] : kPrograms[0];
}

}  // namespace flyball::audit
