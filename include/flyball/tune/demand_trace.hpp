// SPDX-License-Identifier: Apache-2.0
// What a cgroup asked for, millisecond by millisecond, from the scheduler's events. Pure; not thread-safe.
#pragma once

#include "flyball/stream/in_order.hpp"

#include <cstdint>
#include <memory>
#include <unordered_set>
#include <vector>

namespace flyball::tune {

inline constexpr std::uint64_t kDemandStepNs = 1'000'000;

// From a task's waking up to its falling asleep.
struct Job {
    std::uint64_t begin_ns = 0, end_ns = 0;
    std::uint64_t cpu_ns = 0;   // on a CPU
    std::uint64_t held_ns = 0;  // by a cpu.max
    std::uint64_t wait_ns = 0;  // for a CPU, otherwise
};

struct TaskCount {
    std::uint64_t at_ns = 0;
    std::uint32_t tasks = 0;
};

struct DemandTrace {
    std::uint64_t begin_ns = 0;
    // CPU time by step; what cpu.max has held back counts for when it was asked for.
    std::vector<std::uint64_t> demand_ns;
    std::uint64_t run_ns = 0, held_ns = 0, wait_ns = 0;  // sums over tasks
    std::vector<Job> jobs;       // that ended in the window, in order of their ends
    std::uint64_t jobs_left_out = 0;  // beyond what is kept
    std::uint32_t most_running = 0;   // tasks on CPUs at a time
    std::vector<TaskCount> tasks;     // each change of pids.current, thinned to the peak of each millisecond
    std::uint64_t forks = 0, refused_forks = 0;
};

class DemandCollector final : public stream::OrderedSink {
public:
    // cgroups: the ids of the subtree in each hierarchy; grows by cgroups that are made below.
    explicit DemandCollector(std::unordered_set<std::uint64_t> cgroups);
    ~DemandCollector() override;
    DemandCollector(DemandCollector&&) noexcept;
    DemandCollector& operator=(DemandCollector&&) noexcept;

    void on_event(const fb_event& event) override;
    void on_control(std::span<const std::byte> bytes) override;

    // Ends a window and begins the next. Jobs under way go on into it.
    [[nodiscard]] DemandTrace take(std::uint64_t at_ns);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace flyball::tune
