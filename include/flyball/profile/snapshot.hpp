// SPDX-License-Identifier: Apache-2.0
// What a recording says, as plain values: everything a report or an analysis may use.
//
// A Snapshot is immutable once built. Two ways lead to it, with the same result: the live
// accumulator, and replaying a recording. Times are nanoseconds of CLOCK_MONOTONIC unless a name says
// otherwise, sizes are bytes.
#pragma once

#include "flyball/abi/events.h"
#include "flyball/profile/histogram.hpp"
#include "flyball/profile/stacks.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::profile {

// How a metric was obtained, or why it could not be. Never absent: unavailable is not zero.
struct Coverage {
    std::string metric;  // "cpu.wait", "memory.high", ...
    bool available = false;
    std::string hook;    // "tp_btf/sched_switch"; of what is used
    std::string note;    // semantics that differ from the best hook; or why it is unavailable
    std::string remedy;  // what the user can do about it
    friend bool operator==(const Coverage&, const Coverage&) = default;
};

struct Meta {
    std::string flyball_version;
    int abi = FB_ABI_VERSION;
    std::string host;
    std::string kernel;  // uname -r
    std::string arch;
    std::uint32_t cpus = 0;      // online
    std::uint64_t start_ns = 0;  // CLOCK_MONOTONIC
    std::uint64_t end_ns = 0;
    std::uint64_t start_wall_ns = 0;  // CLOCK_REALTIME at start_ns
    std::string clock = "monotonic";
    std::vector<std::string> filters;  // -c, as given
    std::string command;               // -- CMD, empty otherwise
    std::string command_cgroup;        // made for it, as a path; empty: none, or by a flyball that did not say
    // controller -> hierarchy id (0: unified). Controllers: cpu memory io pids.
    std::map<std::string, int> hierarchy;
    std::vector<std::string> kernel_fields;  // facts that change the meaning of the kernel's own counters
    std::vector<Coverage> coverage;
    std::vector<std::string> warnings;  // said once by the recorder: a limit could not be set, ...
    friend bool operator==(const Meta&, const Meta&) = default;
};

// attempted = delivered + folded + dropped; delivered is counted by the reader.
struct ProgramLoss {
    std::uint32_t prog = 0;  // enum fb_prog
    std::uint32_t cpu = 0;
    std::uint64_t attempted = 0;
    std::uint64_t delivered = 0;
    std::uint64_t folded = 0;
    std::uint64_t dropped = 0;
    std::uint64_t untracked = 0;
    [[nodiscard]] bool balances() const { return attempted == delivered + folded + dropped; }
    friend bool operator==(const ProgramLoss&, const ProgramLoss&) = default;
};

struct Loss {
    std::vector<ProgramLoss> programs;                      // one a (prog, cpu) with attempted > 0
    std::map<std::string, std::uint64_t> recursion_misses;  // BPF program name -> misses
    std::uint64_t sequence_gaps = 0;                        // lost batches seen by the reader: always a bug
    std::uint64_t unknown_records = 0;                      // of a type, kind or size this version does not know
    friend bool operator==(const Loss&, const Loss&) = default;
};

// A count with the sum of what was counted: fb_metric >= FB_M_WAKEUPS.
struct Count {
    std::uint64_t count = 0;
    std::uint64_t sum = 0;
    std::uint64_t max = 0;
    friend bool operator==(const Count&, const Count&) = default;
};

enum class Life { Alive, Created, Removed, CreatedAndRemoved };

