// SPDX-License-Identifier: Apache-2.0
// The cgroup under examination, as a tuner sees it: what it may read, how it lets time go by, what it may change.
// The live one drives the kernel; tests have simulated ones. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/counters.hpp"
#include "flyball/cgroup/memory_state.hpp"
#include "flyball/tune/demand_trace.hpp"
#include "flyball/tune/disturbance.hpp"
#include "flyball/tune/io_trace.hpp"
#include "flyball/tune/workload.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::tune {

// The kernel's state at an instant.
struct Reading {
    std::uint64_t at_ns = 0;
    cgroup::Counters counters;
    cgroup::MemoryState memory;
    std::optional<std::uint64_t> pids_current;
};

struct MemoryUse {
    std::uint64_t at_ns = 0, bytes = 0;
};

struct Window {
    std::uint64_t begin_ns = 0, end_ns = 0;
    Reading before, after;
    Performance performance;
    DemandTrace trace;                  // of the scheduler's events
    IoTrace io;                         // of the block layer's
    std::vector<MemoryUse> memory_use;  // every 100 ms
    Disturbance disturbance;
    std::uint64_t lost_events = 0;  // not in the trace
    bool finished = false;          // the command has ended, so that it is shorter than was asked for
    [[nodiscard]] std::uint64_t span_ns() const { return end_ns - begin_ns; }
};

class Subject {
public:
    virtual ~Subject() = default;

    [[nodiscard]] virtual const std::string& cgroup() const = 0;
    [[nodiscard]] virtual unsigned cpus() const = 0;               // that it may run on
    [[nodiscard]] virtual std::uint64_t memory_bytes() const = 0;  // of the machine

    [[nodiscard]] virtual Result<Reading> read() = 0;

    // Lets it go on for so long. Stopped: a guard ended the experiment, Interrupted: a signal did; the error says
    // which, and everything is restored by then. A command that ends cuts the window short (`finished`); to go on after
    // that is Finished.
    [[nodiscard]] virtual Result<Window> run(std::uint64_t length_ns) = 0;

    // Whether set() and reclaim() may be called: the user has allowed experiments.
    [[nodiscard]] virtual bool may_experiment() const = 0;
    // The text of a limit file; nullopt: there is none.
    [[nodiscard]] virtual std::optional<std::string> limit(std::string_view file) = 0;
    // For the time of the experiment.
    [[nodiscard]] virtual Result<> set(std::string_view file, std::string_view value) = 0;
    // memory.reclaim: bytes that were reclaimed, of those asked for. Unavailable: the kernel has no such file.
    [[nodiscard]] virtual Result<std::uint64_t> reclaim(std::uint64_t bytes) = 0;

    // Between the parts of a computation that takes longer than a blink: events are read, guards look, signals are
    // heard, and the watchdog learns that this is no hang. Stopped: as run().
    [[nodiscard]] virtual Result<> keep_up() = 0;

    // Something for the user's eyes while he waits.
    virtual void say(std::string_view what) = 0;
    // Work that an experiment has cost so far counts against the budget: Stopped when it is used up.
    [[nodiscard]] virtual Result<> spend(double lost_s) = 0;
};

}  // namespace flyball::tune
