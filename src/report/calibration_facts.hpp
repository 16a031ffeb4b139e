// SPDX-License-Identifier: Apache-2.0
// What all forms of a calibration's report say, as values: worked out once, drawn in several ways. Pure.
#pragma once

#include "flyball/report/calibration.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::report {

// P4.2 section 8.1: how much a limit is expected to change.
struct Expectation {
    double least = 0, most = 0;
    bool reduction = true;                    // otherwise either way: a weight, a count that is to match
    [[nodiscard]] std::string words() const;  // "-10 to -20%"
    [[nodiscard]] std::string_view judge(double change) const;  // "as expected", "less than expected", ...
};
[[nodiscard]] std::optional<Expectation> expectation_of(std::string_view file);

struct LimitChange {
    std::string file;
    std::string before, after;  // as written; empty: the file is not among the limits
    tune::Unit unit = tune::Unit::None;
    std::optional<double> was, is;            // in `unit`; nullopt: no limit
    std::optional<stats::Interval> interval;  // where the least sufficient value lies, in `unit`
    double confidence = 0;
    const tune::Proposal* proposal = nullptr;  // of the file's resource; not owned
    const tune::Value* value = nullptr;        // of the proposal; not owned
    [[nodiscard]] bool changed() const { return before != after; }
    [[nodiscard]] std::optional<double> change() const;  // is / was - 1
};
// Every file of before and after, and those that proposals have a value for: memory, CPU, PIDs, I/O, others.
[[nodiscard]] std::vector<LimitChange> limit_changes(const calibrate::ComponentResult& component);
[[nodiscard]] std::optional<tune::Resource> resource_of(std::string_view file);
// In words: "512 MiB", "0.204 CPUs", "no limit", "not set".
[[nodiscard]] std::string limit_words(const LimitChange& limit, const std::string& text,
                                      const std::optional<double>& number);
[[nodiscard]] std::string words_before(const LimitChange& limit);
[[nodiscard]] std::string words_after(const LimitChange& limit);
// "380 to 410 MiB (95%)"; "n/a".
[[nodiscard]] std::string interval_words(const LimitChange& limit);
// "-20.0%", "+5.0%", "new", "no limit now", "as it was".
[[nodiscard]] std::string change_words(const LimitChange& limit);
// Signed: -0.2 -> "-20.0%".
[[nodiscard]] std::string signed_percent(double share);

// The settings that a component was calibrated with.
[[nodiscard]] const calibrate::Tuning& tuning_of(const calibrate::ComponentResult& component, AskedComponents asked);
// The metrics that it has declared.
[[nodiscard]] std::span<const calibrate::Metric> declared_by(const calibrate::ComponentResult& component,
                                                             AskedComponents asked);

// Of one scenario: its metric before and after.
struct MetricChange {
    std::string metric;  // "latency"
    std::string label;   // "latency p99"
    calibrate::Unit unit = calibrate::Unit::Count;
    bool more_is_better = false;
    calibrate::Judgement before, after;  // estimate and interval; the outcome means nothing
    calibrate::Judgement ratio;          // after / before
    enum class Trend : std::uint8_t { Better, Worse, Same, Unknown } trend = Trend::Unknown;
};
[[nodiscard]] std::string_view name(MetricChange::Trend trend);
// The common metrics in their order, then others by name.
[[nodiscard]] std::vector<MetricChange> metric_changes(const calibrate::ScenarioResult& scenario,
                                                       std::span<const calibrate::Metric> declared, double confidence);
// What is worse by more than chance, whether a target asks for it or not. Of metrics that there is one figure a run of:
// all runs after are worse than all runs before, by more than two measurements of the same differ.
struct Worse {
    std::string component, scenario;
    MetricChange change;
};
// The worst first.
[[nodiscard]] std::vector<Worse> worse(const calibrate::Calibration& calibration, AskedComponents asked);
// "+3.1%"; where there is nothing to divide by, the difference: "+0.02 s". "n/a" where nothing was measured.
[[nodiscard]] std::string change_words(const MetricChange& change);
// "(-4.0 to +9.8%)"; empty: no interval.
[[nodiscard]] std::string change_interval_words(const MetricChange& change);
// "812/s"; "n/a".
[[nodiscard]] std::string figure_words(const calibrate::Judgement& figure, calibrate::Unit unit);
// "790/s to 835/s", "11.8 to 12.3 ms"; empty.
[[nodiscard]] std::string interval_words(const std::optional<stats::Interval>& interval, calibrate::Unit unit);

// What is left of the performance, against the floor.
enum class Retention : std::uint8_t {
    Held,    // surely: the whole interval is above the floor
    Likely,  // the estimate is, and the interval does not show it
    Below,
    Same,  // nothing was changed
    Unknown,
};
[[nodiscard]] Retention retention_of(const calibrate::ScenarioResult& scenario, double floor, bool changed);
[[nodiscard]] std::string_view name(Retention retention);
[[nodiscard]] bool limits_changed(const calibrate::ComponentResult& component);

struct CalibrationTally {
    std::size_t calibrated = 0, unchanged = 0, not_converged = 0, missed = 0, not_known = 0;
    std::size_t targets_met = 0, targets_missed = 0, targets_inconclusive = 0;
    std::size_t scenarios = 0, below_floor = 0;
    std::size_t oom_tested = 0, oom_passed = 0;
    std::optional<double> least_retention;
    std::string least_retention_of;  // "router, high_qps"
    std::string first_not_known;     // "router: memory has no answer: it leaks": why the first one is not known
};
[[nodiscard]] CalibrationTally tally(const calibrate::Calibration& calibration, AskedComponents asked);
enum class CalibrationVerdict : std::uint8_t { Holds, Doubtful, Fails };
[[nodiscard]] CalibrationVerdict verdict_of(const calibrate::Calibration& calibration, const CalibrationTally& tally);
// "Everything holds: 3 components are calibrated and 1 is right as it is."
[[nodiscard]] std::string headline(const calibrate::Calibration& calibration, const CalibrationTally& tally);
// "calibrated", "not converged"
[[nodiscard]] std::string words(calibrate::End end);
// "accepted", "refused", "not known"
[[nodiscard]] std::string_view outcome_word(const calibrate::Attempt& attempt);
// "cpu.max 21000 100000 is needed: at 17000 100000, a fifth lower, normal: 31 % of the periods are throttled"
[[nodiscard]] std::string words(const calibrate::Bite& bite);
// "1 component", "3 components"
[[nodiscard]] std::string plural(std::size_t n, std::string_view one);

// P4.2 appendix B, where it applies.
struct Advice {
    std::string about;  // "did not converge"
    std::vector<std::string> steps;
};
[[nodiscard]] std::vector<Advice> advice_on(const calibrate::ComponentResult& component,
                                            const calibrate::Tuning& tuning);

}  // namespace flyball::report
