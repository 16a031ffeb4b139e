// SPDX-License-Identifier: Apache-2.0
// What a workload tells of itself: docs/workload-metrics.md. Pure; not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/profile/histogram.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::tune {

// Of one stretch of time.
struct Performance {
    // nullopt: the workload told nothing of it, which is not zero.
    std::optional<double> rate;             // units of work a second
    double done = 0, failed = 0;            // units
    profile::Histogram latency_ns;          // of the units told by `op`
    std::map<std::string, std::vector<double>> values;  // `value NAME X`, in order
};

// Units told by `rate` lines count for the time since the line before, or since the beginning of the stretch.
class WorkloadMeter {
public:
    WorkloadMeter();
    ~WorkloadMeter();
    WorkloadMeter(WorkloadMeter&&) noexcept;
    WorkloadMeter& operator=(WorkloadMeter&&) noexcept;

    // For lines of its output. Usage: not KIND:REGEX, or a regex without a group or with an error in it.
    [[nodiscard]] Result<> add_pattern(std::string_view kind_and_regex);

    // Bytes as they arrive, in any pieces. at_ns: when; never less than before.
    void feed_metrics(std::string_view bytes, std::uint64_t at_ns);
    void feed_output(std::string_view bytes, std::uint64_t at_ns);

    // Ends a stretch and begins the next.
    [[nodiscard]] Performance take(std::uint64_t at_ns);

    // Since the beginning: lines that were understood, that were not, and the first of those (cut to 80 bytes).
    [[nodiscard]] std::uint64_t understood() const;
    [[nodiscard]] std::uint64_t not_understood() const;
    [[nodiscard]] const std::string& first_not_understood() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace flyball::tune
