// SPDX-License-Identifier: Apache-2.0
// The kernel's own counters of a cgroup: what flyball's numbers are checked against.
//
// Sources: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/*.rst; kernel/sched/core.c
// (cpu_cfs_stat_show: throttled_time in ns on v1; cpu_extra_stat_show: throttled_usec on v2);
// mm/memcontrol*.c; block/blk-cgroup.c; kernel/sched/psi.c.
//
// A file or field that is absent is nullopt (or no key), never 0. The parsers are pure, take any text and
// skip lines they do not understand; a number that does not fit 64 bits, also after conversion to ns, is
// absent. All functions may be called from any thread.
#pragma once

#include "flyball/cgroup/mounts.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace flyball::cgroup {

// Field for field profile::KernelCounters.
struct Counters {
    std::uint64_t at_ns = 0;                    // CLOCK_MONOTONIC before the first file was read
    std::optional<std::uint64_t> throttled_ns;  // by its own cpu.max
    std::optional<std::uint64_t> nr_periods, nr_throttled;
    std::optional<std::uint64_t> throttled_local_ns;  // cpu.stat.local (since v6.6): own and inherited
    std::optional<std::uint64_t> usage_ns;            // v1 cpuacct.usage, v2 usage_usec
    // The limit in force: v2 cpu.max and cpu.max.burst, v1 cpu.cfs_quota_us, _period_us and _burst_us. A
    // period without a quota: there is no limit.
    std::optional<std::uint64_t> cpu_quota_ns, cpu_period_ns, cpu_burst_ns;
    // v2: as in memory.events. v1 has no such file: "v1.oom_kill" (memory.oom_control; of this cgroup alone,
    // for memcg_memory_event stops there on v1) and "v1.failcnt" (limit hits) instead.
    std::map<std::string, std::uint64_t> memory_events;
    std::map<std::string, std::uint64_t> memory_events_local;
    std::optional<std::uint64_t> memory_peak_bytes;  // memory.peak (since v5.19); v1 max_usage_in_bytes
    std::optional<std::uint64_t> pids_peak, pids_max_events;
    std::optional<std::uint64_t> io_rbytes, io_wbytes, io_rios, io_wios;  // sums over devices, hierarchical
    std::map<std::string, std::uint64_t> pressure_us;                     // "cpu.some", "memory.full", ...: total=

    // Nothing was there: the cgroup is gone (or never was).
    [[nodiscard]] bool empty() const;
};

// Each controller's files are read where that controller is. On a hybrid machine `path` may exist in some
// hierarchies only: what is elsewhere is absent.
[[nodiscard]] Counters read_counters(const Layout& layout, std::string_view path);

// "name value" lines: cpu.stat, memory.events, memory.oom_control, pids.events.
[[nodiscard]] std::map<std::string, std::uint64_t> parse_flat_keyed(std::string_view text);

// A file that holds one number. "max" is nullopt.
[[nodiscard]] std::optional<std::uint64_t> parse_single(std::string_view text);

struct IoSums {
    std::uint64_t rbytes = 0, wbytes = 0, rios = 0, wios = 0;
};
// v2 io.stat. An empty text is zeros: no device was used. Kernels before 5.14 may print a device
// without fields, or two devices on one line, and iocost and iolatency add fields of their own.
[[nodiscard]] IoSums parse_io_stat(std::string_view text);

struct ReadWrite {
    std::uint64_t read = 0, write = 0;
};
// v1 blkio.throttle.io_service_bytes_recursive and io_serviced_recursive: "8:0 Read 4096".
[[nodiscard]] ReadWrite parse_blkio_throttle(std::string_view text);

struct Pressure {
    std::optional<std::uint64_t> some_us, full_us;
};
[[nodiscard]] Pressure parse_pressure(std::string_view text);

}  // namespace flyball::cgroup
