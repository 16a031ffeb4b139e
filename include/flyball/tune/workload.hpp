// SPDX-License-Identifier: Apache-2.0
// What a workload tells of itself: docs/workload-metrics.md. Pure; not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/profile/histogram.hpp"

#include <cstddef>
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
    // nullopt: the workload told nothing that says it, which is not zero. Once it has told `done`, `op` or `fail`, a
    // stretch in which it tells none of them has the rate 0: it completed nothing; `reports` is then 0, for those who
    // want to know a workload that stands still from one that tells seldom. Without these, the rate is that of the
    // `rate` lines.
    std::optional<double> rate;                         // units of work a second
    double done = 0, failed = 0;                        // units; done is rate x time where only `rate` lines tell
    std::uint64_t reports = 0;                          // lines other than `value` that were understood
    profile::Histogram latency_ns;                      // of the units told by `op`
    std::map<std::string, std::vector<double>> values;  // `value NAME X`, in order
    std::uint64_t values_left_out = 0;                  // beyond kMostValueNames, or kMostValues of a name
};

inline constexpr std::size_t kMostValueNames = 256;
inline constexpr std::size_t kMostValues = 65'536;
// Of a line of metrics, with its newline: PIPE_BUF, so that one write() of it is not mixed with those of others. Of a
// line of output no more than that is looked at.
inline constexpr std::size_t kMostLineBytes = 4096;

// Units told by `rate` lines count for the time since the `rate` line before, or since the beginning of the stretch;
// lines that arrive at the same time share it. What the last one does not cover is left out. Each pattern, and the
// lines of the metrics, have their own time of the line before, and their rates add up.
class WorkloadMeter {
public:
    // The first stretch begins with the first bytes, or with a take() whose result is dropped.
    WorkloadMeter();
    ~WorkloadMeter();
    WorkloadMeter(WorkloadMeter&&) noexcept;
    WorkloadMeter& operator=(WorkloadMeter&&) noexcept;

    // For lines of its output. KIND is rate when it is left out. Usage: the regex (POSIX extended) is empty, has no
    // group, or has an error in it.
    [[nodiscard]] Result<> add_pattern(std::string_view kind_and_regex);

    // Bytes as they arrive, in any pieces. at_ns: when; never less than before.
    void feed_metrics(std::string_view bytes, std::uint64_t at_ns);
    void feed_output(std::string_view bytes, std::uint64_t at_ns);

    // Ends a stretch and begins the next. A line counts for the stretch in which its newline arrives.
    [[nodiscard]] Performance take(std::uint64_t at_ns);

    // Since the beginning: lines that were understood, that were not, and the first of those (80 bytes of it at
    // most, with '?' for what is not printable ASCII). Lines of output count when a pattern matches them, and are not
    // understood when what the group took is no value.
    [[nodiscard]] std::uint64_t understood() const;
    [[nodiscard]] std::uint64_t not_understood() const;
    [[nodiscard]] const std::string& first_not_understood() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace flyball::tune
