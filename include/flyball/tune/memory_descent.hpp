// SPDX-License-Identifier: Apache-2.0
// Taking memory away by memory.reclaim, step by step, until it is felt: how much next, and when to stop. The steps
// themselves are the tuner's business. Pure; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace flyball::tune {

struct DescentOptions {
    double bold = 0.05;     // of the use, a step, while nothing is felt: four times too much is gone after 28 steps
    double careful = 0.01;  // after the first refault: what oomd's senpai takes at most
    // Time in which some task waited for memory, above what the profile had. 0.1 % is what production reclaimers aim at
    // for ever; a short experiment may be felt a little more.
    double most_stalled = 0.005;
    double most_returned = 0.5;  // of a step, by refaults: it was needed
    double most_slower = 0.1;    // of the rate, or three standard errors of it where that is more
    double least_given = 0.5;    // of what was asked for
    double least_step = 0.002;   // of the use: below, it is not worth the time
    std::size_t most_steps = 80;
};

// How it was before.
struct DescentBaseline {
    double rate = 0, rate_deviation = 0;  // 0: there is no rate
    double stalled = 0;                   // share of the time
    double refaults_per_s = 0;            // bytes
};

// A step and what followed until it settled.
struct DescentStep {
    std::uint64_t asked = 0, reclaimed = 0, refaulted = 0;  // bytes
    double seconds = 0;
    double stalled = 0;
    std::optional<double> rate;  // mean of the windows
    std::size_t windows = 1;
};

enum class DescentEnd : std::uint8_t {
    Floor,     // nothing is left that could be reclaimed
    Stalled,   // it waited for memory
    Returned,  // what was taken came back
    Slower,
    Withheld,  // the kernel gave less than it was asked for
    Steps,
    Time,
};
[[nodiscard]] std::string_view name(DescentEnd end);  // "came back", for people

class Descent {
public:
    Descent(const DescentOptions& options, const DescentBaseline& baseline) : options_(options), baseline_(baseline) {}

    // Bytes to ask for; nullopt: it is over.
    [[nodiscard]] std::optional<std::uint64_t> next(std::uint64_t use, std::uint64_t floor);
    void add(const DescentStep& step);
    void stop() { end_ = end_.value_or(DescentEnd::Time); }
    // Refaults of a stretch beyond what the profile had anyway.
    [[nodiscard]] double excess(std::uint64_t refaulted, double seconds) const;
    // The mean rate of so many windows is below what the profile had, by more than chance. One window is a hint only.
    [[nodiscard]] bool slower(double rate, std::size_t windows) const;

    [[nodiscard]] std::optional<DescentEnd> end() const { return end_; }
    [[nodiscard]] std::size_t steps() const { return steps_; }
    [[nodiscard]] bool felt() const { return felt_; }

private:
    DescentOptions options_;
    DescentBaseline baseline_;
    std::size_t steps_ = 0;
    bool felt_ = false;
    std::optional<DescentEnd> end_;
};

}  // namespace flyball::tune
