// SPDX-License-Identifier: Apache-2.0
// Windows of a second, added up to the figures of a calibration's run. Not thread-safe.
#pragma once

#include "flyball/calibrate/run.hpp"
#include "flyball/calibrate/spec.hpp"
#include "flyball/tune/subject.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace flyball::live {

class RunFigures {
public:
    // component: for the metrics that it declares.
    explicit RunFigures(const calibrate::Component& component) : component_(component) {}

    // What is counted is counted from its start to its end, warm-up too: an OOM kill is one whenever it was.
    void starts(const tune::Reading& at);
    void ends(const tune::Reading& at) { end_ = at; }
    void add(const tune::Window& window);

    // fresh: the cgroup was made for this run, so that the kernel's own peaks are the run's.
    [[nodiscard]] std::map<std::string, calibrate::Series> take(bool fresh);

    [[nodiscard]] std::uint64_t span_ns() const { return span_ns_; }
    [[nodiscard]] double displaced() const { return disturbance_.displaced; }
    // Why what was measured may be wrong by more than this share because of the machine; empty: it is not.
    [[nodiscard]] std::string disturbed(double most) const;

private:
    void add_performance(const tune::Window& window);
    void add_counters(const tune::Window& window);
    void add_totals(std::map<std::string, calibrate::Series>& all, bool fresh) const;
    void add_counts(std::map<std::string, calibrate::Series>& all) const;

    const calibrate::Component& component_;
    std::map<std::string, std::vector<double>> by_second_;
    profile::Histogram latency_ns_, io_latency_ns_;
    double done_ = 0, failed_ = 0;
    bool told_ = false;
    std::optional<tune::Reading> start_, end_;   // of the run
    std::optional<tune::Reading> first_, last_;  // of what is measured
    double most_memory_ = 0, most_tasks_ = 0;
    tune::Disturbance disturbance_;
    std::uint64_t span_ns_ = 0;
    std::uint64_t lost_events_ = 0, jobs_ = 0;
};

}  // namespace flyball::live
