// SPDX-License-Identifier: Apache-2.0
// What the ledger says, as plain values: where each cgroup's time went, and who took it.
//
// Immutable once built. Times are nanoseconds of task time (two tasks that wait for a second each: two
// seconds) unless a name says otherwise.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::ledger {

// The one owner of a nanosecond of a task's life.
enum class Part : std::uint8_t {
    // on a CPU
    Run,
    Interrupted,  // interrupts and steal took the CPU within its slice
    // runnable, and waiting
    Held,            // by the cpu.max of a named cgroup
    Displaced,       // a task of a named other cgroup ran on that CPU
    OwnTasks,        // another task of its own cgroup did
    KernelThreads,   // a kernel thread did
    WaitInterrupts,  // interrupts and steal within the slice of whoever ran
    WaitIdle,        // nobody did: wake-up latency
    WaitUnknown,     // who ran is not known (events were folded, or hidden from us)
    // blocked
    MemoryHigh,     // asleep for memory.high
    MemoryReclaim,  // asleep in direct reclaim
    MemoryRefault,  // asleep for swap-in or a refault
    MemoryOther,    // in a memory stall whose cause was not told
    IoThrottled,    // its request was not let in yet: io.max, iocost, no free tag
    IoQueued,       // in the queue before the driver
    IoDevice,       // in the device
    IoOther,        // in iowait, but no request of its own was seen
    Sleep,          // by choice
    BlockedBefore,  // blocked since before the window: the cause was not seen
    Unknown,        // not attributed
};
inline constexpr std::size_t kParts = static_cast<std::size_t>(Part::Unknown) + 1;

// snake_case, as in JSON.
[[nodiscard]] std::string_view name(Part part);

enum class Family : std::uint8_t { Run, Wait, Blocked, Unknown };
[[nodiscard]] Family family(Part part);

using Parts = std::array<std::uint64_t, kParts>;

[[nodiscard]] inline std::uint64_t at(const Parts& parts, Part part)
{
    return parts[static_cast<std::size_t>(part)];
}
[[nodiscard]] inline std::uint64_t total(const Parts& parts)
{
    return std::accumulate(parts.begin(), parts.end(), std::uint64_t{0});
}
[[nodiscard]] std::uint64_t total(const Parts& parts, Family family);

struct TaskShare {
    std::uint32_t tid = 0;
    std::string comm;  // "?" when no name was seen
    std::uint64_t ns = 0;
    friend bool operator==(const TaskShare&, const TaskShare&) = default;
};

// A cell of the interference matrix: what one aggressor took from one victim.
struct Blame {
    std::string path;  // the aggressor's cgroup; "?" unknown
    std::uint64_t ns = 0;
    std::map<std::uint32_t, std::uint64_t> by_cpu;  // ns
    std::vector<TaskShare> tasks;                   // the worst, worst first; their sum may be less than ns
    friend bool operator==(const Blame&, const Blame&) = default;
};

// One cgroup, without those below it.
struct Account {
    std::string path;
    std::uint64_t tasks = 0;    // that lived in it, for however short
    std::uint64_t life_ns = 0;  // the time that they lived within the window: the sum of parts
    Parts parts{};
    std::uint64_t waits = 0;            // run-queue waits that ended in the window
    std::uint64_t longest_wait_ns = 0;  // with its held part
    std::vector<Blame> held_by;         // by throttler; sums to Held. Worst first, as all lists here
    std::vector<Blame> displaced_by;    // sums to Displaced
    std::vector<TaskShare> own_tasks;   // behind OwnTasks
    std::vector<TaskShare> kernel_threads;
    std::vector<TaskShare> burn;  // who used its CPU time: sums to Run + Interrupted, less the smallest
    friend bool operator==(const Account&, const Account&) = default;
};

// Requests of one cgroup that waited in the queue of a device while others' were served.
struct IoBlame {
    std::string path;  // victim
    std::uint64_t requests = 0;
    std::uint64_t queued_ns = 0;   // request time before dispatch: the sum of what follows
    std::uint64_t unknown_ns = 0;  // nothing was seen in service
    std::vector<Blame> behind;     // whose requests were in service, its own included
    friend bool operator==(const IoBlame&, const IoBlame&) = default;
};

// What a cgroup's own cpu.max did: see quota.hpp for how each is worked out.
struct Episode {
    std::uint64_t begin_ns = 0;  // since the beginning of the window
    std::uint64_t duration_ns = 0;
    std::uint32_t cpu = 0;
    std::uint32_t held_tasks = 0;  // runnable tasks that it kept off that CPU
    friend bool operator==(const Episode&, const Episode&) = default;
};
struct DemandBin {
    double cpus = 0;  // upper edge: CPU time asked for in a period, over the period
    std::uint64_t periods = 0;
    friend bool operator==(const DemandBin&, const DemandBin&) = default;
};
struct QuotaFinding {
    std::string path;
    std::optional<std::uint64_t> quota_ns, period_ns;  // as set; nullopt: not known
    std::uint64_t episodes = 0;
    std::uint64_t throttled_ns = 0;                 // CPU x time, as cpu.stat throttled_usec
    std::uint64_t held_ns = 0;                      // task time lost to it, by whichever cgroup below
    std::vector<Episode> worst;                     // the longest, longest first
    std::map<std::uint32_t, std::uint64_t> by_cpu;  // throttled ns
    std::vector<Blame> spenders;                    // which cgroup at or below spent the quota before the episodes
    std::vector<DemandBin> demand;                  // of the periods
    std::optional<std::uint64_t> enough_quota_ns;   // would have avoided 99 % of held_ns, with no burst
    std::optional<std::uint64_t> enough_burst_ns;   // or the quota as it is with this burst
    std::string note;                               // why one of them is not given
    friend bool operator==(const QuotaFinding&, const QuotaFinding&) = default;
};

// How far the books can be trusted.
struct Proof {
    std::uint64_t waits = 0;                // decomposed
    std::uint64_t unbalanced_waits = 0;     // parts do not sum to the wait: 0, or a bug
    std::uint64_t unbalanced_accounts = 0;  // parts do not sum to the life of the tasks: 0, or a bug
    std::uint64_t late_events = 0;
    std::uint64_t chain_breaks = 0;   // switches that were folded, or hidden from BPF programs
    std::uint64_t folded_events = 0;  // in the kernel: counted, but not to be attributed
    friend bool operator==(const Proof&, const Proof&) = default;
};

struct Books {
    std::uint64_t window_ns = 0;
    std::vector<Account> accounts;     // sorted by path
    std::vector<IoBlame> io;           // sorted by path
    std::vector<QuotaFinding> quotas;  // worst first
    Proof proof;
    friend bool operator==(const Books&, const Books&) = default;
};

// The cgroup and all below it as one account: who is inside is no longer an aggressor, but OwnTasks.
[[nodiscard]] Account subtree(const Books& books, std::string_view path);

}  // namespace flyball::ledger
