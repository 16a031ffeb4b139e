// SPDX-License-Identifier: Apache-2.0
// What came of a load: values only. Pure; any thread.
//
// A request belongs to the instant at which it was intended. Its latency is from that instant to its end, so that a
// system that stalls is charged for all requests that it kept waiting, not only for those that it happened to hold.
#pragma once

#include "flyball/load/objective.hpp"
#include "flyball/profile/histogram.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace flyball::load {

// intended = ok + failed + shed + timed_out + abandoned.
struct Counts {
    std::uint64_t intended = 0;
    std::uint64_t ok = 0;
    std::uint64_t failed = 0;     // ended otherwise than with success, or could not be started
    std::uint64_t shed = 0;       // not started within the time-out: no place was free
    std::uint64_t timed_out = 0;  // killed
    std::uint64_t abandoned = 0;  // not ended when the run was ended early: nothing is known of them

    [[nodiscard]] std::uint64_t known() const { return intended - abandoned; }
    [[nodiscard]] std::uint64_t errors() const { return failed + shed + timed_out; }
    // Did not end in time: slower than anything.
    [[nodiscard]] std::uint64_t endless() const { return shed + timed_out; }
    void add(const Counts& other);
    friend bool operator==(const Counts&, const Counts&) = default;
};

// A part of a level: all of it, or a stretch of its time.
struct Phase {
    std::string label;
    double from_rate = 0, to_rate = 0;       // intended, a second
    std::uint64_t begin_ns = 0, end_ns = 0;  // of the intended instants, from the level's beginning
    Counts counts;
    // Successes that ended within the stretch, whenever they were intended: what was got through.
    std::uint64_t completed = 0;
    profile::Histogram latency_ns;  // intended instant to end, of successes
    profile::Histogram service_ns;  // start to end, of successes: what a closed loop would have seen
    profile::Histogram wait_ns;     // intended instant to start, of all that were started
    [[nodiscard]] double seconds() const { return static_cast<double>(end_ns - begin_ns) * 1e-9; }
    [[nodiscard]] double completed_rate() const
    {
        return seconds() > 0 ? static_cast<double>(completed) / seconds() : 0;
    }
    void merge(const Phase& other);
};

// The kernel's counters of the level's own cgroup; nullopt: not to be had here.
struct KernelUse {
    std::uint64_t span_ns = 0;  // from the making of the cgroup to the reading
    std::optional<std::uint64_t> cpu_ns, throttled_ns, nr_periods, nr_throttled;
    std::optional<std::uint64_t> memory_peak_bytes, oom_kills;
    std::optional<std::uint64_t> pids_peak, pids_max_events;
};

// Of a load generator that tells its work by docs/workload-metrics.md.
struct GeneratorTold {
    std::optional<double> rate;  // units a second; nullopt: it told nothing
    double done = 0, failed = 0;
    std::map<std::string, std::vector<double>> values;
    std::string not_understood;    // lines that were no metrics, for people; empty: none
    std::optional<int> exit_code;  // nullopt: it was ended by us, as its time was over
};

// What was intended within one step of time.
struct Moment {
    std::uint64_t intended = 0, ok = 0, errors = 0;
    std::uint64_t slowest_ns = 0;  // latency; of one that did not end in time: the largest number
};

// The level's course. Steps of equal length from its beginning; they grow with the run, so that there are never many.
struct Timeline {
    std::uint64_t step_ns = 100'000'000;
    std::vector<Moment> moments;
    // The moment of that instant, made where it is not there yet.
    [[nodiscard]] Moment& at(std::uint64_t at_ns);
};

// After a burst: how long requests went on being slow.
struct Recovery {
    std::size_t phase = 0;  // of the burst
    double limit_ns = 0;    // slower than this is not recovered
    // From the end of the burst to the end of the last step of the timeline with a slow one; nullopt: not before the
    // next burst.
    std::optional<std::uint64_t> after_ns;
};

struct Level {
    std::string label;
    std::map<std::string, std::string> parameters;  // by placeholder
    std::optional<double> offered;                  // requests a second; nullopt: not one rate, or none
    std::uint64_t warmup_ns = 0;                    // left out of `total`
    std::uint64_t span_ns = 0;                      // that was counted
    Phase total;
    std::vector<Phase> phases;  // slices, steps of a ramp, bursts; may be empty
    Timeline timeline;
    std::vector<Recovery> recoveries;
    profile::Histogram own_delay_ns;  // that flyball itself was late to start a request, a place being free
    std::optional<GeneratorTold> told;
    KernelUse kernel;
    std::vector<Judgement> judgements;
    std::string ended_early;  // why; empty: it was not
    bool interrupted = false;
    std::string first_error;  // what the first one that failed wrote, or why it could not be started

    [[nodiscard]] std::optional<double> achieved() const;  // units of success a second
    // Broken if one is, else unknown if one is, else met. Met without objectives.
    [[nodiscard]] Verdict verdict() const;
};

}  // namespace flyball::load
