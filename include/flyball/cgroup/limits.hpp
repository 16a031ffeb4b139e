// SPDX-License-Identifier: Apache-2.0
// Limits that a user asks for, checked against what the kernel takes before anything is written.
//
// Pure. Errors are ErrorKind::Usage and name the input, the bound and the form expected.
#pragma once

#include "flyball/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flyball::cgroup {

// "max": no limit.
inline constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

// kernel/sched/core.c, tg_set_cfs_bandwidth(): min_cfs_quota_period 1 ms holds for quota and period,
// max_cfs_quota_period 1 s for the period; max_cfs_runtime is MAX_BW = 2^44 - 1 us. EINVAL otherwise.
inline constexpr std::uint64_t kMinCpuQuotaUs = 1'000;
inline constexpr std::uint64_t kMaxCpuQuotaUs = (std::uint64_t{1} << 44) - 1;
inline constexpr std::uint64_t kMinCpuPeriodUs = 1'000;
inline constexpr std::uint64_t kMaxCpuPeriodUs = 1'000'000;
inline constexpr std::uint64_t kDefaultCpuPeriodUs = 100'000;  // default_cfs_period()
// kernel/cgroup/pids.c: limit < 0 || limit >= PIDS_MAX is EINVAL; PIDS_MAX = PID_MAX_LIMIT + 1 and
// PID_MAX_LIMIT is 4 Mi on 64 bits. 0 would forbid even the command itself.
inline constexpr std::uint64_t kMinPids = 1;
inline constexpr std::uint64_t kMaxPids = std::uint64_t{4} << 20;
// mm/page_counter.c: limits are whole pages, rounded down. The kernel takes 0; less than a page kills
// every process before its first instruction, which nobody means.
inline constexpr std::uint64_t kMinMemoryBytes = 4096;
// PAGE_COUNTER_MAX is LONG_MAX / PAGE_SIZE pages: the kernel stores more as "max".
inline constexpr std::uint64_t kMaxMemoryBytes = (std::uint64_t{1} << 63) - 65536;

struct CpuMax {
    std::uint64_t quota_us = kUnlimited;  // CPU time in each period, of all CPUs together
    std::uint64_t period_us = kDefaultCpuPeriodUs;
    friend bool operator==(const CpuMax&, const CpuMax&) = default;
};

// What is nullopt is not written at all.
struct Limits {
    std::optional<CpuMax> cpu_max;
    std::optional<std::uint64_t> memory_max;   // bytes, or kUnlimited
    std::optional<std::uint64_t> memory_high;  // bytes, or kUnlimited; v2 only
    std::optional<std::uint64_t> pids_max;     // tasks, or kUnlimited
    [[nodiscard]] bool any() const { return cpu_max || memory_max || memory_high || pids_max; }
};

// "20ms/100ms"; "20ms" (of 100 ms); "20000 100000", "20000", "max", "max 50000" as in cpu.max; "50%" of one
// CPU and "250%" of two and a half, per 100 ms.
[[nodiscard]] Result<CpuMax> parse_cpu_max(std::string_view text);
// "64M", "1.5GiB", "max".
[[nodiscard]] Result<std::uint64_t> parse_memory_limit(std::string_view text);
// "512", "max".
[[nodiscard]] Result<std::uint64_t> parse_pids_max(std::string_view text);

// The bounds above; and memory.high below memory.max, for above it, it would never act.
[[nodiscard]] Result<> validate(const Limits& limits);

// What to write: "20000 100000", "max 100000"; "67108864", "max". v1's quota and bytes say -1 for max.
[[nodiscard]] std::string cpu_max_text(const CpuMax& limit);
[[nodiscard]] std::string limit_text(std::uint64_t limit);

}  // namespace flyball::cgroup