// One cgroup, by path. On a hybrid host the same path in several hierarchies is one cgroup here:
// each metric comes from the hierarchy of its controller.
struct CgroupProfile {
    std::string path;                  // "/" root, "/a/b"; "?<hierarchy>:<id>" when no name was ever seen
    std::map<int, std::uint64_t> ids;  // hierarchy -> cgroup id
    Life life = Life::Alive;
    // How often a cgroup of this path was made and removed in the window: of the hierarchy where that was most often.
    std::uint32_t times_created = 0, times_removed = 0;
    std::array<Histogram, FB_M_HIST_MAX> hist;            // by fb_metric
    std::array<Count, FB_M_MAX - FB_M_WAKEUPS> counts{};  // by fb_metric - FB_M_WAKEUPS
    // who held this cgroup's tasks: throttler path -> ns, "?" unknown
    std::map<std::string, std::uint64_t> held_by_ns;
    // Throttle episodes by CPU: (count, ns)
    std::map<std::uint32_t, Count> throttle_by_cpu;
    // Requests by (device dev_t, op fb_op, size class: log2 of KiB rounded down, 0: < 1 KiB ... ):
    struct IoClass {
        std::uint32_t dev = 0, op = 0, size_log2 = 0;  // size_log2: floor(log2(bytes)), 0 for 0 bytes
        friend auto operator<=>(const IoClass&, const IoClass&) = default;
    };
    std::map<IoClass, Histogram> io_device_by_class;  // ns in the device

    [[nodiscard]] const Histogram& of(fb_metric metric) const { return hist[metric]; }
    [[nodiscard]] const Count& count_of(fb_metric metric) const { return counts[metric - FB_M_WAKEUPS]; }
    friend bool operator==(const CgroupProfile&, const CgroupProfile&) = default;
};

// One OOM kill decision and all that followed from it, in time order.
struct OomVictim {
    std::uint32_t tid = 0, tgid = 0;
    std::string comm;
    std::string cgroup;           // path of the memcg that its memory is charged to
    std::uint64_t cgroup_id = 0;  // and which of that path it is
    std::uint64_t rss_bytes = ~0ULL;
    std::int32_t oom_score_adj = 0;
    std::optional<std::uint64_t> marked_ns, sigkill_ns, exit_ns, reaped_ns;
    // exit_ns: its last thread; freed_ns: the marked thread has let go of the memory
    std::optional<std::uint64_t> freed_ns;
    std::optional<std::uint64_t> usage_after_bytes;  // memory.current of its cgroup then
    friend bool operator==(const OomVictim&, const OomVictim&) = default;
};

// A process in the scope of the kill at that instant, as the kernel met it.
struct OomMember {
    std::uint32_t tid = 0, tgid = 0;
    std::string comm;
    std::string cgroup;  // path; empty: not known (of one that is only logged)
    std::uint64_t rss_bytes = ~0ULL;
    std::int32_t oom_score_adj = 0;
    std::uint32_t flags = 0;  // enum fb_oom_member_flags
    bool scanned = false;     // looked at when a victim was sought among all below the limit
    bool in_group = false;    // met again when the group was killed
    bool logged = false;      // in the task table of the kernel's log
    // What rss_bytes is made of (in the log since v6.8), and what was in swap.
    std::optional<std::uint64_t> anon_bytes, file_bytes, shmem_bytes, swap_bytes;
    std::optional<std::uint64_t> met_ns;   // when it was met last
    std::optional<std::uint64_t> exit_ns;  // of its main thread, when that was seen before the episode was over
    // What its end would give back: file pages are the page cache's, and often of another memcg. ~0: not known.
    [[nodiscard]] std::uint64_t held_bytes() const
    {
        return anon_bytes && shmem_bytes ? *anon_bytes + *shmem_bytes : rss_bytes;
    }
    friend bool operator==(const OomMember&, const OomMember&) = default;
};

// A process that is no member and no victim, and got SIGKILL with one because they share their memory.
struct OomSharer {
    std::uint32_t tid = 0, tgid = 0;
    std::string comm;
    std::string cgroup;
    std::uint64_t sigkill_ns = 0;
    std::optional<std::uint64_t> exit_ns;
    friend bool operator==(const OomSharer&, const OomSharer&) = default;
};

// Reclaim at a memory limit by the task that asked, before it was given up.
struct OomReclaim {
    std::uint64_t rounds = 0;
    std::uint64_t ns = 0;
    std::uint64_t pages = 0;
    friend bool operator==(const OomReclaim&, const OomReclaim&) = default;
};

