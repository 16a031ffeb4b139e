// SPDX-License-Identifier: Apache-2.0
// What a cgroup asked for, millisecond by millisecond, from the scheduler's events. Pure; not thread-safe.
#pragma once

#include "flyball/stream/in_order.hpp"
#include "flyball/tune/subtree_ids.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace flyball::tune {

inline constexpr std::uint64_t kDemandStepNs = 1'000'000;
// A job that lasts longer is no job any more: it takes what it can get. What cpu.max holds back of it is demand where
// it was held back, not work to be moved to where it was asked for.
inline constexpr std::uint64_t kEndlessNs = 1'000'000'000;

inline constexpr std::size_t kMostJobs = std::size_t{1} << 18;  // 10 MiB

// From a task's waking up to its falling asleep.
struct Job {
    std::uint64_t begin_ns = 0, end_ns = 0;
    std::uint64_t cpu_ns = 0;   // on a CPU
    std::uint64_t held_ns = 0;  // by a cpu.max
    std::uint64_t wait_ns = 0;  // for a CPU, otherwise
    // Of it, behind others; and what interrupts and the hypervisor took of its slices.
    std::uint64_t disturbed_ns = 0;
};

struct TaskCount {
    std::uint64_t at_ns = 0;
    std::uint32_t tasks = 0;
    friend bool operator==(const TaskCount&, const TaskCount&) = default;
};

// A cgroup of the cpu controller's hierarchy, or one of these.
inline constexpr std::uint64_t kByUnseen = 0, kByKernelThreads = ~std::uint64_t{0};
struct DisplacedBy {
    std::uint64_t cgroup_id = kByUnseen;
    std::uint64_t ns = 0;
    friend bool operator==(const DisplacedBy&, const DisplacedBy&) = default;
};

struct DemandTrace {
    std::uint64_t begin_ns = 0;
    // CPU time by step, as cpu.max counts it: without interrupts and steal.
    std::vector<std::uint64_t> demand_ns;
    // The same as if nobody had disturbed it: each piece of work as much earlier as its job was disturbed until then.
    // As long as demand_ns.
    std::vector<std::uint64_t> undisturbed_ns;
    std::uint64_t run_ns = 0, held_ns = 0, wait_ns = 0;  // sums over tasks
    // Of wait_ns: while others had the CPU, neither the subject nor its load nor nobody.
    std::uint64_t displaced_ns = 0;
    std::vector<DisplacedBy> displaced_by;  // of it, worst first
    std::uint64_t others_ns = 0;            // CPU time of these others, whoever waited
    double spare = 1;  // part of the time in which the CPUs were idle, each as much as the subject ran on it
    std::uint64_t interrupted_ns = 0;     // within its slices: interrupts and steal, where the kernel tells them
    std::uint64_t endless_ns = 0;         // of run_ns: in jobs that were older than kEndlessNs
    std::uint64_t surely_endless_ns = 0;  // of it: also without what disturbed them
    std::vector<Job> jobs;                // that ended in the window, in order of their ends: one of
    std::uint32_t one_of = 1;             // so many, a power of two: beyond kMostJobs every second goes
    std::uint64_t jobs_left_out = 0;      // by that
    std::uint32_t most_running = 0;       // tasks on CPUs at a time
    std::vector<TaskCount> tasks;         // tasks that live: the most of each millisecond in which that changed
    std::uint64_t forks = 0, refused_forks = 0;

    // More than 1 % of what ran: cpu.max hides the demand.
    [[nodiscard]] bool held_back() const { return static_cast<double>(held_ns) > 0.01 * static_cast<double>(run_ns); }
};

// Every second job goes, evenly over the window: what is left tells of all of it.
void thin(DemandTrace& trace);

// A later look at the same tasks, as if it had begun where `seen` ends: what was between was not seen. A burst that the
// seam cuts or joins is one of thousands.
void append(DemandTrace& seen, const DemandTrace& next);

class DemandCollector final : public stream::OrderedSink {
public:
    // ids: kept up to date by the owner, before each event, and outlives this. tasks: that live at begin_ns. load: what
    // drives the subject, kept up to date as well; nullptr: it is not known.
    DemandCollector(const SubtreeIds& ids, std::uint64_t begin_ns, std::uint32_t tasks,
                    const SubtreeIds* load = nullptr);
    ~DemandCollector() override;
    DemandCollector(DemandCollector&&) noexcept;
    DemandCollector& operator=(DemandCollector&&) noexcept;

    void on_event(const fb_event& event) override;
    void on_control(std::span<const std::byte> /*bytes*/) override {}

    // Ends a window and begins the next. All events before at_ns are to have come. Jobs under way go on into it.
    [[nodiscard]] DemandTrace take(std::uint64_t at_ns);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace flyball::tune
