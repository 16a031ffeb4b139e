// SPDX-License-Identifier: Apache-2.0
// The steps of tune_memory(), one after the other. Private to the room; not thread-safe.
#pragma once

#include "flyball/tune/memory.hpp"
#include "flyball/tune/steady.hpp"
#include "memory_guard.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flyball::tune {

// What the profile has shown.
struct MemoryProfile {
    std::vector<MemoryUse> usage, kept;           // of the steady part; `kept` is without cache
    std::uint64_t windows = 0;                    // in it
    std::uint64_t kept_peak = 0, usage_peak = 0;  // of all that was seen, its start as well
    std::uint64_t steady_peak = 0;                // of `kept`
    std::uint64_t floor = 0;                      // the highest
    std::uint64_t cache = 0;                      // the most
    Steadiness kept_course, rate_course;
    Reading before, after;
    DescentBaseline baseline;
    double span_s = 0;
};

class MemoryTuner {
public:
    MemoryTuner(Subject& subject, const MemoryOptions& options);
    Result<Proposal> run();

private:
    // memory_observe.cpp
    Result<> observe();
    void digest(const std::vector<Window>& windows);
    [[nodiscard]] std::size_t steady_from(std::size_t windows) const;
    void add_evidence();
    // Why there is nothing to be had; it has set answer and summary.
    [[nodiscard]] bool refuse();

    // memory_descend.cpp
    Result<> descend();
    struct Settled {
        std::uint64_t refaulted = 0;
        double seconds = 0, stalled = 0;
        std::optional<double> rate;
        std::size_t windows = 0;
    };
    Result<Settled> settle(std::uint64_t reclaimed);
    Result<> recover();

    // memory_trials.cpp
    Result<> search();
    Result<Trial> attempt(std::uint64_t bytes);
    [[nodiscard]] std::uint64_t trial_settle_ns() const;
    [[nodiscard]] std::uint64_t least_trial_ns() const;

    // memory.cpp
    [[nodiscard]] std::optional<std::string> no_experiments() const;
    Result<> experiment();
    void conclude();
    void add_max(std::uint64_t above, const std::string& what);
    std::uint64_t add_high();
    [[nodiscard]] std::uint64_t stock_bytes() const;
    [[nodiscard]] std::uint64_t most_kept() const;
    Result<Window> go_on(std::uint64_t length_ns);

    MemoryOptions options_;
    std::string original_high_;
    MemoryGuard subject_;
    Proposal proposal_;
    MemoryProfile seen_;
    std::vector<double> levels_, rates_;  // by window of the profile: what it keeps; how it gets on, where that is told
    Measure measure_;
    bool workload_tells_ = false;
    std::uint64_t took_ns_ = 0;
    std::optional<Descent> descent_;
    std::uint64_t working_set_ = 0;
    std::uint64_t return_ns_ = 0;  // how long it took to come back
    std::optional<Bracket> bracket_;
    std::string cut_short_;
    bool no_time_ = false;          // for the next trial
    std::size_t not_accepted_ = 0;  // trials
};

}  // namespace flyball::tune