// What the memory of a memcg (with all below it) was made of. nullopt: not told.
struct OomMemory {
    std::optional<std::uint64_t> usage_bytes, limit_bytes, swap_bytes, swap_limit_bytes;
    std::array<std::optional<std::uint64_t>, FB_MK_MAX> kinds{};  // bytes, by enum fb_memory_kind
    friend bool operator==(const OomMemory&, const OomMemory&) = default;
};
[[nodiscard]] OomMemory memory_of(const fb_oom_report& record);

// A process that held more at the episode than before: anonymous, shared and swapped bytes.
struct OomGrowth {
    struct Since {
        std::uint64_t ns = 0;     // so long before
        std::uint64_t bytes = 0;  // what it held then; 0: it was not there yet
        friend bool operator==(const Since&, const Since&) = default;
    };
    std::uint32_t tgid = 0;
    std::string comm;
    std::string cgroup;
    std::uint64_t bytes = 0;
    std::vector<Since> since;  // some 1, 10 and 60 s: those that were looked at; the shortest first
    [[nodiscard]] std::uint64_t grown(const Since& then) const { return bytes > then.bytes ? bytes - then.bytes : 0; }
    friend bool operator==(const OomGrowth&, const OomGrowth&) = default;
};

struct OomEpisode {
    enum class Kind {
        Kill,
        NobodyKillable,  // all below the limit is protected: no kill, and the memory stays where it is
        NotKilled,       // the kernel counted that memory was out, and no kill followed
        UnseenKill,      // the kernel counted a kill, and no event told of it
        Livelock,        // at memory.max, all its tasks stalled, and no kill that would end it
    };
    Kind kind = Kind::Kill;
    std::uint64_t ts_ns = 0;       // of the decision, or of the first mark without one
    std::uint64_t until_ns = 0;    // of one without a kill: the last time that was seen
    std::uint64_t times = 1;       // how often memory was out, as far as it was told; of a livelock: hits of memory.max
    std::uint64_t stalled_ns = 0;  // of a livelock: memory.pressure, full
    bool decision_seen = false;    // oom_kill_process was hooked: the fields below are known
    bool logged = false;  // the kernel's log tells of it: the limit and who asked are known by that, if not before
    bool global = false;  // no memcg limit: the machine ran out
    std::string domain;   // cgroup whose limit was hit
    std::uint64_t domain_id = 0, group_id = 0;  // which of that path
    std::string trigger_cgroup, trigger_comm;
    std::uint32_t trigger_tid = 0, trigger_tgid = 0;
    std::string victim_comm;
    std::uint32_t victim_tgid = 0;
    std::int64_t points = 0;  // the chosen one's score, in pages (mm/oom_kill.c: oom_badness())
    std::uint64_t limit_bytes = ~0ULL, usage_bytes = 0, swap_bytes = 0;
    std::uint64_t asked_pages = 0;     // by the allocation that failed
    std::optional<bool> group_policy;  // memory.oom.group applied; nullopt: not observable here
    std::string group_cgroup;          // the ancestor that decided
    std::vector<OomVictim> victims;    // in the order in which they were marked
    std::vector<OomMember> members;    // in the order of the kernel's scan; by oom.members
    std::vector<OomSharer> sharers;
    std::optional<OomReclaim> reclaim;       // where reclaim is observed
    std::optional<OomMemory> before, after;  // the domain's: by the log before the kill, by memory.stat after it
    std::vector<OomGrowth> growth;           // below the limit that was hit; who grew most first, five at most
    // Is it known which limit was hit?
    [[nodiscard]] bool limit_known() const { return decision_seen || logged || kind != Kind::Kill; }
    // The decision before this one in the same scope, when its victims were not gone for longer than a second.
    std::optional<std::uint64_t> follows_ns;
    friend bool operator==(const OomEpisode&, const OomEpisode&) = default;
};

// "kill", "nobody_killable", "not_killed", "unseen_kill", "livelock"
[[nodiscard]] std::string_view name(OomEpisode::Kind kind);

