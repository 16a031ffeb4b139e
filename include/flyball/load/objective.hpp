// SPDX-License-Identifier: Apache-2.0
// What is asked of a system under load: "p99<50ms", "errors<1%", "throughput>=95%". Pure; any thread.
//
//   objective = measure relation bound, blanks between them at will
//   p50 p99 p99.9 ...  < <=  duration      of the latency from the intended instant
//   mean max           < <=  duration
//   errors             < <=  percent       of the requests intended: failed, shed or timed out
//   success            > >=  percent       the rest
//   throughput         > >=  percent       of what was offered, or a rate: "200/s"
//   cpu                < <=  percent       of one CPU, on average over the level (cgroup)
//   throttled          < <=  percent       of the level's time, summed over its CPUs (cgroup)
//   memory             < <=  size          peak (cgroup)
//   oom                < <=  number        OOM kills (cgroup)
//   value:NAME         any   number        mean of what a generator told by `value NAME X`
#pragma once

#include "flyball/base/result.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::load {

enum class Measure { Quantile, Mean, Max, Errors, Success, Throughput, Cpu, Throttled, Memory, Oom, Value };
enum class Relation { Less, LessEqual, Greater, GreaterEqual };

struct Objective {
    Measure measure = Measure::Quantile;
    double q = 0;      // of Quantile
    std::string name;  // of Value
    Relation relation = Relation::Less;
    double bound = 0;         // ns, a ratio, requests a second, bytes, or a number
    bool of_offered = false;  // Throughput: the bound is a ratio
    std::string text;         // as given

    [[nodiscard]] bool holds(double observed) const;
    [[nodiscard]] bool is_latency() const
    {
        return measure == Measure::Quantile || measure == Measure::Mean || measure == Measure::Max;
    }
};

// Usage errors name the place in the text, counted from 1, and what could stand there.
[[nodiscard]] Result<Objective> parse_objective(std::string_view text);

enum class Verdict { Met, Broken, Unknown };
[[nodiscard]] std::string_view name(Verdict verdict);

struct Judgement {
    std::string objective;
    Verdict verdict = Verdict::Unknown;
    std::optional<double> observed;   // in the unit of the bound
    std::optional<double> low, high;  // its interval, where there is one
    // Its interval is wholly on one side of the bound. False: the estimate decided.
    bool clear = false;
    std::string said;  // "p99 is 61.2 ms": for people
};

struct Level;
[[nodiscard]] Judgement judge(const Objective& objective, const Level& level);
[[nodiscard]] std::vector<Judgement> judge_all(std::span<const Objective> objectives, const Level& level);
[[nodiscard]] Verdict worst(std::span<const Judgement> judgements);

// Requests that an objective's quantile needs; 0: none. The most of all.
[[nodiscard]] std::uint64_t requests_needed(std::span<const Objective> objectives);

}  // namespace flyball::load
