// SPDX-License-Identifier: Apache-2.0
// What is gathered about one cgroup whose cpu.max throttles, and how it becomes a finding.
#pragma once

#include "accounts.hpp"
#include "flyball/ledger/books.hpp"
#include "quota_demand.hpp"
#include "quota_slices.hpp"
#include "quota_ticks.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace flyball::profile {
struct CounterWindow;
}

namespace flyball::ledger {

// A task could not run; within its wait, when its throttler says that it was.
struct Hold {
    std::uint64_t begin_ns = 0, held_ns = 0;
    std::uint32_t cpu = 0;
};

struct Throttler {
    Throttler(std::uint64_t cgroup_id, std::uint64_t at_ns) : id(cgroup_id), demand(at_ns) {}

    void add_episode(std::uint64_t begin_ns, std::uint64_t end_ns, std::uint32_t cpu);
    // Counts the task for those of the worst episodes that held it.
    void add_hold(const Hold& hold);
    // A period's quota is spent until here; the ones before it are told.
    void begin_period(std::uint64_t refill_ns);

    std::uint64_t id;
    std::uint64_t episodes = 0, throttled_ns = 0, held_ns = 0;
    std::map<std::uint32_t, std::uint64_t> by_cpu;  // throttled ns
    std::vector<Episode> worst;                     // the longest first; begin_ns is CLOCK_MONOTONIC
    std::uint64_t last_end_ns = 0;                  // of an episode, on any CPU
    Ticks ticks;

    DemandSeries demand;
    std::uint64_t demand_since_ns = 0;  // 0: since the window began

    std::unordered_map<std::uint64_t, Cell> spenders;  // by cgroup
    std::uint64_t refill_ns = 0;                       // of the period whose spending was looked at last
    std::uint64_t covered_ns = 0;                      // until where it was looked at
    std::uint64_t spent_ns = 0;                        // in that period
    std::vector<std::uint64_t> spent;                  // in the last ones before it
    std::uint64_t spent_periods = 0;                   // all of them
    bool spending_cut = false;                         // the log did not reach back to the refill, at least once
};

// cpu.max as far as it is known.
struct CpuLimit {
    std::optional<std::uint64_t> quota_ns, period_ns;  // a period without a quota: none is set
    std::uint64_t burst_ns = 0;
    bool changed = false;  // within the window
};
[[nodiscard]] CpuLimit cpu_limit_of(const profile::CounterWindow& window);

struct QuotaContext {
    std::uint64_t start_ns = 0, end_ns = 0;  // the window, CLOCK_MONOTONIC
    Accounts::Names names;                   // of the cpu controller's hierarchy
    std::function<CpuLimit(std::string_view path)> limit_of;
};

[[nodiscard]] QuotaFinding make_finding(const Throttler& throttler, const QuotaContext& context,
                                        std::uint32_t cpus_online);

}  // namespace flyball::ledger