// A SIGKILL that the OOM killer did not send.
struct OtherKill {
    enum class By { User, Cgroup, Kernel, Unknown };  // kill(2); cgroup.kill; the kernel for another reason
    std::uint64_t ts_ns = 0;
    std::uint32_t tgid = 0;
    std::string comm;
    std::string cgroup;  // memory cgroup of the process that is killed
    By by = By::Unknown;
    std::uint32_t sender_tid = 0;
    std::string sender_comm;    // empty: not recorded
    std::string sender_cgroup;  // its memory cgroup; empty: not recorded
    friend bool operator==(const OtherKill&, const OtherKill&) = default;
};

// The kernel's own counters of one cgroup at one instant. nullopt: the file or field is not there.
struct KernelCounters {
    std::uint64_t at_ns = 0;
    std::optional<std::uint64_t> throttled_ns;  // own cpu.max
    std::optional<std::uint64_t> nr_periods, nr_throttled;
    std::optional<std::uint64_t> throttled_local_ns;  // cpu.stat.local: own and inherited
    std::optional<std::uint64_t> usage_ns;            // cpu time
    // The limit in force at that instant. A period without a quota: there is no limit.
    std::optional<std::uint64_t> cpu_quota_ns, cpu_period_ns, cpu_burst_ns;
    std::map<std::string, std::uint64_t> memory_events;  // memory.events (hierarchical)
    std::map<std::string, std::uint64_t> memory_events_local;
    std::optional<std::uint64_t> memory_peak_bytes;
    std::optional<std::uint64_t> pids_peak, pids_max_events;
    // io.stat summed over devices, hierarchical: read and write bytes and operations
    std::optional<std::uint64_t> io_rbytes, io_wbytes, io_rios, io_wios;
    std::map<std::string, std::uint64_t> pressure_us;  // "cpu.some", "memory.full", ... total=
    friend bool operator==(const KernelCounters&, const KernelCounters&) = default;
};

struct CounterWindow {
    std::string path;
    std::optional<KernelCounters> first;  // nullopt: made after the start, so it began at zero
    std::optional<KernelCounters> last;   // nullopt: never read
    bool last_from_rmdir = false;         // completed by what the kernel kept at its removal
    friend bool operator==(const CounterWindow&, const CounterWindow&) = default;
};

// A task that lived through the whole window, read at both ends by one iterator each.
struct TaskWindow {
    std::uint32_t tid = 0;
    std::string comm;
    std::string cgroup;                     // path, at the end
    std::uint64_t kernel_run_delay_ns = 0;  // differences over the window
    std::uint64_t kernel_slept_ns = 0;      // the part of it that was sleep (fb_task_record.slept_delay_ns)
    std::uint64_t our_wait_ns = 0;
    std::uint64_t our_held_ns = 0;
    std::uint64_t kernel_exec_ns = 0;
    std::uint64_t our_run_ns = 0;
    std::uint32_t gaps = 0;  // fb_task_record.gaps: ours lack something
    friend bool operator==(const TaskWindow&, const TaskWindow&) = default;
};

struct Snapshot {
    Meta meta;
    Loss loss;
    std::vector<CgroupProfile> cgroups;   // sorted by path
    std::vector<OomEpisode> ooms;         // in time order
    std::vector<CounterWindow> counters;  // sorted by path
    std::vector<TaskWindow> tasks;        // sorted by tid
    // hierarchy -> id -> path, of all cgroups that anything was said of, also those outside the filter
    std::map<int, std::map<std::uint64_t, std::string>> paths;
    std::uint64_t sigkills_not_oom = 0;
    std::optional<Stacks> stacks;  // of all cgroups; nullopt: not asked for (--stacks)
    // Events of CPU waits etc. that belong to cgroups outside the filter are not in cgroups.
    bool incomplete = false;  // the recording had no end mark (crash, truncation)
    std::string incomplete_why;
    friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

// Is it observed here? False, too, for a metric that nobody knows.
[[nodiscard]] bool covers(const Meta& meta, std::string_view metric);
// ... and it comes from that function of the kernel, not from what stands in for it.
[[nodiscard]] bool covers_by(const Meta& meta, std::string_view metric, std::string_view function);
// 0: unified, or not mounted at all.
[[nodiscard]] int hierarchy_of(const Meta& meta, const std::string& controller);

}  // namespace flyball::profile
